"""Strategies that look at the sizes of tasks: proportional to them, or to a root of them."""

from fractions import Fraction
from typing import ClassVar

from pipeline.config.strategies.base import Knobs, Member, Prompts, SizeKey, SplitStrategy, decimal
from pipeline.errors import MixtureError

_DIGITS = 12
"""Significant digits of a power: what is left after that differs between maths libraries."""


class Proportional(SplitStrategy):
    """In proportion to size, scaled and capped."""

    name = "proportional"
    takes: ClassVar[tuple[str, ...]] = ("scale", "cap", "per")
    sizes: ClassVar[tuple[SizeKey, ...]] = ("rows", "epochs", "passes")

    def own_rate(self, member: Member, knobs: Knobs) -> Fraction:
        """Return the size, scaled and capped, to the power 1/T where there is a temperature."""
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


class Temperature(Proportional):
    """In proportion to size to the power 1/T, scaled and capped before."""

    name = "temperature"
    takes = ("temperature", "scale", "cap", "per")
    needs = "temperature"
    sizes: ClassVar[tuple[SizeKey, ...]] = ("rows", "epochs")


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
