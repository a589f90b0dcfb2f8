"""Builds the next global batch while a step runs.

A batch is a pure function of its step: it does not matter which thread builds it, or whether it is used.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class Ahead(Generic[Batch]):
    """Batches by step, each but the first built beforehand in a thread of its own.

    Args:
        build: Returns the batch of a step.
        steps: Of the whole run; nothing is built beyond them.
    """

    def __init__(self, build: Callable[[int], Batch], *, steps: int) -> None:
        self._build = build
        self._steps = steps
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._next: tuple[int, Future[Batch]] | None = None

    def take(self, step: int) -> Batch:
        """Return the batch of `step` and begin with that of the next.

        Raises:
            PipelineError: What building it raised.
        """
        waiting, self._next = self._next, None
        ready = waiting is not None and waiting[0] == step
        batch = waiting[1].result() if waiting and ready else self._build(step)
        if step + 1 < self._steps:
            self._next = (step + 1, self._thread.submit(self._build, step + 1))
        return batch

    def close(self) -> None:
        """Throw away what was built beforehand."""
        self._next = None
        self._thread.shutdown(wait=False, cancel_futures=True)
