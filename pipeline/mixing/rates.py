"""Rates: how often each member of a level is drawn, relative to the others, by the level's strategy.

Pure on names, sizes and weights; all arithmetic is on fractions, so that results are the same on every
machine. Knows no file, no seed and no text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from pipeline.config.sampling import Knobs
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import decimal
from pipeline.mixing.unimax import unimax

_DIGITS = 12
"""Significant digits of a power: what is left after that differs between maths libraries."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts of a task.

    Attributes:
        count: How many there are, 1 or more; they share a cap `per: prompt`.
        rows: Rows that an example gives: `count` where it is seen through all of them, 1 where it is
            seen through one.
    """

    count: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A task, or a group that counts as one."""

    name: str
    size: int | Fraction
    """Rows or tokens (>= 0); of a group those of all its tasks."""
    weight: float | None = None
    """As written; null counts as 1."""
    prompts: Prompts = field(default_factory=Prompts)
    """Through which the rows were made."""


def level_rates(
    members: Sequence[Member], strategy: str, knobs: Knobs, *, budget: Fraction | None
) -> dict[str, Fraction]:
    """Return each member's unnormalised rate, by name in name order.

    Args:
        members: Of one level; none is without rows.
        strategy: One of `SplitStrategy`.
        knobs: What the strategy was told.
        budget: What the level has to split, in the unit of the sizes; `unimax` alone needs it.

    Returns:
        Rates > 0: the weight times the strategy's own rate. Under `unimax` a rate is the amount itself,
        0 where `max_epochs` allows not even one row.

    Raises:
        MixtureError: A rate is infinite or 0.
    """
    if strategy == "unimax":
        sizes = {member.name: member.size for member in members}
        return unimax(sizes, budget=budget or Fraction(0), max_epochs=knobs.max_epochs or 1.0)
    result = {}
    for member in sorted(members, key=lambda member: member.name):
        weight = Fraction(1) if member.weight is None else decimal(member.weight)
        own = Fraction(1) if strategy in ("equal", "weights") else _by_size(member, knobs)
        check_rate(member.name, weight * own)
        result[member.name] = weight * own
    return result


def _by_size(member: Member, knobs: Knobs) -> Fraction:
    rate = size_rate(
        member.size,
        scale=knobs.scale or 1.0,
        cap=knobs.cap,
        temperature=knobs.temperature or 1.0,
        prompts=member.prompts if knobs.per == "prompt" else None,
    )
    if rate == 0:
        raise MixtureError(
            f"the rate of '{member.name}' is 0: "
            f"its {member.prompts.count} prompts share a cap of {knobs.cap}",
            where=f"tasks.{member.name}",
            remedy="raise the cap",
        )
    return rate


def size_rate(
    size: int | Fraction,
    *,
    scale: float = 1.0,
    cap: int | None = None,
    temperature: float = 1.0,
    prompts: Prompts | None = None,
) -> Fraction:
    """Return the rate that a member has by its size, as SeqIO's `mixing_rate_num_examples` does.

    Args:
        size: Rows or tokens (> 0).
        scale: Multiplies the size first.
        cap: Size above which a member counts as no larger.
        temperature: T > 0; the capped size is taken to the power 1/T, last; 12 digits are kept.
        prompts: Null, or the prompts P among which T0 splits the cap (Sanh et al., 2022): each has all
            examples up to the cap, and `cap // P` above; the rate is the sum over them. There are
            `size / prompts.rows` examples.

    Raises:
        MixtureError: The power is larger than the largest float.
    """
    rate = size * decimal(scale)
    if prompts is not None:
        one = rate / prompts.rows
        capped = cap is not None and one > cap
        rate = prompts.count * (Fraction((cap or 0) // prompts.count) if capped else one)
    elif cap is not None:
        rate = min(rate, Fraction(cap))
    if temperature == 1.0 or rate == 0:
        return rate
    try:
        return Fraction(f"{float(rate) ** (1.0 / temperature):.{_DIGITS}g}")
    except (OverflowError, ValueError):
        raise MixtureError(
            f"{float(rate):g} to the power 1/{temperature} is too large to use",
            where="sampling.temperature",
            remedy="raise it",
        ) from None


def check_rate(name: str, rate: float | Fraction) -> None:
    """Check one rate.

    Raises:
        MixtureError: It is NaN, infinite (as a float) or negative; names the task.
    """
    try:
        value = float(rate)
    except OverflowError:
        value = math.inf
    if math.isfinite(value) and value >= 0.0:
        return
    raise MixtureError(
        f"the rate of '{name}' is {value}",
        where=f"tasks.{name}",
        expected="a finite number that is not negative",
        remedy="check its weight and the temperature",
    )


def shares(rates: Mapping[str, float | Fraction]) -> dict[str, Fraction]:
    """Return each member's share: in [0, 1], summing to 1 exactly, in name order.

    Raises:
        MixtureError: A rate is not a number that can be used, or all are 0.
    """
    for name in sorted(rates):
        check_rate(name, rates[name])
    exact = {
        name: rate if isinstance(rate, Fraction) else decimal(rate)
        for name, rate in sorted(rates.items())
    }
    whole = sum(exact.values())
    if whole == 0:
        raise MixtureError("no task of the mixture is drawn", expected="one rate above 0 at least")
    return {name: rate / whole for name, rate in exact.items()}
