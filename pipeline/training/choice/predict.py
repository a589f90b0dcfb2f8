"""Scores all choices of all rows, for `select` rows and for reports.

Float32, no dropout, no drawing of options. Lines are grouped by length under a budget; a score does not
depend on its batch beyond float error.
"""

from collections.abc import Iterator

import numpy as np
import torch

from pipeline.contract.choice import Rows, Shard, Special
from pipeline.contract.ragged import Ints, offsets_of, segment_of, spread
from pipeline.metrics.answers import Answers, answers_of
from pipeline.modeling.model import ChoiceModel
from pipeline.training.choice.exact_layouts import RaggedLayout
from pipeline.training.choice.lines import ChoiceLayout, every_option
from pipeline.training.choice.objective import cells, inputs
from pipeline.training.choice.sequences import pad_sequences
from pipeline.training.grouping import OVERHEAD, group_sequences

_ROWS = 512
"""Rows that are put together at a time; bounds memory, and does not change a score."""


RAGGED = RaggedLayout()


def score_choices(
    model: ChoiceModel,
    rows: Rows,
    special: Special,
    *,
    token_budget: int,
    device: torch.device,
    layout: ChoiceLayout = RAGGED,
) -> np.ndarray:
    """Return the float32 score of every choice of every row, (C,).

    Args:
        model: Is put into evaluation mode for the time, and back.
        rows: Any rows.
        special: Ids of the special tokens.
        token_budget: Most cells of a batch; a line that has more stands alone.
        device: Where the model is.
        layout: The one that the model is scored in, from `layouts.scoring_layout`.
    """
    result = np.empty(len(rows.choices), dtype=np.float32)
    training = model.training
    model.eval()
    for low in range(0, len(rows), _ROWS):
        some = rows.take(np.arange(low, min(low + _ROWS, len(rows))))
        first = rows.choice_offsets[low]
        for chosen, values in _scored(model, some, special, layout, token_budget, device):
            result[first + chosen] = values
    model.train(training)
    return result


def _scored(
    model: ChoiceModel,
    rows: Rows,
    special: Special,
    layout: ChoiceLayout,
    budget: int,
    device: torch.device,
) -> Iterator[tuple[Ints, np.ndarray]]:
    """Yield choices and their scores, batch after batch."""
    lines = layout.lines(rows, every_option(rows), special)
    lengths = lines.sequences.tokens.lengths
    scored = np.bincount(lines.line, minlength=len(lengths))
    first = offsets_of(scored)
    for group in group_sequences(lengths, budget=budget, overhead=OVERHEAD[device.type]):
        chosen = spread(first[group], scored[group])
        at = cells(segment_of(scored[group]), lines.place[chosen], device)
        batch = inputs(pad_sequences(lines.sequences.take(group), special), device)
        with torch.inference_mode():
            yield chosen, model.scored(model.hidden(batch), at).cpu().numpy()


def answer_rows(
    model: ChoiceModel,
    shard: Shard,
    special: Special,
    *,
    token_budget: int,
    device: torch.device,
    layout: ChoiceLayout = RAGGED,
    part: Ints | None = None,
) -> Answers:
    """Answer all rows of a task, or those named in `part`.

    Args:
        model: Trained.
        shard: The task.
        special: Ids of the special tokens.
        token_budget: Most cells of a batch.
        device: Where the model is.
        layout: The one that the model is scored in.
        part: Rows of the shard.
    """
    rows = shard.rows.take(np.arange(len(shard.rows)) if part is None else part)
    return answers_of(
        score_choices(
            model, rows, special, token_budget=token_budget, device=device, layout=layout
        ),
        rows.choice_offsets,
        label=rows.label,
        golds=rows.golds.values.astype(np.int64),
        gold_offsets=rows.golds.offsets,
        multi=rows.multi,
        source=rows.source,
    )
