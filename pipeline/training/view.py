"""What the loop asks of a view: a model, its batches and its losses. A view is choices, or text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.contract.ragged import Floats, Ints
from pipeline.metrics.answers import Answers
from pipeline.seeds import derive_seed
from pipeline.training.progress import StepSums, Term
from pipeline.training.ranks import Ranks

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class StepContext:
    """How the micro-batches of one step are run."""

    device: torch.device
    seed: int
    """Of the run."""
    precision: str
    """`fp32` or `bf16`."""
    weights: Tensor | None = None
    """Weight of each task's loss, (T,), float32 on the device; None where all are 1."""

    def seed_dropout(self, kind: str, position: int) -> None:
        """Make dropout depend on a kind of micro-batch and the least position among its rows."""
        torch.manual_seed(derive_seed(self.seed, "dropout", kind, position))

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass: bfloat16 where the run asks for it."""
        bf16 = self.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16)

    def weighted(self, losses: Tensor, task: Ints) -> Tensor:
        """Return losses times the weights of their tasks; both have one entry for each loss."""
        if self.weights is None:
            return losses
        return losses * self.weights[to_tensor(task, self.device)]


def to_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Return a numpy array as a tensor on `device`."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def to_host(values: list[Tensor]) -> Floats:
    """Return the values of some tensors as one float64 array; one transfer for all."""
    joined: Floats = torch.cat(values).double().cpu().numpy() if values else np.zeros(0)
    return joined


class View(Protocol[Batch]):
    """What a training does with one global batch, and what it leaves behind."""

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
        """Return the parameters that some loss depends on, by name, in a fixed order."""

    def examples(self, step: int) -> int:
        """Return the examples of global batch `step`; the last may have fewer."""

    def batch(self, step: int, *, rank: int, world: int) -> Batch:
        """Return one rank's part of global batch `step`: a pure function of its arguments."""

    def counts(self, batch: Batch) -> Floats:
        """Return, for each term, how many items of this rank's part its loss sums over."""

    def backward(self, batch: Batch, totals: Floats, context: StepContext) -> StepSums:
        """Add the gradients of this rank's part, each term's sum divided by its count in `totals`.

        Args:
            batch: From `batch`.
            totals: `counts` summed over all ranks, at least 1 each.
            context: Device, dropout, precision and the weights of the tasks.

        Returns:
            This rank's sums, without the weights of the tasks.
        """

    def select(self, ranks: Ranks) -> dict[str, Any]:
        """Return what the model does on the `select` rows, as select.json keeps it.

        `accuracy_macro` is what the best checkpoint is chosen by: higher is better, None = unknown.
        """

    def usage(self) -> str:
        """Return Markdown that shows how the saved folder is used, for its model card."""

    def save(self, out: Path) -> None:
        """Write the model as a plain `transformers` folder, with what else belongs to it."""


class OverShards:
    """What the views have in common: a model with prefixes, over the tasks of some shards."""

    model: Any
    artefacts: Any
    """Its `train` holds the shards to train on."""

    @property
    def embeddings(self) -> nn.Embedding:
        """The model's word embeddings."""
        table: nn.Embedding = self.model.embeddings
        return table

    @property
    def prefixes(self) -> dict[str, int]:
        """Token id of each task's prefix."""
        return dict(self.artefacts.train.prefixes)

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.artefacts.train.tasks)


@dataclass(frozen=True, slots=True)
class PromptName:
    """A prompt of a task of the text view."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """A trained model's answers to one task; in the text view, through one of its prompts."""

    task: str
    form: str
    answers: Answers
    """Of the rows that have options."""
    threshold: float | None = None
    """Of gold sets, found on `select` rows; None for tasks of one gold."""
    figures: dict[str, float] = field(default_factory=dict)
    """Of the text view: `accuracy_sum` and `accuracy_mean` where rows have options; `rows`, `accuracy`
    and `exact_match` of greedy decoding where none has."""
    score: str | None = None
    """Of the text view: what the answers are ranked by, `sum` or `mean`."""
    prompt: PromptName | None = None
    """Of the text view."""
