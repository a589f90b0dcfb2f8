"""Where a mixture ends: its number of rows by its size as told, or by its stop rule. Pure.

The rules are about exact shares, so that they can be checked by hand: a task whose share of N rows is
`N * share` has "outgrown" its rows when that is more than they are, and "holds all its rows" when it is
no less. Rounding a share to whole rows breaks neither.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor

from pipeline.config.sampling import Sampling
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import decimal, rounded


def told_size(sampling: Sampling, rows: int, rates: Mapping[str, Fraction] | None) -> int | None:
    """Return the size of a mixture as its card tells it; null where the stop rule decides.

    Args:
        sampling: Holds one of `rows`, `epochs` and `passes`, or none.
        rows: Train rows of all tasks of the mixture.
        rates: Of the topmost level, which `passes` multiplies; null where it is not asked for.

    Returns:
        Rows; a multiple is rounded to the nearest, a half up.
    """
    if sampling.rows is not None:
        return sampling.rows
    if sampling.epochs is not None:
        return rounded(sampling.epochs, rows)
    if sampling.passes is not None and rates is not None:
        return floor(decimal(sampling.passes) * sum(rates.values()) + Fraction(1, 2))
    return None


def stop_size(stop: str, shares: Mapping[str, Fraction], rows: Mapping[str, int]) -> int:
    """Return the rows of a mixture that ends by a stop rule.

    Args:
        stop: `first_exhausted`: the most rows of which no task's share is more than its rows;
            `all_seen`: the fewest of which every task's share is no less than its rows;
            `exactly_once`: all rows of all tasks.
        shares: Of each task, in [0, 1]; tasks with share 0 are not drawn and do not count.
        rows: Train rows of each task.

    Raises:
        MixtureError: It is no rule that decides a size.
    """
    drawn = [(Fraction(rows[task]), share) for task, share in shares.items() if share]
    if stop == "first_exhausted":
        return min(floor(size / share) for size, share in drawn)
    if stop == "all_seen":
        return max(ceil(size / share) for size, share in drawn)
    if stop == "exactly_once":
        return sum(rows[task] for task in shares)
    raise MixtureError(
        f"stop '{stop}' needs a size", where="sampling", expected="'rows' or 'epochs'"
    )
