"""How many rows a mixture and each of its phases have: by the size on the card, or by the stop rule.

With tasks of 3 and 100 rows and equal shares, `first_exhausted` ends at 6 rows and `all_seen` at 200.
The rules are about exact shares, so that they can be checked by hand: a task whose share of N rows is
`N * share` has outgrown its rows when that is more than they are, and has them all when it is no less.
Rounding a share to whole rows breaks neither.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from pipeline.config.sampling import Phase, Sampling
from pipeline.config.strategies.base import decimal, rounded
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import apportioned


def given_size(sampling: Sampling, rows: int, rates: Mapping[str, Fraction] | None) -> int | None:
    """Return the size of a mixture as its card gives it; null where the stop rule decides.

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


def phase_rows(phases: Sequence[Phase], total: int | None) -> list[int]:
    """Return the rows of each phase, in their order; one of all rows where there is no phase.

    Shares become rows by largest remainder, ties to the earlier phase. A phase without share and rows
    takes the rest.

    Raises:
        MixtureError: A phase is left without a row.
    """
    if not phases:
        return [total or 0]
    if any(phase.rows is not None for phase in phases) or total is None:
        taken = sum(phase.rows or 0 for phase in phases)
        rows = [(total or 0) - taken if phase.rows is None else phase.rows for phase in phases]
    else:
        keys = [f"{index:06}" for index in range(len(phases))]
        exact = {key: total * part for key, part in zip(keys, phase_shares(phases), strict=True)}
        split = apportioned(exact, total=total)
        rows = [split[key] for key in keys]
    for phase, count in zip(phases, rows, strict=True):
        if count <= 0:
            raise MixtureError(
                f"phase '{phase.name}' has {count} of the {total} rows of the mixture",
                where=f"phases.{phase.name}",
                expected="one row at least",
                remedy="raise its share, or the mixture's rows",
            )
    return rows


def phase_shares(phases: Sequence[Phase]) -> list[Fraction]:
    """Return the exact share of each phase; a phase that has none takes the rest."""
    if not phases:
        return [Fraction(1)]
    given = [None if phase.share is None else decimal(phase.share) for phase in phases]
    rest = 1 - sum((share for share in given if share is not None), Fraction(0))
    return [rest if share is None else share for share in given]
