"""Loss balancing: how much the loss of each task counts in a step.

A balance is a class and an entry in `BALANCES`. It sees the sums of every step over all ranks, so that it
gives the same weights on any number of processes, and its state goes into checkpoints.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pipeline.contract.ragged import Floats
from pipeline.training.progress import StepSums


class Balance(Protocol):
    """Gives each task's loss a weight, which may change from step to step."""

    def weights(self, step: int) -> Floats | None:
        """Return the weight of each task's loss in a step, (T,), of mean 1; None where all are 1.

        Args:
            step: Counted from 0.
        """

    def update(self, step: int, sums: StepSums) -> None:
        """Learn from a step that is done.

        Args:
            step: Counted from 0.
            sums: Unweighted losses of the whole global batch, over all ranks.
        """

    def state(self) -> dict[str, Any]:
        """Return all that it learned as plain JSON."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""


class NoBalance:
    """Every row counts alike, whatever its task.

    Args:
        tasks: Names of the tasks, in the order in which `StepSums.tasks` counts them.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        pass

    def weights(self, step: int) -> Floats | None:
        """Return None: all weights are 1."""
        return None

    def update(self, step: int, sums: StepSums) -> None:
        """Learn nothing."""

    def state(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Do nothing."""


BALANCES: dict[str, Callable[[Sequence[str]], Balance]] = {"none": NoBalance}
