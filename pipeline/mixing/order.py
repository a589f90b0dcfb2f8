"""The order: which row of the mixture stands at which position, as a table.

Algorithm `shuffled-1`. (1) A task's rows are walked in whole epochs, each a permutation drawn from
the seed, the task's name and the epoch: no row comes an (e+1)-th time before all came e times. (2) The
tasks' turns, each as often as its quota says, are shuffled as one sequence; the n-th turn of a task
takes the n-th row of its walk. So a task's walk does not depend on which other tasks there are. The
golden hashes in the tests hold the algorithm fixed: another result needs another name.

Knows names, sizes, quotas and a seed; never sees text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.mixing.quotas import MAX_ROWS, check_quotas
from pipeline.schema import ORDER
from pipeline.seeds import derive_rng

ALGORITHM = "shuffled-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One task's part in an order."""

    task: str
    start: int
    """Mixture row of the task's first row."""
    rows: int
    """Rows that the task has."""
    quota: int
    """Rows to draw of it."""


def mixture_order(draws: Sequence[Draw], *, seed: int) -> pa.Table:
    """Return the order of a mixture.

    Args:
        draws: The tasks, in any sequence; their rows must not overlap.
        seed: Seed of the run.

    Returns:
        A table of `schema.ORDER` with one row a position, N = the sum of quotas: `row`, the mixture
        row (a task's `start` plus its own row), and `epoch`, how often that row was drawn before.

    Raises:
        MixtureError: A task has a quota and no rows, more than 256 epochs, or the mixture rows do not
            fit into 32 bits.
    """
    parts = sorted((draw for draw in draws if draw.quota), key=lambda draw: draw.task)
    _check(parts)
    quotas = [draw.quota for draw in parts]
    row_N = np.empty(sum(quotas), dtype=np.uint32)
    epoch_N = np.empty(sum(quotas), dtype=np.uint8)
    # Positions grouped by task, ascending inside each: the n-th of a task's is its n-th turn.
    position_N = np.argsort(turns(quotas, seed=seed), kind="stable")
    first = 0
    for draw in parts:
        at = position_N[first : first + draw.quota]
        rows, epochs = walk(draw, seed=seed)
        row_N[at] = rows + np.uint32(draw.start)
        epoch_N[at] = epochs
        first += draw.quota
    return pa.table([pa.array(row_N), pa.array(epoch_N)], schema=ORDER)


def turns(quotas: Sequence[int], *, seed: int) -> NDArray[np.unsignedinteger]:
    """Return the shuffled sequence of tasks' turns: index i of the quotas occurs `quotas[i]` times.

    Integers of the narrowest kind that holds the indexes, since up to 16 bits they sort in linear time.
    """
    kind = np.min_scalar_type(max(len(quotas) - 1, 0))
    turns_N = np.repeat(np.arange(len(quotas), dtype=kind), quotas)
    derive_rng(seed, "order", "turns").shuffle(turns_N)
    return turns_N


def walk(draw: Draw, *, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return one task's own rows in the sequence in which they are drawn, and the epoch of each.

    Depends on the seed, the task's name, its rows and its quota only; a smaller quota gives a prefix.
    """
    rows = np.empty(draw.quota, dtype=np.uint32)
    for epoch, first in enumerate(range(0, draw.quota, draw.rows)):
        last = min(first + draw.rows, draw.quota)
        rows[first:last] = epoch_rows(draw.task, draw.rows, epoch, seed=seed)[: last - first]
    epochs = np.arange(-(-draw.quota // draw.rows), dtype=np.uint8).repeat(draw.rows)
    return rows, epochs[: draw.quota]


def epoch_rows(task: str, rows: int, epoch: int, *, seed: int) -> NDArray[np.uint32]:
    """Return the permutation of a task's rows that is its walk through one epoch."""
    permutation = np.arange(rows, dtype=np.uint32)
    derive_rng(seed, "order", task, epoch).shuffle(permutation)
    return permutation


def _check(parts: Sequence[Draw]) -> None:
    names = [draw.task for draw in parts]
    if len(set(names)) < len(names):
        raise MixtureError("a task occurs twice in the order")
    check_quotas({p.task: p.quota for p in parts}, {p.task: p.rows for p in parts})
    end = max((draw.start + draw.rows for draw in parts), default=0)
    if end > MAX_ROWS:
        raise MixtureError(
            f"the tasks have {end} rows together",
            expected=f"at most {MAX_ROWS}, since the order keeps 4 bytes a row",
            remedy="set limits.train, or split the mixture",
        )
