"""What a training has done so far: losses by step, and examples, loss and accuracy by task.

The figures are sums over all ranks, so that every rank holds the same, and plain numbers, so that a
checkpoint can carry them. Knows no model, no tensor and no file format but CSV.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.training.ragged import Floats, Ints

LOG_COLUMNS = (
    "step", "loss", "choice_loss", "mlm_loss", "learning_rate", "tokens", "examples",
)  # fmt: skip
TASK_COLUMNS = ("task", "examples", "loss", "accuracy")


@dataclass(frozen=True, slots=True)
class StepSums:
    """Sums over one global batch, or over one rank's part of it."""

    choice_loss: float = 0.0
    rows: float = 0.0
    masked_loss: float = 0.0
    masked_tokens: float = 0.0
    tokens: float = 0.0
    """That the encoder read."""
    cells: float = 0.0
    """With padding."""
    tasks: Floats | None = None
    """Per task: rows, sum of choice losses, rows answered right; (T, 3)."""

    def vector(self) -> Floats:
        """Return all figures as one array, for adding up over ranks."""
        head = [self.choice_loss, self.rows, self.masked_loss, self.masked_tokens]
        tasks = np.zeros(0) if self.tasks is None else self.tasks.ravel()
        return np.concatenate([np.array([*head, self.tokens, self.cells]), tasks])

    @classmethod
    def from_vector(cls, vector: Floats) -> "StepSums":
        """Undo `vector`."""
        choice, rows, masked, masked_tokens, tokens, cells = vector[:6].tolist()
        tasks = vector[6:].reshape(-1, 3)
        return cls(choice, rows, masked, masked_tokens, tokens, cells, tasks)

    def losses(self, masked_weight: float) -> tuple[float, float, float]:
        """Return the step's loss, its mean choice loss and its mean masked-token loss."""
        choice = self.choice_loss / max(1.0, self.rows)
        masked = self.masked_loss / max(1.0, self.masked_tokens)
        return choice + masked_weight * masked, choice, masked


def task_sums(task: Ints, loss: Floats, right: Floats, tasks: int) -> Floats:
    """Return rows, sum of losses and right answers of each task, (tasks, 3)."""
    columns = [np.bincount(task, weights, tasks) for weights in (None, loss, right)]
    return np.stack(columns, axis=1).astype(np.float64)


class Progress:
    """Running figures of a training.

    Args:
        tasks: Names of the tasks, in the order of the shards.
        log_every: Steps of a line of the log; its losses are means over them.
    """

    def __init__(self, tasks: Sequence[str], *, log_every: int) -> None:
        self._names = list(tasks)
        self._log_every = log_every
        self._tasks = np.zeros((len(self._names), 3))
        self._losses: list[tuple[float, float, float]] = []
        self.rows: list[list[float]] = []
        """Lines of the log."""
        self.tokens = self.cells = 0.0
        self.examples = 0

    def add(
        self, sums: StepSums, *, step: int, examples: int, masked_weight: float, rate: float,
        last: bool,
    ) -> dict[str, float] | None:  # fmt: skip
        """Take up one step.

        Args:
            sums: Of the whole global batch.
            step: Counted from 1.
            examples: Rows of the global batch.
            masked_weight: Weight of the masked-token loss.
            rate: Learning rate of the step.
            last: Whether this is the last step of the run, which is always logged.

        Returns:
            The new line of the log by column, if this step ends one.
        """
        if sums.tasks is not None:
            self._tasks += sums.tasks
        self.tokens += sums.tokens
        self.cells += sums.cells
        self.examples += examples
        self._losses.append(sums.losses(masked_weight))
        if step % self._log_every and not last:
            return None
        means = np.mean(np.array(self._losses), axis=0).tolist()
        self._losses = []
        self.rows.append([step, *means, rate, int(self.tokens), self.examples])
        return dict(zip(LOG_COLUMNS, self.rows[-1], strict=True))

    @property
    def padding(self) -> float:
        """Share of the encoder's cells that were padding so far."""
        return 1.0 - self.tokens / self.cells if self.cells else 0.0

    def log_csv(self) -> str:
        """Return log.csv: losses with nine digits, enough to tell a resumed run from an exact one."""
        lines = [
            [int(step), *(f"{value:.9g}" for value in values), int(tokens), int(examples)]
            for step, *values, tokens, examples in self.rows
        ]
        return _csv(LOG_COLUMNS, lines)

    def tasks_csv(self) -> str:
        """Return tasks.csv; loss and accuracy are empty for a task that was never drawn."""
        lines = []
        for name, (rows, loss, right) in zip(self._names, self._tasks.tolist(), strict=True):
            means = [f"{loss / rows:.6f}", f"{right / rows:.6f}"] if rows else ["", ""]
            lines.append([name, int(rows), *means])
        return _csv(TASK_COLUMNS, lines)

    def state(self) -> dict[str, Any]:
        """Return all figures as plain JSON, which keeps every float exactly."""
        return {
            "tasks": self._tasks.tolist(),
            "losses": self._losses,
            "rows": self.rows,
            "tokens": self.tokens,
            "cells": self.cells,
            "examples": self.examples,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self._tasks = np.array(state["tasks"], dtype=np.float64).reshape(-1, 3)
        self._losses = [tuple(losses) for losses in state["losses"]]
        self.rows = [list(row) for row in state["rows"]]
        self.tokens, self.cells = state["tokens"], state["cells"]
        self.examples = state["examples"]


def _csv(columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()
