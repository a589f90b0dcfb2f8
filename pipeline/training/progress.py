"""Figures of a training so far: losses by step; examples, loss and accuracy by task, and over time.

The figures are sums over all ranks, so that every rank holds the same. They are plain numbers, so that a
checkpoint can store them.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.contract.ragged import Floats, Ints
from pipeline.training.stretches import Stretches

TASK_COLUMNS = ("task", "examples", "loss", "accuracy")
TASK_LOG_COLUMNS = ("step", *TASK_COLUMNS)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the loss: a mean over the items that it looks at."""

    name: str
    weight: float


def log_columns(terms: Sequence[Term]) -> tuple[str, ...]:
    """Return the columns of log.csv."""
    losses = [f"{term.name}_loss" for term in terms]
    return ("step", "loss", *losses, "learning_rate", "tokens", "examples")


@dataclass(frozen=True, slots=True)
class StepSums:
    """Sums over one global batch, or over one rank's part of it."""

    terms: Floats
    """Per term: sum of its losses, items that it looked at; (K, 2)."""
    tokens: float
    """That the model read."""
    cells: float
    """With padding."""
    tasks: Floats
    """Per task: rows, sum of losses, rows answered right; (T, 3)."""

    def vector(self) -> Floats:
        """Return all figures as one array, for adding up over ranks."""
        head = np.array([self.tokens, self.cells])
        return np.concatenate([head, self.terms.ravel(), self.tasks.ravel()])

    @classmethod
    def from_vector(cls, vector: Floats, *, terms: int) -> "StepSums":
        """Undo `vector` for this number of terms."""
        tokens, cells = vector[:2].tolist()
        end = 2 + 2 * terms
        return cls(vector[2:end].reshape(-1, 2), tokens, cells, vector[end:].reshape(-1, 3))

    def losses(self, terms: Sequence[Term]) -> tuple[float, ...]:
        """Return the step's loss, then the mean of each term."""
        means = self.terms[:, 0] / np.maximum(1.0, self.terms[:, 1])
        loss = sum(term.weight * mean for term, mean in zip(terms, means.tolist(), strict=True))
        return (float(loss), *means.tolist())


def task_sums(task: Ints, loss: Floats, right: Floats, tasks: int) -> Floats:
    """Return rows, sum of losses and right answers of each task, (tasks, 3)."""
    columns = [np.bincount(task, weights, tasks) for weights in (None, loss, right)]
    return np.stack(columns, axis=1).astype(np.float64)


class Progress:
    """Running figures of a training.

    Args:
        tasks: Names of the tasks, in the order of the shards.
        terms: Terms of the loss.
        log_every: Steps of a line of the log; its losses are means over them.
    """

    def __init__(self, tasks: Sequence[str], terms: Sequence[Term], *, log_every: int) -> None:
        self._names = list(tasks)
        self._terms = tuple(terms)
        self._log_every = log_every
        self._tasks = np.zeros((len(self._names), 3))
        self._since = np.zeros((len(self._names), 3))
        """As `_tasks`, since the last line of the log."""
        self._line = np.zeros((len(self._names), 3))
        """As `_tasks`, of the last line of the log."""
        self._stretches = Stretches()
        self._losses: list[tuple[float, ...]] = []
        self.rows: list[list[float]] = []
        """Lines of the log."""
        self.tokens = self.cells = 0.0
        self.examples = 0

    def add(
        self, sums: StepSums, *, step: int, examples: int, rate: float, last: bool
    ) -> dict[str, float] | None:
        """Take up one step.

        Args:
            sums: Of the whole global batch.
            step: Counted from 1.
            examples: Rows of the global batch.
            rate: Learning rate of the step.
            last: Whether this is the last step of the run, which is always logged.

        Returns:
            The new line of the log by column, if this step ends one.
        """
        self._tasks += sums.tasks
        self._since += sums.tasks
        self.tokens += sums.tokens
        self.cells += sums.cells
        self.examples += examples
        self._losses.append(sums.losses(self._terms))
        if step % self._log_every and not last:
            return None
        means = np.mean(np.array(self._losses), axis=0).tolist()
        self._losses = []
        self.rows.append([step, *means, rate, int(self.tokens), self.examples])
        self._line, self._since = self._since, np.zeros_like(self._since)
        self._stretches.add(step, self._line)
        return dict(zip(log_columns(self._terms), self.rows[-1], strict=True))

    @property
    def padding(self) -> float:
        """Share of the encoder's cells that were padding so far."""
        return 1.0 - self.tokens / self.cells if self.cells else 0.0

    def examples_of_tasks(self) -> dict[str, int]:
        """Return how many rows of each task were drawn so far, repetitions included."""
        return dict(zip(self._names, self._tasks[:, 0].astype(int).tolist(), strict=True))

    def line_of_tasks(self) -> dict[str, float]:
        """Return `tasks/TASK/{examples,loss,accuracy}` of the last line's steps, for tasks in them."""
        found: dict[str, float] = {}
        for name, (rows, loss, right) in zip(self._names, self._line.tolist(), strict=True):
            if rows:
                figures = (int(rows), loss / rows, right / rows)
                found |= zip(
                    (f"tasks/{name}/{what}" for what in TASK_COLUMNS[1:]), figures, strict=True
                )
        return found

    def log_csv(self) -> str:
        """Return log.csv: losses with nine digits, enough to tell a resumed run from an exact one."""
        lines = [
            [int(step), *(f"{value:.9g}" for value in values), int(tokens), int(examples)]
            for step, *values, tokens, examples in self.rows
        ]
        return _csv(log_columns(self._terms), lines)

    def tasks_csv(self) -> str:
        """Return tasks.csv; loss and accuracy are empty for a task that was never drawn."""
        return _csv(TASK_COLUMNS, [list(line) for line in self._figures(self._tasks)])

    def task_log_csv(self) -> str:
        """Return task_log.csv: for each stretch of steps the tasks drawn in it, their rows and means.

        A stretch is a line of the log, or several in a run of more lines than `Stretches` keeps.
        """
        lines = [
            [step, *figures]
            for step, sums in self._stretches.closed()
            for figures in self._figures(sums)
            if figures[1]
        ]
        return _csv(TASK_LOG_COLUMNS, lines)

    def _figures(self, sums: Floats) -> Iterator[tuple[str, int, str, str]]:
        for name, (rows, loss, right) in zip(self._names, sums.tolist(), strict=True):
            means = (f"{loss / rows:.6f}", f"{right / rows:.6f}") if rows else ("", "")
            yield name, int(rows), *means

    def state(self) -> dict[str, Any]:
        """Return all figures as plain JSON, which keeps every float exactly."""
        return {
            "tasks": self._tasks.tolist(),
            "since": self._since.tolist(),
            "stretches": self._stretches.state(),
            "losses": self._losses,
            "rows": self.rows,
            "tokens": self.tokens,
            "cells": self.cells,
            "examples": self.examples,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self._tasks = _by_task(state["tasks"])
        self._since = _by_task(state["since"])
        self._stretches.load_state(state["stretches"])
        self._losses = [tuple(losses) for losses in state["losses"]]
        self.rows = [list(row) for row in state["rows"]]
        self.tokens, self.cells = state["tokens"], state["cells"]
        self.examples = state["examples"]


def _by_task(rows: Sequence[Sequence[float]]) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _csv(columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()
