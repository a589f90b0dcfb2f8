"""Run jobs in slots, earliest deadline first: what the smooth and the stratified order share.

A task with 3 jobs in 12 slots may have to run the first in slots 0 to 3, the next in 4 to 7, and so
on. Release and deadline of its i-th job are floors of fractions that grow by a constant step from job
to job. Each slot runs the same number of jobs, at most one of a task. Ready tasks lie in a tournament
tree, waiting ones in a ring of lists by release. All arithmetic is on integers.

Importing this module loads numba. In the names of axes K is tasks, R places in the ring, T nodes of
the tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.jit import compiled, inlined

Int = int | np.int64 | np.uint64
Ints = NDArray[np.int64]
Nodes = NDArray[np.int32]

_NEVER = np.int64(2**62)


class Jobs(NamedTuple):
    """K tasks' next jobs, and how they go on; a fraction is a whole part and a rest over `under_K`."""

    left_K: Ints
    """Jobs still to run."""
    release_K: Ints
    release_rest_K: Ints
    deadline_K: Ints
    """Last slot that a job may run in."""
    deadline_rest_K: Ints
    step_K: Ints
    """Slots from job to job."""
    step_rest_K: Ints
    under_K: Ints
    fair: bool
    """Whether jobs of the same deadline go by the rules of PD2, by the name's place otherwise."""


class Queue(NamedTuple):
    """Where K tasks wait."""

    slot: Ints
    """The next slot, one value."""
    head_R: Nodes
    """First task of each list, -1 for none; a task lies at its release modulo R."""
    next_K: Nodes
    due_T: Ints
    """Earliest deadline of the ready tasks below each node; leaf k is node T / 2 + k."""
    tie_T: Ints
    """Decides between equal deadlines, the smaller first; its last 24 bits are the task."""


@inlined
def _play(queue: Queue, k: Int, due: Int, tie: Int) -> None:
    """Set a task's deadline, and bring the tree up to date without a branch that depends on it."""
    node = (len(queue.due_T) >> 1) + k
    queue.due_T[node], queue.tie_T[node] = due, tie
    while node > 1:
        due_beside, tie_beside = queue.due_T[node ^ 1], queue.tie_T[node ^ 1]
        beside = (due_beside < due) | ((due_beside == due) & (tie_beside < tie))
        due, tie = (due_beside if beside else due), (tie_beside if beside else tie)
        node >>= 1
        queue.due_T[node], queue.tie_T[node] = due, tie


