"""Segments to sequences that fit: `[CLS] prefix context [SEP] choice [SEP]` in `max_tokens`.

What is cut, in this order. The context, at its end, so that the row's longest choice fits; but not
below a quarter of `max_tokens` (or its own length). Then each choice that is still too long, at its
front, which is the question's, so that the end of the option text stays. The prefix and the special
tokens are never cut. The question alone, for the stem, is cut at its front too. All whole arrays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tokens.ragged import Coded, Offsets, Ragged, gather, offsets_of

FRAME = 4
"""Tokens of a sequence that are neither context nor choice: [CLS], prefix, [SEP], [SEP]."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Encoded, uncut rows; R rows, O options over all rows.

    Attributes:
        context: R rows.
        question: R rows.
        options: O rows: per choice the filled cloze or the choice alone.
        counts: Shape `(R,)`, options of each row, each at least 1.
        joined: Shape `(R,)`, whether the question goes in front of each option.
    """

    context: Coded
    question: Coded
    options: Coded
    counts: Offsets
    joined: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rows as the trainer reads them; nothing is left to cut.

    Attributes:
        context: R rows.
        question: R rows.
        choices: O rows, `question [SEP] option` joined where they are.
        first: Shape `(R + 1,)`: row `i` has choices `first[i]` to `first[i + 1]`.
        context_cut: Rows whose context lost tokens.
        choices_cut: Choices that lost tokens.
    """

    context: Ragged
    question: Ragged
    choices: Ragged
    first: Offsets
    context_cut: int
    choices_cut: int

    @property
    def tokens(self) -> int:
        """Tokens of all sequences of all choices, specials and prefixes included."""
        repeated = int((self.context.lengths * np.diff(self.first)).sum())
        return repeated + len(self.choices.values) + FRAME * len(self.choices)


def fit(segments: Segments, *, separator: int, max_tokens: int) -> Fitted:
    """Join questions with their options and cut every row so that its sequences fit.

    Args:
        segments: The encoded rows.
        separator: Id of `[SEP]`.
        max_tokens: Longest sequence, specials and prefix included; at least 16.

    Returns:
        Rows for which `FRAME + len(context) + len(choice) <= max_tokens` holds for each choice, and
        `FRAME + len(context) + len(question) <= max_tokens`.
    """
    first, parent = offsets_of(segments.counts), _parents(segments.counts)
    room = max_tokens - FRAME
    context, question = segments.context.lengths, segments.question.lengths
    asked = np.where(segments.joined, question, 0)[parent]
    full = asked + (asked > 0) + segments.options.lengths
    kept = np.minimum(full, (room - np.minimum(context, max_tokens // 4))[parent])
    context_kept = np.minimum(context, room - _row_maximum(kept, first))
    question_kept = np.minimum(question, room - context_kept)
    return Fitted(
        context=gather(segments.context.pool.values, segments.context.starts, context_kept),
        question=gather(
            segments.question.pool.values,
            segments.question.starts + question - question_kept,
            question_kept,
        ),
        choices=_joined(segments, parent, asked, full - kept, separator),
        first=first,
        context_cut=int((context_kept < context).sum()),
        choices_cut=int((kept < full).sum()),
    )


def _joined(
    segments: Segments, parent: Offsets, asked: Offsets, cut: Offsets, separator: int
) -> Ragged:
    """Write `question [SEP] option` per choice, less `cut` tokens at the front.

    Each choice is three pieces of one pool (questions, the separator, options), and one gather copies
    all pieces. A separator is dropped with the last token of its question.
    """
    questions, options = segments.question.pool.values, segments.options.pool.values
    pool = np.concatenate([questions, np.array([separator], np.int32), options])
    asked_kept = np.maximum(asked - cut, 0)
    option_cut = np.maximum(cut - asked - (asked > 0), 0)
    lengths = np.stack(
        [asked_kept, (asked_kept > 0).astype(np.int64), segments.options.lengths - option_cut], 1
    )
    starts = np.stack(
        [
            segments.question.starts[parent] + asked - asked_kept,
            np.full(len(parent), len(questions), np.int64),
            segments.options.starts + option_cut + len(questions) + 1,
        ],
        axis=1,
    )
    flat = gather(pool, starts.ravel(), lengths.ravel())
    return Ragged(flat.values, np.ascontiguousarray(flat.offsets[::3]))


def _parents(counts: Offsets) -> Offsets:
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def _row_maximum(values: Offsets, first: Offsets) -> Offsets:
    """Return the maximum of each row's values; every row has at least one."""
    return np.maximum.reduceat(values, first[:-1]) if len(first) > 1 else values
