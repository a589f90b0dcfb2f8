"""The seam between the loop and what it trains on: choices, or text.

A view knows its model, its artefacts and its losses; the loop knows steps, ranks, the optimizer and
checkpoints, and nothing of what a view's batches hold. Knows neither files nor settings.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from pipeline.contract.ragged import Floats
from pipeline.training.progress import StepSums, Term
from pipeline.training.ranks import Ranks

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class Pass:
    """How the loop wants a micro-batch to be run."""

    device: torch.device
    seed_dropout: Callable[[str, int], None]
    """Called before each micro-batch with its kind and the least position among its rows."""
    autocast: Callable[[], AbstractContextManager[Any]]
    """Entered around each forward pass."""


class View(Protocol[Batch]):
    """What a training does of one global batch, and what it leaves behind."""

    @property
    def model(self) -> nn.Module:
        """What is trained; its `state_dict` goes into checkpoints."""

    @property
    def embeddings(self) -> nn.Embedding:
        """The table that holds the prefixes."""

    @property
    def prefixes(self) -> Mapping[str, int]:
        """Token id of each task's prefix."""

    @property
    def terms(self) -> Sequence[Term]:
        """Terms of the loss, in the order of `counts`."""

    @property
    def tasks(self) -> Sequence[str]:
        """Names of the tasks, in the order in which `StepSums.tasks` counts them."""

    @property
    def steps(self) -> int:
        """Global batches of the whole order."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return what the optimizer changes, by name, in a fixed order."""

    def examples(self, step: int) -> int:
        """Return the examples of global batch `step`; the last may have fewer."""

    def batch(self, step: int, *, rank: int, world: int) -> Batch:
        """Return one rank's part of global batch `step`: a pure function of its arguments."""

    def counts(self, batch: Batch) -> Floats:
        """Return, for each term, how many items of this rank's part its loss sums over."""

    def backward(self, batch: Batch, totals: Floats, how: Pass) -> StepSums:
        """Add the gradients of this rank's part, each term's sum divided by its count in `totals`.

        Args:
            batch: From `batch`.
            totals: `counts` summed over all ranks, at least 1 each.
            how: Device, dropout and precision.

        Returns:
            This rank's sums.
        """

    def select(self, ranks: Ranks) -> dict[str, Any]:
        """Return what the model does on the `select` rows, as select.json keeps it.

        `accuracy_macro` is what the best checkpoint is chosen by: higher is better, None = unknown.
        """

    def usage(self) -> str:
        """Return Markdown that shows how the saved folder is used, for its model card."""

    def save(self, out: Path) -> None:
        """Write the model as a plain `transformers` folder, with what else belongs to it."""
