"""Scores of all choices of all rows, and what they say: for `select` rows and for reports.

Float32, no dropout, no sampling of options. Sequences are batched by length under a budget; a score
does not depend on its batch beyond float error. Knows a model and shards; knows no file.
"""

from collections.abc import Iterator

import numpy as np
import torch

from pipeline.metrics.answers import Answers, answers_of
from pipeline.modeling.model import ChoiceModel
from pipeline.training.batches import OVERHEAD, cut
from pipeline.training.objective import inputs
from pipeline.training.ragged import Ints, segment_of
from pipeline.training.sequences import framed, rectangle
from pipeline.training.shards import Rows, Shard, Special

_ROWS = 512
"""Rows that are put together at a time; bounds memory, and does not change a score."""


def scores(
    model: ChoiceModel, rows: Rows, special: Special, *, token_budget: int, device: torch.device
) -> np.ndarray:
    """Return the float32 score of every choice of every row, (C,).

    Args:
        model: Is put into evaluation mode for the time, and back.
        rows: Any rows.
        special: Ids of the special tokens.
        token_budget: Most cells of a batch.
        device: Where the model is.
    """
    result = np.empty(len(rows.choices), dtype=np.float32)
    training = model.training
    model.eval()
    for low in range(0, len(rows), _ROWS):
        some = rows.take(np.arange(low, min(low + _ROWS, len(rows))))
        first = rows.choice_offsets[low]
        for chosen, values in _scored(model, some, special, token_budget, device):
            result[first + chosen] = values
    model.train(training)
    return result


def _scored(
    model: ChoiceModel, rows: Rows, special: Special, budget: int, device: torch.device
) -> Iterator[tuple[Ints, np.ndarray]]:
    row = segment_of(rows.counts)
    sequences = framed(rows.prefix[row], rows.context.take(row), rows.choices, special)
    every = np.arange(len(row))
    ones = np.ones(len(row), dtype=np.int64)
    overhead = OVERHEAD[device.type]
    lengths = sequences.tokens.lengths
    for chosen in cut(lengths, ones, every, every, budget=budget, overhead=overhead):
        batch = inputs(rectangle(sequences.take(chosen), special), device)
        with torch.inference_mode():
            yield chosen, model.scores(batch).cpu().numpy()


def answered(
    model: ChoiceModel,
    shard: Shard,
    special: Special,
    *,
    token_budget: int,
    device: torch.device,
    part: Ints | None = None,
) -> Answers:
    """Answer all rows of a task, or those named in `part`.

    Args:
        model: Trained.
        shard: The task.
        special: Ids of the special tokens.
        token_budget: Most cells of a batch.
        device: Where the model is.
        part: Rows of the shard.
    """
    rows = shard.rows.take(np.arange(len(shard.rows)) if part is None else part)
    return answers_of(
        scores(model, rows, special, token_budget=token_budget, device=device),
        rows.choice_offsets,
        label=rows.label,
        golds=rows.golds.values.astype(np.int64),
        gold_offsets=rows.golds.offsets,
        multi=rows.multi,
        source=rows.source,
    )
