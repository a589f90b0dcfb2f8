"""What a language model says of a micro-batch, as tensors on its device.

Knows the model and micro-batches; knows no optimizer, no rank and no file.
"""

import numpy as np
import torch
from torch import Tensor

from pipeline.modeling.language import Asked, LanguageModel, LineInputs, PairInputs
from pipeline.training.text.batches import LineBatch, MicroBatch


def tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Return a numpy array as a tensor on `device`."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def inputs(batch: MicroBatch, device: torch.device) -> LineInputs | PairInputs:
    """Return a micro-batch as the model takes it."""
    asked = [
        tensor(part, device) for part in (batch.asked.line, batch.asked.at, batch.asked.answer)
    ]
    if isinstance(batch, LineBatch):
        lines = [tensor(part, device) for part in (batch.ids, batch.place, batch.segment)]
        return LineInputs(*lines, *asked)
    parts = (batch.inputs, batch.real, batch.input, batch.texts)
    return PairInputs(*[tensor(part, device) for part in parts], *asked)


def asked_of(model: LanguageModel, batch: MicroBatch, device: torch.device) -> Asked:
    """Return the cost of every asked token, and whether greedy decoding writes it."""
    result: Asked = model(inputs(batch, device))
    return result
