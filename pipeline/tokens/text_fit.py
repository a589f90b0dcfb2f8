"""Inputs and targets that fit a language model's `max_tokens`.

A decoder reads `[bos] prefix input target` in one sequence and is asked for the target's tokens and the
end; an encoder-decoder reads `prefix input eos` and, in the decoder, a start token and the target.

What is cut, in this order. The input, at the end that `TextRule.cut` names, so that the row's longest
target or option fits; but not below a quarter of `max_tokens` (or its own length). Then each target and
option that is still too long, at its end; never below `target_tokens`. The prefix and the special tokens
are never cut. All whole arrays; knows no text.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.contract.ragged import Ints, Ragged, gather, offsets_of
from pipeline.contract.text import TextRule
from pipeline.tokens.coded import Coded


@dataclass(frozen=True, slots=True)
class TextSegments:
    """Encoded, uncut rows; R rows, O options over all rows.

    Attributes:
        input: R rows.
        target: R rows; empty where hidden.
        options: O rows.
        counts: Shape `(R,)`, options of each row, 0 or more.
    """

    input: Coded
    target: Coded
    options: Coded
    counts: Ints

    def take(self, rows: Ints) -> "TextSegments":
        """Return the named rows, in that order."""
        counts = self.counts[rows]
        first = offsets_of(self.counts)[rows]
        flat = np.repeat(first - offsets_of(counts)[:-1], counts) + np.arange(counts.sum())
        return TextSegments(
            self.input.take(rows), self.target.take(rows), self.options.take(flat), counts
        )


@dataclass(frozen=True, slots=True)
class TextFitted:
    """Rows as the trainer reads them; nothing is left to cut.

    Attributes:
        input: R rows.
        target: R rows.
        options: O rows.
        first: Shape `(R + 1,)`: row `i` has options `first[i]` to `first[i + 1]`.
        input_cut: Rows whose input lost tokens.
        target_cut: Rows whose target lost tokens.
        options_cut: Options that lost tokens.
        tokens_lost: Tokens of inputs and targets that were cut.
    """

    input: Ragged
    target: Ragged
    options: Ragged
    first: Ints
    input_cut: int
    target_cut: int
    options_cut: int
    tokens_lost: int


def longest(segments: TextSegments) -> Ints:
    """Return the tokens of each row's longest target or option, shape `(R,)`."""
    result = segments.target.lengths.copy()
    parent = np.repeat(np.arange(len(result), dtype=np.int64), segments.counts)
    np.maximum.at(result, parent, segments.options.lengths)
    return result


def too_long(segments: TextSegments, rule: TextRule) -> Ints:
    """Return which rows do not fit uncut, ascending."""
    written, read = longest(segments), segments.input.lengths
    if rule.model == "causal":
        return np.flatnonzero(read + written > rule.input_room)
    return np.flatnonzero((read > rule.input_room) | (written > rule.max_tokens - 1))


def fit_text(segments: TextSegments, rule: TextRule) -> TextFitted:
    """Cut every row so that it fits; drops none."""
    written, read = longest(segments), segments.input.lengths
    if rule.model == "causal":
        floor = np.minimum(read, rule.max_tokens // 4)
        kept = np.minimum(read, np.maximum(rule.input_room - written, floor))
        limit = rule.input_room - kept
    else:
        kept = np.minimum(read, rule.input_room)
        limit = np.full(len(read), rule.max_tokens - 1, np.int64)
    from_start = read - kept if rule.cut == "input_start" else np.zeros_like(read)
    target_kept = np.minimum(segments.target.lengths, limit)
    options_kept = np.minimum(segments.options.lengths, np.repeat(limit, segments.counts))
    lost = (read - kept).sum() + (segments.target.lengths - target_kept).sum()
    return TextFitted(
        input=gather(segments.input.pool.values, segments.input.starts + from_start, kept),
        target=gather(segments.target.pool.values, segments.target.starts, target_kept),
        options=gather(segments.options.pool.values, segments.options.starts, options_kept),
        first=offsets_of(segments.counts),
        input_cut=int((kept < read).sum()),
        target_cut=int((target_kept < segments.target.lengths).sum()),
        options_cut=int((options_kept < segments.options.lengths).sum()),
        tokens_lost=int(lost),
    )
