"""The two losses of a micro-batch, as sums: the view divides them by the global batch's counts."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.contract.ragged import Ints
from pipeline.modeling.model import Cells, ChoiceModel, Inputs
from pipeline.training.choice.batches import ChoiceBatch, MaskedBatch, MaskedTokens
from pipeline.training.choice.sequences import Padded
from pipeline.training.view import to_tensor


@dataclass(frozen=True, slots=True)
class ChoiceLosses:
    """Figures of a choice micro-batch of R rows."""

    loss_R: Tensor
    """Cross-entropy over the row's choices."""
    right_R: Tensor
    """Whether the gold choice has the highest score."""
    masked: Tensor | None
    """Sum of the cross-entropies of the masked tokens in the same lines, if there are any."""


def inputs(rectangle: Padded, device: torch.device) -> Inputs:
    """Return a padded rectangle as the model takes it."""
    arrays = (rectangle.places, rectangle.packed_rows, rectangle.choices)
    return Inputs(
        to_tensor(rectangle.ids, device),
        to_tensor(rectangle.real, device),
        to_tensor(rectangle.types, device),
        *(None if array is None else to_tensor(array, device) for array in arrays),
    )


def cells(sequence: Ints, place: Ints, device: torch.device) -> Cells:
    """Return cells of a rectangle as the model takes them."""
    return Cells(to_tensor(sequence, device), to_tensor(place, device))


def choice_losses(model: ChoiceModel, batch: ChoiceBatch, device: torch.device) -> ChoiceLosses:
    """Return the cross-entropy of every row: a softmax over its own choices, however many.

    The scores are laid out in a rectangle, rows x most choices, with -inf where a row has fewer:
    exact, and deterministic on every device, which a scatter-reduce is not.
    """
    scored = cells(batch.line, batch.place, device)
    hidden_SLW = model.hidden(inputs(batch.inputs, device), _read(batch, device))
    scores_S = model.scored(hidden_SLW, scored)
    rows, widest = len(batch.gold), int(batch.slot.max()) + 1
    scores_RC = scores_S.new_full((rows, widest), -torch.inf)
    scores_RC[to_tensor(batch.row, device), to_tensor(batch.slot, device)] = scores_S
    gold_R = to_tensor(batch.gold, device)
    loss_R = functional.cross_entropy(scores_RC, gold_R, reduction="none")
    masked = None
    if batch.masked is not None and len(batch.masked.target):
        masked = _guess_loss(model, hidden_SLW, batch.masked, device)
    return ChoiceLosses(loss_R, scores_RC.detach().argmax(1) == gold_R, masked)


def _read(batch: ChoiceBatch, device: torch.device) -> Cells:
    """Return all cells that a loss looks at: options and masked tokens, which are never the same."""
    if batch.masked is None:
        return cells(batch.line, batch.place, device)
    line = np.concatenate([batch.line, batch.masked.sequence])
    return cells(line, np.concatenate([batch.place, batch.masked.place]), device)


def masked_loss(model: ChoiceModel, batch: MaskedBatch, device: torch.device) -> Tensor:
    """Return the sum of the cross-entropies of all masked tokens."""
    hidden_SLW = model.hidden(inputs(batch.inputs, device))
    return _guess_loss(model, hidden_SLW, batch.masked, device)


def _guess_loss(
    model: ChoiceModel, hidden_SLW: Tensor, masked: MaskedTokens, device: torch.device
) -> Tensor:
    logits_MV = model.guessed(hidden_SLW, cells(masked.sequence, masked.place, device))
    return functional.cross_entropy(logits_MV, to_tensor(masked.target, device), reduction="sum")
