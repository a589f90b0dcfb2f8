"""How much text each task has: exactly, from stored lengths, or roughly, from means.

The one door through which a plan learns of rows and tokens. Lengths are read task by task and dropped
again, so that memory does not grow with the number of tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import floor
from typing import Protocol

from pipeline.config.sampling import Unit
from pipeline.errors import MixtureError
from pipeline.mixing.budgets import Walk, drawn, reached
from pipeline.mixing.corpus import Corpus, row_supervised, row_tokens
from pipeline.mixing.order import epoch_rows
from pipeline.mixing.rates import Prompts


@dataclass(frozen=True, slots=True)
class Held:
    """What rows hold; null = unknown."""

    tokens: int | None
    """Of all sequences of all choices; of input and target together in the text view."""
    supervised: int | None
    """That a loss is taken of; null in the choice view, which has none."""


class Lengths(Protocol):
    """Rows and tokens of tasks."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Train rows of each task; may hold more tasks than a mixture has."""

    @property
    def prompts(self) -> Mapping[str, Prompts]:
        """Prompts through which each task's rows were made; one where it says nothing."""

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Return what all of a task's rows hold."""

    def reached(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Return for each target the rows of the task's walk that come nearest to it."""

    def drawn(self, task: str, quota: int) -> Held:
        """Return what the first `quota` rows of the task's walk hold."""


@dataclass(frozen=True, slots=True)
class StoredLengths:
    """Of tokenised tasks: exact."""

    corpus: Corpus
    seed: int
    """Of the run; it decides the walk."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Train rows of each task."""
        return self.corpus.sizes

    @property
    def prompts(self) -> Mapping[str, Prompts]:
        """Prompts through which each task's rows were made."""
        return {
            name: Prompts(task.prompts, task.prompts if task.draw == "all" else 1)
            for name, task in self.corpus.tasks.items()
        }

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Return what all of a task's rows hold, as the manifest says.

        Raises:
            MixtureError: The corpus does not know of supervised tokens.
        """
        entry = self.corpus.tasks[task]
        value = {"rows": entry.rows, "tokens": entry.tokens}.get(unit, entry.supervised)
        if value is None:
            raise MixtureError(
                "the tokens are of the choice view, which has no supervised tokens",
                where="sampling.strategy",
                expected="view: text",
            )
        return Fraction(value)

    def reached(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Return for each target the rows of the task's walk that come nearest to it."""
        self.amount(task, unit)
        read = row_supervised if unit == "supervised_tokens" else row_tokens
        lengths_N, walk = read(self.corpus, task), self._walk(task)
        return [reached(lengths_N, target, walk) for target in targets]

    def drawn(self, task: str, quota: int) -> Held:
        """Return what the first `quota` rows of the task's walk hold."""
        walk = self._walk(task)
        tokens = drawn(row_tokens(self.corpus, task), quota, walk)
        if self.corpus.tasks[task].supervised is None:
            return Held(tokens, None)
        return Held(tokens, drawn(row_supervised(self.corpus, task), quota, walk))

    def _walk(self, task: str) -> Walk:
        return partial(epoch_rows, task, self.corpus.tasks[task].rows, seed=self.seed)


@dataclass(frozen=True, slots=True)
class MeanLengths:
    """Of tasks that are not tokenised yet: a guess."""

    rows: Mapping[str, int]
    tokens_per_row: Mapping[str, float | None]
    supervised_per_row: Mapping[str, float | None] = field(default_factory=dict)
    prompts: Mapping[str, Prompts] = field(default_factory=dict)

    def amount(self, task: str, unit: Unit) -> Fraction:
        """Guess what all of a task's rows hold.

        Raises:
            MixtureError: Nothing is known of its text.
        """
        return self.rows[task] * self._mean(task, unit)

    def reached(self, task: str, unit: Unit, targets: Sequence[Fraction]) -> list[int]:
        """Guess for each target how many rows reach it."""
        mean = self._mean(task, unit)
        return [floor(target / mean + Fraction(1, 2)) for target in targets]

    def drawn(self, task: str, quota: int) -> Held:
        """Guess what `quota` rows hold; null where nothing is known of the task's text."""
        means = self.tokens_per_row.get(task), self.supervised_per_row.get(task)
        tokens, supervised = (None if mean is None else round(mean * quota) for mean in means)
        return Held(tokens, supervised)

    def _mean(self, task: str, unit: Unit) -> Fraction:
        if unit == "rows":
            return Fraction(1)
        known = self.tokens_per_row if unit == "tokens" else self.supervised_per_row
        mean = known.get(task)
        if not mean:
            raise MixtureError(
                f"no one knows yet how many tokens a row of task '{task}' has",
                where=f"tasks.{task}",
                remedy="run `taskloom data`, which normalizes it",
            )
        return Fraction(mean)
