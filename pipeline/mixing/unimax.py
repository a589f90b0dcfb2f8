"""UniMax (Chung et al., 2023): as even as a limit on repetition allows. Pure; knows names and sizes.

Tasks are visited from the smallest on, and each is offered an equal part of the budget that is left.
Where that is more than `max_epochs` of its rows, it takes those, and what it leaves goes to the larger
ones in equal parts.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from pipeline.mixing.quotas import decimal


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
