"""Rank classification: the log-probabilities of all options; and whether greedy decoding is exact.

The score of an option is the sum of the log-probabilities of its tokens and of the end token, given the
input (Sanh et al. 2021, T0), or their mean. Rows without options are judged by whether greedy decoding
writes exactly their target. It does where each token of the target, and the end token, is the most
probable one after those before it: one forward pass tells, without decoding. Float32, no dropout; a score
does not depend on its batch beyond float error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.contract.ragged import Bools, Floats, Ints
from pipeline.contract.text import TextRows, TextShard, TextSpecial
from pipeline.metrics.answers import Answers, answers_of
from pipeline.modeling.language import LanguageModel
from pipeline.training.text.batches import MicroBatch, TextPlan, micro_batches
from pipeline.training.text.lines import Pairs, TextLines, continuations, documents, pairs

SCORES = ("sum", "mean")

_ROWS = 256
"""Rows that are put together at a time; bounds memory, and does not change a score."""
_ROOM = 2
"""Tokens of options in one line, as a multiple of the longest sequence."""


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How rows are read."""

    special: TextSpecial
    max_tokens: int
    plan: TextPlan
    """Its `batch` does not count."""
    device: torch.device


def score_options(model: LanguageModel, rows: TextRows, how: ReadingPlan) -> dict[str, Floats]:
    """Return the score of every option of every row, (O,), by kind of score; higher is better.

    Options of a row that are the same tokens have the same score, that of the first: float error would
    else choose among them, in another way for other batches.

    Args:
        model: Is put into evaluation mode for the time, and back.
        rows: Each has an option at least.
        how: Budget and device.
    """
    options = len(rows.options)
    sums, counts = np.zeros(options), np.zeros(options)
    for first, chunk in _chunks(rows):
        low, high = rows.option_offsets[first], rows.option_offsets[first + len(chunk)]
        for batch, costs, _ in _read(model, _ranked(chunk, how), how):
            owner = batch.asked.owner
            sums[low:high] -= np.bincount(owner, costs, high - low)
            counts[low:high] += np.bincount(owner, minlength=high - low)
    same = _first_equal(rows)
    return {"sum": sums[same], "mean": (sums / np.maximum(counts, 1))[same]}


def _first_equal(rows: TextRows) -> Ints:
    """Return for each option the first one of its row with the same tokens, (O,)."""
    row = np.repeat(np.arange(len(rows)), rows.counts)
    starts, values = rows.options.offsets, rows.options.values
    seen: dict[tuple[int, bytes], int] = {}
    first = np.empty(len(row), dtype=np.int64)
    for option, owner in enumerate(row.tolist()):
        tokens = values[starts[option] : starts[option + 1]].tobytes()
        first[option] = seen.setdefault((owner, tokens), option)
    return first


def decodes_exactly(model: LanguageModel, rows: TextRows, how: ReadingPlan) -> Bools:
    """Return, for each row, whether greedy decoding writes its target and ends, (R,)."""
    missed = np.zeros(len(rows), dtype=np.int64)
    for first, chunk in _chunks(rows):
        for batch, _, top in _read(model, _targets(chunk, how), how):
            missed[first : first + len(chunk)] += np.bincount(
                batch.asked.owner, ~top, len(chunk)
            ).astype(np.int64)
    result: Bools = missed == 0
    return result


def answers_from(rows: TextRows, scores: Floats) -> Answers:
    """Return what scores say of rows with options."""
    none = np.zeros(0, dtype=np.int64)
    return answers_of(
        scores,
        rows.option_offsets,
        label=rows.label,
        golds=none,
        gold_offsets=np.zeros(len(rows) + 1, dtype=np.int64),
        multi=np.zeros(len(rows), dtype=bool),
        source=rows.source,
    )


def split_rows(shard: TextShard, which: Ints | None = None) -> tuple[TextRows, TextRows]:
    """Return the rows of a task that have options, and those that have a target and none.

    Args:
        shard: The task.
        which: Rows of it; None is all.
    """
    rows = shard.rows.take(np.arange(len(shard.rows)) if which is None else which)
    ranked = rows.counts > 0
    free = ~ranked & (rows.target.lengths > 0)
    return rows.take(np.flatnonzero(ranked)), rows.take(np.flatnonzero(free))


def _chunks(rows: TextRows) -> Iterator[tuple[int, TextRows]]:
    for first in range(0, len(rows), _ROWS):
        yield first, rows.take(np.arange(first, min(first + _ROWS, len(rows))))


def _ranked(rows: TextRows, how: ReadingPlan) -> TextLines | Pairs:
    if how.plan.start is None:
        return continuations(rows, how.special, room=_ROOM * how.max_tokens)
    return pairs(rows, rows.options, rows.option_offsets, how.special, start=how.plan.start)


def _targets(rows: TextRows, how: ReadingPlan) -> TextLines | Pairs:
    every = np.arange(len(rows) + 1)
    if how.plan.start is None:
        return documents(rows, every, how.special)
    return pairs(rows, rows.target, every, how.special, start=how.plan.start)


def _read(
    model: LanguageModel, laid: TextLines | Pairs, how: ReadingPlan
) -> Iterator[tuple[MicroBatch, Floats, Bools]]:
    """Yield each batch with the costs of its asked tokens, and which of them are the most probable."""
    training = model.training
    model.eval()
    try:
        for batch in micro_batches(laid, how.plan, how.special):
            with torch.inference_mode():
                said = model(batch.inputs_on(how.device))
            yield batch, said.cost_M.double().cpu().numpy(), said.top_M.cpu().numpy()
    finally:
        model.train(training)
