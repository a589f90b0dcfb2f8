"""What an order is made of: tasks with their rows and quotas, phases, a seed, an algorithm.

`recipe` checks these parts against each other and against what the order's file can hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.contract.order import ALGORITHMS, SHUFFLED, STRATIFIED, Draw
from pipeline.errors import MixtureError, unknown_name
from pipeline.mixing.quotas import MAX_ROWS, check_quotas

MAX_POSITIONS = 2**32
"""Positions of an order that is written down: more than memory holds at 5 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides an order; make it with `recipe`."""

    algorithm: str
    seed: int
    draws: tuple[Draw, ...]
    """Tasks that are drawn, in name order."""
    phases: tuple[tuple[int, ...], ...]
    """Rows of each of those tasks in each phase, one phase at least; phases without rows are left out."""
    batch: int | None
    """Rows of a global batch; null where the algorithm does not know it."""

    @property
    def positions(self) -> int:
        """Rows of the whole order."""
        return sum(draw.quota for draw in self.draws)


def recipe(
    draws: Sequence[Draw],
    *,
    seed: int,
    algorithm: str = SHUFFLED,
    phases: Sequence[Mapping[str, int]] = (),
    batch: int | None = None,
) -> Recipe:
    """Check the parts of an order and put them together.

    Args:
        draws: The tasks, in any sequence; their rows must not overlap.
        seed: Seed of the run.
        algorithm: One of `ALGORITHMS`.
        phases: Rows of each task in each phase, in their order; none is one phase of all.
        batch: Rows of a global batch; for `stratified-1` only, and needed there.

    Raises:
        MixtureError: The algorithm is unknown; a task occurs twice, has a quota and no rows, or comes
            to more than 256 epochs; the mixture rows do not fit into 32 bits; the phases do not sum to
            the quotas; the batch is missing, below 1, or of no use.
    """
    if algorithm not in ALGORITHMS:
        what, remedy = unknown_name("order algorithm", algorithm, ALGORITHMS)
        raise MixtureError(what, remedy=remedy)
    parts = tuple(sorted((draw for draw in draws if draw.quota), key=lambda draw: draw.task))
    _check_draws(parts)
    _check_batch(algorithm, batch)
    all_phases = phases or ({part.task: part.quota for part in parts},)
    rows = tuple(tuple(phase.get(part.task, 0) for part in parts) for phase in all_phases)
    _check_phases(parts, all_phases)
    return Recipe(
        algorithm=algorithm,
        seed=seed,
        draws=parts,
        phases=tuple(phase for phase in rows if sum(phase)),
        batch=batch,
    )


def _check_draws(parts: Sequence[Draw]) -> None:
    for one, other in pairwise(parts):
        if one.task == other.task:
            raise MixtureError(f"task '{one.task}' occurs twice in the order")
    check_quotas({p.task: p.quota for p in parts}, {p.task: p.rows for p in parts})
    end = max((draw.start + draw.rows for draw in parts), default=0)
    if end > MAX_ROWS:
        raise MixtureError(
            f"the tasks have {end} rows together",
            expected=f"at most {MAX_ROWS}, since the order keeps 4 bytes a row",
            remedy="set limits.train, or split the mixture",
        )


def _check_batch(algorithm: str, batch: int | None) -> None:
    if (algorithm == STRATIFIED) != (batch is not None):
        raise MixtureError(
            f"the batch is {batch} for the order {algorithm}",
            expected=f"a batch for {STRATIFIED}, and for no other",
        )
    if batch is not None and batch < 1:
        raise MixtureError(f"the batch is {batch}", expected="one row at least")


def _check_phases(parts: Sequence[Draw], phases: Sequence[Mapping[str, int]]) -> None:
    quotas = {part.task: part.quota for part in parts}
    for task in sorted({task for phase in phases for task in phase} | set(quotas)):
        counts = [phase.get(task, 0) for phase in phases]
        if min(counts) < 0 or sum(counts) != quotas.get(task, 0):
            raise MixtureError(
                f"the phases draw {' + '.join(map(str, counts))} rows of task '{task}'",
                expected=f"{quotas.get(task, 0)} in all, its quota",
            )
