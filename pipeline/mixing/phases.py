"""Phases: how many rows, or which part of a budget, each stretch of a mixture has. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.config.sampling import Phase
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import apportioned, decimal

WHOLE = "all"
"""Name of the one phase of a mixture that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """A stretch of positions with a composition of its own."""

    name: str
    positions: int
    quotas: Mapping[str, int]
    """Rows drawn of each task, in name order; sums to `positions`. Tasks that the phase does not draw
    are left out."""


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
    told = [None if phase.share is None else decimal(phase.share) for phase in phases]
    rest = 1 - sum((share for share in told if share is not None), Fraction(0))
    return [rest if share is None else share for share in told]
