"""UniMax (Chung et al., 2023): as even as a limit on repetition allows.

Of 4,000 rows and at most 4 epochs, tasks of 10, 100, 5,000 and 10,000 rows get 40, 400, 1,780 and
1,780: tasks are visited from the smallest on, each is offered an equal part of what is left, and takes
no more than `max_epochs` of its rows.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import ClassVar, Literal

from pipeline.config.strategies.base import Knobs, Member, SizeKey, SplitStrategy, decimal


class UniMax(SplitStrategy):
    """Equal parts of a size that is known, up to `max_epochs` of each member's rows."""

    name = "unimax"
    takes = ("max_epochs",)
    needs = "max_epochs"
    sizes: ClassVar[tuple[SizeKey, ...]] = ("rows", "epochs", "tokens")
    weights: ClassVar[Literal["optional", "required", "refused"]] = "refused"
    splits_known_size = True

    def rates(
        self, members: Sequence[Member], knobs: Knobs, *, budget: Fraction | None
    ) -> dict[str, Fraction]:
        """Return the amounts themselves; 0 where `max_epochs` allows not even one row."""
        sizes = {member.name: member.size for member in members}
        return unimax(sizes, budget=budget or Fraction(0), max_epochs=knobs.max_epochs or 1.0)


def unimax(
    sizes: Mapping[str, int | Fraction], *, budget: Fraction, max_epochs: float
) -> dict[str, Fraction]:
    """Return what each task gives of a budget, in the unit of both.

    Args:
        sizes: Rows, or tokens, of each task.
        budget: What is to be split, in the same unit.
        max_epochs: Most times that a row may come; a limit of a task is rounded down to a whole, so
            that rounding a share up never breaks it.

    Returns:
        Amounts by name in name order. They sum to `budget` where the limits allow it; else every task
        is at its limit and the budget can only be met by breaking all limits alike.
    """
    most = {name: Fraction(floor(decimal(max_epochs) * sizes[name])) for name in sizes}
    left, given = budget, dict[str, Fraction]()
    for index, name in enumerate(sorted(sizes, key=lambda name: (most[name], name))):
        given[name] = min(left / (len(sizes) - index), most[name])
        left -= given[name]
    return {name: given[name] for name in sorted(sizes)}
