"""What a sampling strategy says about itself, and what it is given to split.

All arithmetic is on fractions, so that results are the same on every machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from pipeline.config.strict import Positive, Strict
from pipeline.errors import MixtureError

Count = Annotated[int, Field(gt=0)]
SizeKey = Literal["rows", "epochs", "passes", "tokens"]
Unit = Literal["rows", "tokens", "supervised_tokens"]


class Knobs(Strict):
    """The keys that some strategies take; a strategy names those that it takes."""

    temperature: Positive | None = None
    """T of `temperature`: 1 keeps proportions, larger flattens them. Applied last."""
    scale: Positive | None = None
    """Multiplies a size before the cap is applied."""
    cap: Count | None = None
    """Size above which a task counts as no larger, applied before the temperature."""
    per: Literal["task", "prompt"] | None = None
    """`prompt`: the cap is T0's. Each prompt of a task up to the cap has the whole size, and those of
    a larger task share the cap; a task's size is the sum over its prompts. Default `task`."""
    max_epochs: Positive | None = None
    """Most times that `unimax` repeats a row."""

    def given(self) -> dict[str, Any]:
        """Return the knobs that were written."""
        values = {key: getattr(self, key) for key in Knobs.model_fields}
        return {key: value for key, value in values.items() if value is not None}


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


class TaskKeys(Protocol):
    """What a card may say of a task to a strategy that fixes the rows."""

    @property
    def count(self) -> int | None:
        """Rows to draw."""

    @property
    def epochs(self) -> float | None:
        """Times that the task's rows are drawn."""


class Strategy:
    """How often each task is drawn: what all strategies say about themselves.

    A strategy that says no more than this leaves the splitting to another, which the card names with
    `by`.
    """

    name: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = ()
    """Knobs that a card may set."""
    needs: ClassVar[str | None] = None
    """The knob that a card must set."""
    sizes: ClassVar[tuple[SizeKey, ...]] = ("rows", "epochs")
    """Keys that say how large a mixture is; a card gives exactly one. None: the strategy fixes it."""
    unit: ClassVar[Unit] = "rows"
    """What the strategy counts out."""
    view: ClassVar[Literal["choice", "text"] | None] = None
    """The only view that has what it counts; null where every view has it."""
    view_note: ClassVar[str] = ""
    """Why other views have not."""


class SplitStrategy(Strategy):
    """Splits rows or tokens among the members of a level."""

    weights: ClassVar[Literal["optional", "required", "refused"]] = "optional"
    """Whether members have weights."""
    splits_known_size: ClassVar[bool] = False
    """Whether rates depend on how much there is to split, so that no stop rule can decide the size."""

    def rates(
        self, members: Sequence[Member], knobs: Knobs, *, budget: Fraction | None
    ) -> dict[str, Fraction]:
        """Return each member's unnormalised rate, by name in name order.

        Args:
            members: Of one level; none is without rows.
            knobs: As written on the card.
            budget: What the level has to split, in the unit of the sizes; null while it is unknown.

        Returns:
            Rates >= 0: here the weight times the strategy's own rate.

        Raises:
            MixtureError: A rate is infinite or 0.
        """
        result = {}
        for member in sorted(members, key=lambda member: member.name):
            weight = Fraction(1) if member.weight is None else decimal(member.weight)
            result[member.name] = weight * self.own_rate(member, knobs)
            check_rate(member.name, result[member.name])
        return result

    def own_rate(self, member: Member, knobs: Knobs) -> Fraction:
        """Return a member's rate without its weight (> 0); here 1."""
        del member, knobs
        return Fraction(1)


class FixedStrategy(Strategy):
    """Fixes the rows of each task and splits nothing."""

    sizes: ClassVar[tuple[SizeKey, ...]] = ()
    task_key: ClassVar[Literal["count", "epochs"]]
    """The key of a task that goes with this strategy and with no other."""

    def missing(self, task: TaskKeys, epochs: float | None) -> str | None:
        """Word what the card does not say of a task; None where it says enough.

        Args:
            task: What the card says of it.
            epochs: `sampling.epochs` of the card.
        """
        raise NotImplementedError

    def quota(self, task: TaskKeys, rows: int, epochs: float | None) -> int:
        """Return the rows to draw of a task that has so many; other arguments as of `missing`."""
        raise NotImplementedError


def decimal(value: float) -> Fraction:
    """Return the number that a person wrote: 0.1 is one tenth, not its nearest binary fraction."""
    return Fraction(repr(value))


def rounded(factor: float, rows: int) -> int:
    """Return `factor * rows` as the nearest integer, a half rounded up; exact for any size."""
    return int(decimal(factor) * rows + Fraction(1, 2))


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
