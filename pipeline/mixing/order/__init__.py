"""The order of a mixture: which mixture row stands at which position.

`mixture_order` builds it from tasks, quotas and a seed by one of three algorithms: `shuffled`,
`smooth`, `stratified`. Each algorithm has a version in its name and a golden hash in the tests, so
that another result needs another name. `docs/mixing.md` says what each guarantees.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contract.order import ORDER, SHUFFLED, SMOOTH, STRATIFIED, Draw
from pipeline.errors import MixtureError
from pipeline.mixing.order import shuffled, smooth, stratified
from pipeline.mixing.order.recipe import MAX_POSITIONS, Recipe, recipe
from pipeline.mixing.order.walk import epoch_rows, walks_of

__all__ = ["NEWEST", "Draw", "epoch_rows", "mixture_order"]

NEWEST = {"shuffled": SHUFFLED, "smooth": SMOOTH, "stratified": STRATIFIED}
"""What a card says -> the algorithm that builds it today."""


def mixture_order(
    draws: Sequence[Draw],
    *,
    seed: int,
    algorithm: str = SHUFFLED,
    phases: Sequence[Mapping[str, int]] = (),
    batch: int | None = None,
    threads: int | None = None,
) -> pa.Table:
    """Return the order of a mixture.

    Args:
        draws: The tasks, in any sequence; their rows must not overlap.
        seed: Seed of the run.
        algorithm: One of `ALGORITHMS`.
        phases: Rows of each task in each phase, in their order; a task's walk goes on through them.
            None is one phase of all.
        batch: Rows of a global batch, for `stratified-1` only.
        threads: Threads to use, all cores by default; the result is the same.

    Returns:
        A table of `order.ORDER` with one row a position, N = the sum of quotas: `row`, the mixture
        row (a task's `start` plus its own row), and `epoch`, how often that row was drawn before.

    Raises:
        MixtureError: The order cannot be built or written down; see `recipe`.
    """
    made = recipe(draws, seed=seed, algorithm=algorithm, phases=phases, batch=batch)
    if made.positions > MAX_POSITIONS:
        raise MixtureError(
            f"the order has {made.positions} positions",
            expected=f"at most {MAX_POSITIONS}, to be written down",
            remedy="lower the mixture's rows",
        )
    if algorithm == SHUFFLED:
        row_N, epoch_N = shuffled.order_arrays(made, threads=threads)
    else:
        turns = smooth.turns if algorithm == SMOOTH else stratified.turns
        row_N, epoch_N = _walked(made, turns(made))
    return pa.table([pa.array(row_N), pa.array(epoch_N)], schema=ORDER)


def _walked(
    made: Recipe, turns: Iterator[NDArray[np.int32]]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the rows and epochs of a sequence of turns."""
    from pipeline.mixing.order.walk_kernels import fill_turns

    row_N = np.empty(made.positions, dtype=np.uint32)
    epoch_N = np.empty(made.positions, dtype=np.uint8)
    walks = walks_of(made.draws, seed=made.seed)
    turn_K = np.zeros(len(made.draws), dtype=np.int64)
    first = 0
    # one thread fills what the other has scheduled; it takes the chunks in their order
    with ThreadPoolExecutor(1) as filler:
        filled: Future[None] | None = None
        for task_N in turns:
            last = first + len(task_N)
            if filled is not None:
                filled.result()
            filled = filler.submit(
                fill_turns, task_N, turn_K, walks, row_N[first:last], epoch_N[first:last]
            )
            first = last
    return row_N, epoch_N
