"""`stratified-1`: every global batch has the same composition, as nearly as whole rows can.

With quotas 40, 20 and 20 every batch of 8 holds 4, 2 and 2 rows, shuffled. In general every batch of B
rows holds B * q / N rows of a task with quota q of N positions, rounded down or up, and so does every
run of batches from the first on. Each task has the whole part in every batch. The fractions are dealt
out as processors to periodic jobs that must never be a whole slot ahead or behind (P-fairness: Baruah,
Cohen, Plaxton and Varvel, Algorithmica 15, 1996), by the rules of PD2 (Anderson and Srinivasan,
Journal of Computer and System Sciences 68, 2004).

Batches are counted over the whole order. A phase that starts inside a batch first fills it, by largest
remainder; the last batch may be short.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.permutation import child_key
from pipeline.mixing.order.recipe import Recipe
from pipeline.mixing.quotas import apportioned
from pipeline.seeds import derive_seed

CHUNK = 1 << 20
"""Positions that are held at a time, about."""

Tasks = NDArray[np.int32]


def turns(recipe: Recipe) -> Iterator[Tasks]:
    """Yield the tasks of the positions, as indexes into the recipe's draws, a chunk at a time."""
    batch, first = recipe.batch or 1, 0
    for index, phase in enumerate(recipe.phases):
        key = derive_seed(recipe.seed, "batch-1", index)
        active_K = np.flatnonzero(np.array(phase)).astype(np.int32)
        quotas = [phase[k] for k in active_K]
        for task_N in _phase_turns(quotas, batch, -first % batch, key):
            yield active_K[task_N]
        first += sum(phase)


def _phase_turns(quotas: Sequence[int], batch: int, head: int, key: int) -> Iterator[Tasks]:
    """Yield what fills the batch that is begun, the whole batches, and the rest."""
    head = min(head, sum(quotas))
    begun = _rounded(quotas, head)
    yield _shuffled(begun, child_key(key, 0))
    left = [quota - count for quota, count in zip(quotas, begun, strict=True)]
    taken = np.zeros(len(left), dtype=np.int64)
    for task_N in _whole_batches(left, batch, child_key(key, 1)):
        taken += np.bincount(task_N, minlength=len(left))
        yield task_N
    yield _shuffled([a - int(b) for a, b in zip(left, taken, strict=True)], child_key(key, 2))


def _rounded(quotas: Sequence[int], rows: int) -> list[int]:
    """Return `rows` rows split by the quotas, by largest remainder; ties to the first by name."""
    total = sum(quotas)
    exact = {f"{k:09}": Fraction(quota * rows, total) for k, quota in enumerate(quotas)}
    split = apportioned(exact, total=rows)
    return [split[name] for name in exact]


def _shuffled(counts: Sequence[int], key: int) -> Tasks:
    from pipeline.mixing.order.stratified_kernels import shuffle

    task_N = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    shuffle(task_N, np.uint64(key))
    return task_N


def _whole_batches(quotas: Sequence[int], batch: int, key: int) -> Iterator[Tasks]:
    from pipeline.mixing.order.stratified_kernels import deal

    positions = sum(quotas)
    if positions < batch:
        return
    split = [divmod(batch * quota, positions) for quota in quotas]
    fixed_F = np.repeat(np.arange(len(quotas), dtype=np.int32), [whole for whole, _ in split])
    slots, each, chunk = positions // batch, batch - len(fixed_F), max(CHUNK // batch, 1)
    partial_K = np.flatnonzero([rest for _, rest in split]).astype(np.int32)
    extras = _extras([split[k][1] for k in partial_K], positions, slots, each, chunk)
    for first in range(0, slots, chunk):
        extra_N = partial_K[next(extras)] if each else np.empty(0, dtype=np.int32)
        task_N = np.empty(min(chunk, slots - first) * batch, dtype=np.int32)
        deal(fixed_F, extra_N, each, np.uint64(key), first, task_N)
        yield task_N


def _extras(
    rests: Sequence[int], positions: int, slots: int, each: int, chunk: int
) -> Iterator[Tasks]:
    """Yield which tasks have a row more, `each` of them in every batch; task k at rate rest / N."""
    from pipeline.mixing.order.schedule import Windows, scheduled

    windows = Windows(
        jobs=[slots + 1] * len(rests),
        release=[0] * len(rests),
        deadline=[positions - 1] * len(rests),
        step=[positions] * len(rests),
        under=list(rests),
        fair=True,
    )
    return scheduled(windows, slots=slots, each=each, chunk=chunk)