@inlined
def _group_deadline(slot: Int, step: Int, rest: Int, under: Int) -> Int:
    """Return the end of the run of slots that a late job would force a heavy task to take all of.

    With slots / jobs = step + rest / under for a rate of at least one half, so that step is 1.
    """
    slots, idle = np.uint64(under + rest), np.uint64(rest)
    if step != 1 or idle == np.uint64(0):
        return 0
    gaps = (np.uint64(slot) * idle + slots - np.uint64(1)) // slots
    return np.int64((gaps * slots + idle - np.uint64(1)) // idle)


@inlined
def _wait(jobs: Jobs, queue: Queue, k: Int, earliest: Int) -> None:
    """Put task k where its release falls."""
    place = np.int64(max(jobs.release_K[k], earliest)) & (len(queue.head_R) - 1)
    queue.next_K[k] = queue.head_R[place]
    queue.head_R[place] = k


@inlined
def _make_ready(jobs: Jobs, queue: Queue, k: Int) -> None:
    tie: Int = 0
    if jobs.fair:
        overlaps = jobs.deadline_rest_K[k] != jobs.under_K[k] - 1
        group = _group_deadline(
            jobs.deadline_K[k] + 1, jobs.step_K[k], jobs.step_rest_K[k], jobs.under_K[k]
        )
        tie = -group if overlaps else 1
    _play(queue, k, jobs.deadline_K[k], (tie << 24) | k)


@inlined
def _release(jobs: Jobs, queue: Queue, slot: Int) -> None:
    """Make the tasks ready whose release has come; the others of the list wait another round."""
    place = slot & (len(queue.head_R) - 1)
    k = queue.head_R[place]
    queue.head_R[place] = -1
    while k >= 0:
        following = queue.next_K[k]
        if jobs.release_K[k] <= slot:
            _make_ready(jobs, queue, k)
        else:
            _wait(jobs, queue, k, slot)
        k = following


@inlined
def _next_job(jobs: Jobs, k: Int) -> None:
    under = jobs.under_K[k]
    jobs.left_K[k] -= 1
    jobs.release_K[k] += jobs.step_K[k]
    jobs.release_rest_K[k] += jobs.step_rest_K[k]
    if jobs.release_rest_K[k] >= under:
        jobs.release_rest_K[k] -= under
        jobs.release_K[k] += 1
    jobs.deadline_K[k] += jobs.step_K[k]
    jobs.deadline_rest_K[k] += jobs.step_rest_K[k]
    if jobs.deadline_rest_K[k] >= under:
        jobs.deadline_rest_K[k] -= under
        jobs.deadline_K[k] += 1


@compiled
def start(jobs: Jobs, queue: Queue) -> None:
    """Put all tasks in their places, before the first slot."""
    queue.slot[0] = 0
    queue.head_R[:] = -1
    queue.due_T[:] = _NEVER
    queue.tie_T[:] = 0
    for k in range(len(jobs.left_K)):
        _wait(jobs, queue, k, 0)


@compiled
def run(jobs: Jobs, queue: Queue, each: Int, task_N: Nodes) -> None:
    """Write the tasks of the next slots, `each` of them a slot."""
    slot = queue.slot[0]
    for first in range(0, len(task_N), each):
        _release(jobs, queue, slot)
        for i in range(first, first + each):
            if queue.due_T[1] == _NEVER:
                raise RuntimeError("no job is ready: the windows leave no schedule")
            k = queue.tie_T[1] & 0xFFFFFF
            task_N[i] = k
            _play(queue, k, _NEVER, 0)
            _next_job(jobs, k)
            if jobs.left_K[k] > 0:
                _wait(jobs, queue, k, slot + 1)
        slot += 1
    queue.slot[0] = slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
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
    windows: Windows, *, slots: int, each: int, chunk: int
) -> Iterator[NDArray[np.int32]]:
    """Yield the tasks that run, slot by slot.

    Args:
        windows: Of the jobs; there must be a schedule that keeps to them.
        slots: Slots in all.
        each: Jobs of a slot, at most one a task.
        chunk: Slots yielded at a time.
    """
    jobs, queue = _jobs(windows), _queue(len(windows.jobs))
    start(jobs, queue)
    for first in range(0, slots, chunk):
        task_N = np.empty(min(chunk, slots - first) * each, dtype=np.int32)
        run(jobs, queue, each, task_N)
        yield task_N


def _jobs(windows: Windows) -> Jobs:
    under_K = np.array(windows.under, dtype=np.int64)
    release_K, release_rest_K = np.divmod(np.array(windows.release, dtype=np.int64), under_K)
    deadline_K, deadline_rest_K = np.divmod(np.array(windows.deadline, dtype=np.int64), under_K)
    step_K, step_rest_K = np.divmod(np.array(windows.step, dtype=np.int64), under_K)
    return Jobs(
        left_K=np.array(windows.jobs, dtype=np.int64),
        release_K=release_K,
        release_rest_K=release_rest_K,
        deadline_K=deadline_K,
        deadline_rest_K=deadline_rest_K,
        step_K=step_K,
        step_rest_K=step_rest_K,
        under_K=under_K,
        fair=windows.fair,
    )


def _queue(tasks: int) -> Queue:
    leaves = 1 << max(tasks - 1, 1).bit_length()
    # far more lists than tasks: few tasks are met again before their release
    return Queue(
        slot=np.zeros(1, dtype=np.int64),
        head_R=np.empty(max(4 * leaves, 1024), dtype=np.int32),
        next_K=np.empty(tasks, dtype=np.int32),
        due_T=np.empty(2 * leaves, dtype=np.int64),
        tie_T=np.empty(2 * leaves, dtype=np.int64),
    )
