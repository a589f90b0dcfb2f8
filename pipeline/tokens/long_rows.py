"""Rows longer than `max_tokens`: which rule applies, and which tokens of a context stay.

A row is *long* where one of its sequences, a choice's or the stem's, does not fit uncut. Knows lengths
only: no text, no ids.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.contract.ragged import Ints


@dataclass(frozen=True, slots=True)
class Spans:
    """What stays of R contexts: W >= R rows of up to two pieces each.

    Attributes:
        row: Shape `(W,)`, which of the R rows it is of, ascending.
        starts: Shape `(W, 2)`, first token of each piece, counted from the context's first.
        lengths: Shape `(W, 2)`, tokens of each piece, 0 or more.
    """

    row: Ints
    starts: Ints
    lengths: Ints


def cut_spans(lengths: Ints, kept: Ints, cut: str) -> Spans:
    """Return one row for each context, with `kept` of its tokens.

    Args:
        lengths: Shape `(R,)`.
        kept: Shape `(R,)`, at most `lengths`.
        cut: `context_end` and `context_start` keep the other side; `context_middle` keeps both ends,
            the first half with the odd token (the head and tail of Sun et al. 2019, "How to
            Fine-Tune BERT for Text Classification").
    """
    tail = {"context_end": np.zeros_like(kept), "context_start": kept}.get(cut, kept // 2)
    return Spans(
        row=np.arange(len(lengths), dtype=np.int64),
        starts=np.stack([np.zeros_like(lengths), lengths - tail], 1),
        lengths=np.stack([kept - tail, tail], 1),
    )


def window_spans(lengths: Ints, room: Ints, overlap: int) -> Spans:
    """Return the windows of each context, in order; together they hold all of its tokens.

    Args:
        lengths: Shape `(R,)`.
        room: Shape `(R,)`, tokens of a window, at least 1 where `lengths` is.
        overlap: Tokens that neighbours share at least; half a window where that is less. All windows
            of a context are full: the last one ends where the context ends, and shares what is left.
    """
    step = np.maximum(room - np.minimum(overlap, room // 2), 1)
    beyond = np.maximum(lengths - room, 0)
    counts = 1 + -(-beyond // step)
    row = np.repeat(np.arange(len(lengths), dtype=np.int64), counts)
    first = np.cumsum(counts) - counts
    turn = np.arange(len(row), dtype=np.int64) - first[row]
    starts = np.minimum(turn * step[row], beyond[row])
    kept = np.minimum(lengths, room)[row]
    none = np.zeros_like(kept)
    return Spans(row, np.stack([starts, none], 1), np.stack([kept, none], 1))
