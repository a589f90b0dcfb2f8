"""The two losses of a micro-batch, as sums: the loop divides them by the global batch's counts.

Knows the model and micro-batches; knows no optimizer, no rank and no file.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.modeling.model import ChoiceModel, Inputs
from pipeline.training.batches import ChoiceBatch, MaskedBatch
from pipeline.training.sequences import Padded


@dataclass(frozen=True, slots=True)
class RowLosses:
    """Per-row figures of a choice micro-batch."""

    loss_R: Tensor
    """Cross-entropy over the row's choices."""
    right_R: Tensor
    """Whether the gold choice has the highest score."""


def tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Return a numpy array as a tensor on `device`."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def inputs(rectangle: Padded, device: torch.device) -> Inputs:
    """Return a padded rectangle as the model takes it."""
    return Inputs(
        tensor(rectangle.ids, device),
        tensor(rectangle.real, device),
        tensor(rectangle.types, device),
    )


def choice_losses(model: ChoiceModel, batch: ChoiceBatch, device: torch.device) -> RowLosses:
    """Return the cross-entropy of every row: a softmax over its own choices, however many.

    The scores are laid out in a rectangle, rows x most choices, with -inf where a row has fewer:
    exact, and deterministic on every device, which a scatter-reduce is not.
    """
    scores_S = model.scores(inputs(batch.inputs, device))
    rows, widest = len(batch.gold), int(batch.slot.max()) + 1
    scores_RC = scores_S.new_full((rows, widest), -torch.inf)
    scores_RC[tensor(batch.row, device), tensor(batch.slot, device)] = scores_S
    gold_R = tensor(batch.gold, device)
    loss_R = functional.cross_entropy(scores_RC, gold_R, reduction="none")
    return RowLosses(loss_R, scores_RC.detach().argmax(1) == gold_R)


def masked_loss(model: ChoiceModel, batch: MaskedBatch, device: torch.device) -> Tensor:
    """Return the sum of the cross-entropies of all masked tokens."""
    logits_MV = model.masked_logits(
        inputs(batch.inputs, device), tensor(batch.sequence, device), tensor(batch.place, device)
    )
    return functional.cross_entropy(logits_MV, tensor(batch.target, device), reduction="sum")
