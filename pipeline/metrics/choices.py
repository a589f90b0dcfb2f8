"""Turns scores of choices into probabilities and answers: a softmax over each row's own choices.

R rows have C choices in all; row i has `offsets[i]` to `offsets[i + 1]`, at least one.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def probabilities(scores: NDArray[np.floating], offsets: Ints) -> Floats:
    """Return the softmax of each row's scores, (C,)."""
    if len(offsets) < 2:
        return np.zeros(0)
    counts, starts = np.diff(offsets), offsets[:-1]
    exact = scores.astype(np.float64)
    powers = np.exp(exact - np.repeat(np.maximum.reduceat(exact, starts), counts))
    result: Floats = powers / np.repeat(np.add.reduceat(powers, starts), counts)
    return result


def answers(scores: NDArray[np.floating], offsets: Ints) -> Ints:
    """Return the index of each row's highest score, (R,); the first of equals."""
    counts = np.diff(offsets)
    row = np.repeat(np.arange(len(counts)), counts)
    slot = np.arange(len(row)) - offsets[row]
    order = np.lexsort((slot, -scores.astype(np.float64), row))
    result: Ints = slot[order[offsets[:-1]]]
    return result


def row_maximum(values: Floats, offsets: Ints) -> Floats:
    """Return the largest value of each row, (R,)."""
    if len(offsets) < 2:
        return np.zeros(0)
    result: Floats = np.maximum.reduceat(values, offsets[:-1])
    return result


def gold_marks(golds: Ints, gold_offsets: Ints, offsets: Ints) -> Bools:
    """Return which of C choices are in their row's gold set.

    Args:
        golds: Gold indices, row after row.
        gold_offsets: Row i has golds `gold_offsets[i]` to `gold_offsets[i + 1]`, perhaps none.
        offsets: Of the choices.
    """
    marks = np.zeros(offsets[-1], dtype=bool)
    marks[np.repeat(offsets[:-1], np.diff(gold_offsets)) + golds] = True
    return marks
