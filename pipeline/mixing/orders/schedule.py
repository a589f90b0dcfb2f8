"""Jobs with windows of time, run earliest deadline first: what the smooth and the stratified order share.

Lays out what `schedule_kernels.py` works on. Knows numbers only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipeline.mixing.orders.schedule_kernels import Jobs, Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Windows of K tasks' jobs, in slots.

    The i-th, from 0, may run from (release + i * step) // under on, and must have run by the end of
    (deadline + i * step) // under.
    """

    jobs: Sequence[int]
    """How many each task has."""
    release: Sequence[int]
    deadline: Sequence[int]
    step: Sequence[int]
    under: Sequence[int]
    fair: bool = False
    """Whether equal deadlines go by the rules of PD2, not by the task's place."""


def scheduled(
    fractions: Fractions, *, slots: int, each: int, chunk: int
) -> Iterator[NDArray[np.int32]]:
    """Yield the tasks that run, slot by slot.

    Args:
        fractions: The windows; there must be a schedule that keeps to them.
        slots: Slots in all.
        each: Jobs of a slot, at most one a task.
        chunk: Slots yielded at a time.
    """
    from pipeline.mixing.orders.schedule_kernels import run, start

    jobs, queue = _jobs(fractions), _queue(len(fractions.jobs))
    start(jobs, queue)
    for first in range(0, slots, chunk):
        task_N = np.empty(min(chunk, slots - first) * each, dtype=np.int32)
        run(jobs, queue, each, task_N)
        yield task_N


def _jobs(fractions: Fractions) -> "Jobs":
    from pipeline.mixing.orders.schedule_kernels import Jobs

    release_2K = _split(fractions.release, fractions.under)
    deadline_2K = _split(fractions.deadline, fractions.under)
    step_2K = _split(fractions.step, fractions.under)
    return Jobs(
        left_K=np.array(fractions.jobs, dtype=np.int64),
        release_K=release_2K[0],
        release_rest_K=release_2K[1],
        deadline_K=deadline_2K[0],
        deadline_rest_K=deadline_2K[1],
        step_K=step_2K[0],
        step_rest_K=step_2K[1],
        under_K=np.array(fractions.under, dtype=np.int64),
        fair=fractions.fair,
    )


def _split(
    over: Sequence[int], under: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    parts = [divmod(a, b) for a, b in zip(over, under, strict=True)]
    whole, rest = zip(*parts, strict=True)
    return np.array(whole, dtype=np.int64), np.array(rest, dtype=np.int64)


def _queue(tasks: int) -> "Queue":
    from pipeline.mixing.orders.schedule_kernels import Queue

    leaves = 1 << max(tasks - 1, 1).bit_length()
    # far more lists than tasks: few tasks are met again before their release
    return Queue(
        slot=np.zeros(1, dtype=np.int64),
        head_R=np.empty(max(4 * leaves, 1024), dtype=np.int32),
        next_K=np.empty(tasks, dtype=np.int32),
        due_T=np.empty(2 * leaves, dtype=np.int64),
        tie_T=np.empty(2 * leaves, dtype=np.int64),
    )
