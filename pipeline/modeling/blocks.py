"""Whether an encoder can keep branches apart: tried out, since no configuration says so.

An encoder may ignore positions that it is given (relative ones are counted in the line, not in the
branch), take masks of another shape, or refuse them. Knows models; knows no layout and no run.
"""

import torch
from torch import Tensor

from pipeline.modeling.model import ChoiceModel, Inputs

TOLERANCE = 1e-4
"""Largest difference of hidden states, which layer norms keep near 1; float error is near 1e-6."""

_TRUNK, _BRANCHES = 5, (4, 3)


def branches_apart(model: ChoiceModel, cls: int, sep: int) -> bool:
    """Tell whether a branch and a trunk have the same hidden states with and without other branches.

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
    numbers = torch.arange(sum(_BRANCHES) + _TRUNK)
    ids = sep + (numbers * 7919) % max(1, model.embeddings.num_embeddings - sep)
    ids[0] = cls
    lengths = (_TRUNK, *_BRANCHES)
    blocks = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    starts = torch.tensor([0, *(_TRUNK for _ in _BRANCHES)])
    places = torch.cat([start + torch.arange(n) for start, n in zip(starts, lengths, strict=True)])
    whole = _hidden(model, ids, places, blocks)
    plain = model.hidden(_inputs(model, ids[:_TRUNK]))[0]
    parts = [_close(whole[blocks == 0], plain)]
    for branch in range(1, len(lengths)):
        some = (blocks == 0) | (blocks == branch)
        alone = _hidden(model, ids[some], places[some], blocks[some])
        parts.append(_close(whole[blocks == branch], alone[_TRUNK:]))
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
