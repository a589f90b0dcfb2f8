"""Tries out whether an encoder keeps choices apart behind a block mask: no configuration says so.

An encoder may ignore positions that it is given (relative ones are counted in the line, not from the
choice), take masks of another shape, or refuse them.
"""

import torch
from torch import Tensor

from pipeline.modeling.model import ChoiceModel, Inputs

TOLERANCE = 1e-4
"""Largest difference of hidden states, which layer norms keep near 1; float error is near 1e-6."""

_SHARED, _CHOICES = 5, (4, 3)


def keeps_choices_apart(model: ChoiceModel, cls: int, sep: int) -> bool:
    """Return whether a choice and the shared part have the same hidden states without other choices.

    Args:
        model: On any device; its mode is kept.
        cls: Id of [CLS].
        sep: Id of [SEP].
    """
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return _apart(model, cls, sep)
    except (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError):
        return False
    finally:
        model.train(training)


def _apart(model: ChoiceModel, cls: int, sep: int) -> bool:
    numbers = torch.arange(sum(_CHOICES) + _SHARED)
    ids = sep + (numbers * 7919) % max(1, model.embeddings.num_embeddings - sep)
    ids[0] = cls
    lengths = (_SHARED, *_CHOICES)
    blocks = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    starts = torch.tensor([0, *(_SHARED for _ in _CHOICES)])
    places = torch.cat([start + torch.arange(n) for start, n in zip(starts, lengths, strict=True)])
    whole = _hidden(model, ids, places, blocks)
    plain = model.hidden(_inputs(model, ids[:_SHARED]))[0]
    parts = [_close(whole[blocks == 0], plain)]
    for choice in range(1, len(lengths)):
        some = (blocks == 0) | (blocks == choice)
        alone = _hidden(model, ids[some], places[some], blocks[some])
        parts.append(_close(whole[blocks == choice], alone[_SHARED:]))
    return all(parts)


def _hidden(model: ChoiceModel, ids: Tensor, places: Tensor, blocks: Tensor) -> Tensor:
    """Return the hidden states of one line."""
    return model.hidden(_inputs(model, ids, places, blocks))[0]


def _inputs(
    model: ChoiceModel, ids: Tensor, places: Tensor | None = None, blocks: Tensor | None = None
) -> Inputs:
    device = model.embeddings.weight.device
    line = ids[None].to(device)
    return Inputs(
        line,
        torch.ones_like(line, dtype=torch.bool),
        torch.zeros_like(line),
        None if places is None else places[None].to(device),
        None if blocks is None else torch.zeros_like(line),
        None if blocks is None else blocks[None].to(device),
    )


def _close(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and bool((left - right).abs().max() < TOLERANCE)
