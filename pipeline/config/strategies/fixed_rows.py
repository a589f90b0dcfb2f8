"""Strategies that fix the rows of each task."""

from pipeline.config.strategies.base import FixedStrategy, TaskKeys, rounded


class GivenCounts(FixedStrategy):
    """Exactly the rows that each task's `count` says."""

    name = "counts"
    task_key = "count"

    def missing(self, task: TaskKeys, epochs: float | None) -> str | None:
        """Every task has a count."""
        del epochs
        return "strategy 'counts' needs a count for every task" if task.count is None else None

    def quota(self, task: TaskKeys, rows: int, epochs: float | None) -> int:
        """Return the count."""
        del rows, epochs
        return task.count or 0


class GivenEpochs(FixedStrategy):
    """Each task's rows so many times as its `epochs` says, or `sampling.epochs`."""

    name = "epochs"
    task_key = "epochs"

    def missing(self, task: TaskKeys, epochs: float | None) -> str | None:
        """Every task has its own epochs, or those of all."""
        if task.epochs is not None or epochs is not None:
            return None
        return "strategy 'epochs' needs the task's 'epochs', or 'sampling.epochs' for all that have none"

    def quota(self, task: TaskKeys, rows: int, epochs: float | None) -> int:
        """Return the rows times the epochs."""
        return rounded(task.epochs or epochs or 0.0, rows)
