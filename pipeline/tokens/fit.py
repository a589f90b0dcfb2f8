"""Segments to sequences that fit: `[CLS] prefix context [SEP] choice [SEP]` in `max_tokens`.

What is cut, in this order. The context, at the end that `LongRows.cut` names, so that the row's
longest choice fits; but not below a quarter of `max_tokens` (or its own length). Then each choice that
is still too long, at its front, which is the question's, so that the end of the option text stays. The
prefix and the special tokens are never cut. The question alone, for the stem, is cut at its front too.
A row may also be dropped, or its context split into windows. All whole arrays.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.choice import FRAME, LongRows
from pipeline.contract.ragged import Ints, Ragged, gather, offsets_of
from pipeline.tokens.coded import Coded
from pipeline.tokens.long_rows import cut_spans, window_spans


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
    counts: Ints
    joined: NDArray[np.bool_]

    def take(self, rows: Ints) -> "Segments":
        """Return the named rows, in that order."""
        counts = self.counts[rows]
        return Segments(
            context=self.context.take(rows),
            question=self.question.take(rows),
            options=self.options.take(_spread(offsets_of(self.counts)[rows], counts)),
            counts=counts,
            joined=self.joined[rows],
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rows as the trainer reads them; nothing is left to cut. R rows were fitted, W came of them.

    Attributes:
        context: W rows.
        question: W rows.
        choices: O rows, `question [SEP] option` joined where they are.
        first: Shape `(W + 1,)`: row `i` has choices `first[i]` to `first[i + 1]`.
        row: Shape `(W,)`, which of the R rows it is of, ascending.
        long_rows: How many of the R rows were long.
        context_cut: Rows whose context lost tokens.
        choices_cut: Choices that lost tokens, counted once for all windows of a row.
        dropped: Rows left out.
        split: Rows whose context became several windows.
        tokens_lost: Tokens of contexts and choices that no row holds, dropped rows' included.
    """

    context: Ragged
    question: Ragged
    choices: Ragged
    first: Ints
    row: Ints
    long_rows: int = 0
    context_cut: int = 0
    choices_cut: int = 0
    dropped: int = 0
    split: int = 0
    tokens_lost: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of all sequences of all choices, specials and prefixes included."""
        repeated = int((self.context.lengths * np.diff(self.first)).sum())
        return repeated + len(self.choices.values) + FRAME * len(self.choices)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Lengths of uncut rows: R of contexts and questions, O of choices."""

    first: Ints
    parent: Ints
    context: Ints
    question: Ints
    asked: Ints
    """Tokens of the question in front of each option, (O,)."""
    full: Ints
    """Tokens of each choice with question and separator, (O,)."""

    @property
    def needed(self) -> Ints:
        """Tokens of each row's longest sequence, (R,)."""
        return FRAME + self.context + np.maximum(_row_maximum(self.full, self.first), self.question)


def fit(
    segments: Segments, *, separator: int, max_tokens: int, long_rows: LongRows | None = None
) -> Fitted:
    """Join questions with their options and cut every row so that its sequences fit.

    Args:
        segments: The encoded rows.
        separator: Id of `[SEP]`.
        max_tokens: Longest sequence, specials and prefix included; at least 16.
        long_rows: What becomes of rows that are too long; None truncates. `error` truncates too: ask
            `first_long` before.

    Returns:
        Rows for which `FRAME + len(context) + len(choice) <= max_tokens` holds for each choice, and
        `FRAME + len(context) + len(question) <= max_tokens`.
    """
    rule = long_rows or LongRows()
    sizes = _measured(segments)
    long = sizes.needed > max_tokens
    if rule.rule != "drop" or not long.any():
        return _cut(segments, sizes, separator=separator, max_tokens=max_tokens, rule=rule)
    kept = np.flatnonzero(~long)
    rest = segments.take(kept)
    fitted = _cut(rest, _measured(rest), separator=separator, max_tokens=max_tokens, rule=rule)
    gone = int(sizes.context[long].sum() + sizes.full[long[sizes.parent]].sum())
    return replace(
        fitted,
        row=kept[fitted.row],
        long_rows=int(long.sum()),
        dropped=int(long.sum()),
        tokens_lost=gone,
    )


