"""How much text each task has: exactly, from stored lengths, or roughly, from means.

A plan learns of rows and tokens from here alone. TaskLengths are read task by task and dropped again, so
that memory does not grow with the number of tasks. Which rows come first is up to the walk of a task:
its last, broken epoch decides how many tokens a number of rows has, without the order being built.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import floor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.config.strategies.base import Prompts, Unit
from pipeline.contract.tokens import TokenFolder
from pipeline.errors import MixtureError
from pipeline.mixing.order import epoch_rows

Walk = Callable[[int], NDArray[np.uint32]]
"""Epoch -> the task's rows in the sequence in which that epoch draws them."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of rows; null = unknown."""

    tokens: int | None
    """Of all sequences of all choices; of input and target together in the text view."""
    supervised: int | None
    """That a loss is taken of; null in the choice view, which has none."""


class TaskLengths(Protocol):
    """Rows and tokens of tasks."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Train rows of each task; may hold more tasks than a mixture has."""

    @property
    def prompts(self) -> Mapping[str, Prompts]:
        """Prompts through which each task's rows were made; one where it says nothing."""

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Return all rows of a task, or all their tokens."""

    def rows_for(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Return for each target the rows of the task's walk that come nearest to it."""

    def count_tokens(self, task: str, quota: int) -> TokenCounts:
        """Return the tokens of the first `quota` rows of the task's walk."""


@dataclass(frozen=True, slots=True)
class StoredLengths:
    """Of tokenised tasks: exact."""

    tokens: TokenFolder
    seed: int
    """Of the run; it decides the walk."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Train rows of each task."""
        return self.tokens.sizes

    @property
    def prompts(self) -> Mapping[str, Prompts]:
        """Prompts through which each task's rows were made."""
        return {task: Prompts(*entry.seen_through) for task, entry in self.tokens.tasks.items()}

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Return all rows of a task, or all their tokens, as the manifest says.

        Raises:
            MixtureError: The view has no supervised tokens.
        """
        entry = self.tokens.tasks[task]
        value = {"rows": entry.rows, "tokens": entry.tokens}.get(unit, entry.supervised_tokens)
        if value is None:
            raise MixtureError(
                "the tokens are of the choice view, which has no supervised tokens",
                where="sampling.strategy",
                expected="view: text",
            )
        return Fraction(value)

    def rows_for(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Return for each target the rows of the task's walk that come nearest to it."""
        self.amount(task, unit)
        of = self.tokens
        read = of.row_supervised if unit == "supervised_tokens" else of.row_tokens
        lengths_N, walk = read(task), self._walk(task)
        return [find_rows(lengths_N, target, walk) for target in targets]

    def count_tokens(self, task: str, quota: int) -> TokenCounts:
        """Return the tokens of the first `quota` rows of the task's walk."""
        walk = self._walk(task)
        tokens = count_drawn(self.tokens.row_tokens(task), quota, walk)
        if self.tokens.tasks[task].supervised_tokens is None:
            return TokenCounts(tokens, None)
        return TokenCounts(tokens, count_drawn(self.tokens.row_supervised(task), quota, walk))

    def _walk(self, task: str) -> Walk:
        return partial(epoch_rows, task, self.tokens.tasks[task].rows, seed=self.seed)


@dataclass(frozen=True, slots=True)
class MeanLengths:
    """Of tasks that are not tokenised yet: a guess."""

    rows: Mapping[str, int]
    tokens_per_row: Mapping[str, float | None]
    supervised_per_row: Mapping[str, float | None] = field(default_factory=dict)
    prompts: Mapping[str, Prompts] = field(default_factory=dict)

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Return all rows of a task, or guess all their tokens.

        Raises:
            MixtureError: Nothing is known of its text.
        """
        return self.rows[task] * self._mean(task, unit)

    def rows_for(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Guess for each target how many rows reach it."""
        mean = self._mean(task, unit)
        return [floor(target / mean + Fraction(1, 2)) for target in targets]

    def count_tokens(self, task: str, quota: int) -> TokenCounts:
        """Guess the tokens of `quota` rows; null where nothing is known of the task's text."""
        means = self.tokens_per_row.get(task), self.supervised_per_row.get(task)
        tokens, supervised = (None if mean is None else round(mean * quota) for mean in means)
        return TokenCounts(tokens, supervised)

    def _mean(self, task: str, unit: Unit) -> Fraction:
        if unit == "rows":
            return Fraction(1)
        known = self.tokens_per_row if unit == "tokens" else self.supervised_per_row
        mean = known.get(task)
        if not mean:
            raise MixtureError(
                f"the tokens of a row of task '{task}' are not known yet",
                where=f"tasks.{task}",
                remedy="run `taskloom data`, which normalizes it",
            )
        return Fraction(mean)


def count_drawn(lengths_N: NDArray[np.int64], quota: int, walk: Walk) -> int:
    """Return the number of tokens in the first `quota` rows of a walk.

    Args:
        lengths_N: Tokens of each of a task's N rows.
        quota: Rows drawn (>= 0).
        walk: The task's walk.
    """
    if not quota:
        return 0
    whole, left = divmod(quota, len(lengths_N))
    total = whole * int(lengths_N.sum())
    return total + int(lengths_N[walk(whole)[:left]].sum()) if left else total


def find_rows(lengths_N: NDArray[np.int64], target: Fraction, walk: Walk) -> int:
    """Return how many rows of a walk come nearest to a number of tokens.

    Args:
        lengths_N: Tokens of each of a task's N rows (>= 0, one above 0).
        target: Tokens asked for (>= 0).
        walk: The task's walk.

    Returns:
        The number of rows whose tokens are nearest to `target`, the smallest of them where several
        are. So it is off by half a row's tokens at most.
    """
    epoch_tokens = int(lengths_N.sum())
    whole = floor(target / epoch_tokens)
    rest = target - whole * epoch_tokens
    if not rest:
        return whole * len(lengths_N)
    # running_M[i]: tokens of the first i rows of the broken epoch, M = N + 1
    running_M = np.zeros(len(lengths_N) + 1, dtype=np.int64)
    np.cumsum(lengths_N[walk(whole)], out=running_M[1:])
    above = int(np.searchsorted(running_M, floor(rest), side="right"))
    below = int(np.searchsorted(running_M, running_M[above - 1], side="left"))
    nearer_above = int(running_M[above]) - rest < rest - int(running_M[below])
    return whole * len(lengths_N) + (above if nearer_above else below)