def first_long(segments: Segments, *, max_tokens: int) -> tuple[int, int, int] | None:
    """Return the first long row, its longest sequence's tokens, and how many long rows there are.

    Returns:
        None where every row fits.
    """
    needed = _measured(segments).needed
    long = np.flatnonzero(needed > max_tokens)
    return (int(long[0]), int(needed[long[0]]), len(long)) if len(long) else None


def _measured(segments: Segments) -> _Sizes:
    parent = np.repeat(np.arange(len(segments.counts), dtype=np.int64), segments.counts)
    question = segments.question.lengths
    asked = np.where(segments.joined, question, 0)[parent]
    return _Sizes(
        first=offsets_of(segments.counts),
        parent=parent,
        context=segments.context.lengths,
        question=question,
        asked=asked,
        full=asked + (asked > 0) + segments.options.lengths,
    )


def _cut(
    segments: Segments, sizes: _Sizes, *, separator: int, max_tokens: int, rule: LongRows
) -> Fitted:
    """Cut every row to fit, or split its context; drops none."""
    room = max_tokens - FRAME
    kept = np.minimum(sizes.full, (room - np.minimum(sizes.context, max_tokens // 4))[sizes.parent])
    context_kept = np.minimum(sizes.context, room - _row_maximum(kept, sizes.first))
    question_kept = np.minimum(sizes.question, room - context_kept)
    splits = rule.rule == "split"
    spans = (
        window_spans(sizes.context, context_kept, rule.overlap)
        if splits
        else cut_spans(sizes.context, context_kept, rule.cut)
    )
    row, starts = spans.row, segments.context.starts[spans.row][:, None] + spans.starts
    context = gather(segments.context.pool.values, starts.ravel(), spans.lengths.ravel())
    cut_front = segments.question.starts + sizes.question - question_kept
    choices = _joined(segments, sizes, sizes.full - kept, separator)
    gone = int(sizes.full.sum()) - len(choices.values)
    first = sizes.first
    if len(row) > len(first) - 1:
        choices, first = _repeated(choices, first, row)
    short = context_kept < sizes.context
    return Fitted(
        context=Ragged(context.values, np.ascontiguousarray(context.offsets[::2])),
        question=gather(segments.question.pool.values, cut_front[row], question_kept[row]),
        choices=choices,
        first=first,
        row=row,
        long_rows=int((sizes.needed > max_tokens).sum()),
        context_cut=0 if splits else int(short.sum()),
        choices_cut=int((kept < sizes.full).sum()),
        split=int(short.sum()) if splits else 0,
        tokens_lost=gone + (0 if splits else int((sizes.context - context_kept).sum())),
    )


def _joined(segments: Segments, sizes: _Sizes, cut: Ints, separator: int) -> Ragged:
    """Write `question [SEP] option` per choice, less `cut` tokens at the front.

    Each choice is three pieces of one pool (questions, the separator, options), and one gather copies
    all pieces. A separator is dropped with the last token of its question.
    """
    questions, options = segments.question.pool.values, segments.options.pool.values
    pool = np.concatenate([questions, np.array([separator], np.int32), options])
    asked_kept = np.maximum(sizes.asked - cut, 0)
    option_cut = np.maximum(cut - sizes.asked - (sizes.asked > 0), 0)
    lengths = np.stack(
        [asked_kept, (asked_kept > 0).astype(np.int64), segments.options.lengths - option_cut], 1
    )
    starts = np.stack(
        [
            segments.question.starts[sizes.parent] + sizes.asked - asked_kept,
            np.full(len(sizes.parent), len(questions), np.int64),
            segments.options.starts + option_cut + len(questions) + 1,
        ],
        axis=1,
    )
    flat = gather(pool, starts.ravel(), lengths.ravel())
    return Ragged(flat.values, np.ascontiguousarray(flat.offsets[::3]))


def _repeated(choices: Ragged, first: Ints, row: Ints) -> tuple[Ragged, Ints]:
    """Give each window the choices of its row."""
    counts = np.diff(first)[row]
    which = _spread(first[row], counts)
    return gather(choices.values, choices.offsets[which], choices.lengths[which]), offsets_of(
        counts
    )


def _spread(starts: Ints, counts: Ints) -> Ints:
    """Return `starts[i], starts[i] + 1, ...` for `counts[i]` numbers, row after row."""
    offsets = offsets_of(counts)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], counts)


def _row_maximum(values: Ints, first: Ints) -> Ints:
    """Return the maximum of each row's values; every row has at least one."""
    return np.maximum.reduceat(values, first[:-1]) if len(first) > 1 else values
