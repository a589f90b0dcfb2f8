"""Sequences as the encoder reads them, put together from ragged segments, and padded.

Knows the special tokens and the frame `[CLS] prefix first [SEP] second [SEP]`; knows no task, no
choice and no batch plan.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.training.ragged import Bools, Ints, Ragged, offsets_of, padded, segment_of, spread
from pipeline.training.shards import FRAME, Special


@dataclass(frozen=True, slots=True)
class Sequences:
    """S framed sequences."""

    tokens: Ragged
    first: Ints
    """Tokens up to and including the first [SEP], (S,)."""

    def take(self, sequences: Ints) -> "Sequences":
        """Return the named sequences, in that order."""
        return Sequences(self.tokens.take(sequences), self.first[sequences])


@dataclass(frozen=True, slots=True)
class Padded:
    """A rectangle of S sequences and L tokens, the longest's."""

    ids: Ints
    real: Bools
    """False on padding."""
    types: Ints
    """0 up to and including the first [SEP], 1 after it, 0 on padding."""


def framed(prefix: Ints, first: Ragged, second: Ragged, special: Special) -> Sequences:
    """Return `[CLS] prefix first [SEP] second [SEP]` for every row.

    Args:
        prefix: Token id of each sequence's prefix.
        first: Usually the context.
        second: A choice, or the question of a stem; may be empty.
        special: Ids of the special tokens.
    """
    middle = first.lengths + 3
    offsets = offsets_of(first.lengths + second.lengths + FRAME)
    starts = offsets[:-1]
    values = np.empty(offsets[-1], dtype=np.int32)
    values[starts] = special.cls
    values[starts + 1] = prefix
    values[spread(starts + 2, first.lengths)] = first.values
    values[starts + middle - 1] = special.sep
    values[spread(starts + middle, second.lengths)] = second.values
    values[offsets[1:] - 1] = special.sep
    return Sequences(Ragged(values, offsets), middle)


def rectangle(sequences: Sequences, special: Special) -> Padded:
    """Pad sequences to the longest of them."""
    ids, real = padded(sequences.tokens, special.pad)
    types = (np.arange(ids.shape[1]) >= sequences.first[:, None]) & real
    return Padded(ids, real, types.astype(np.int64))


def places(sequences: Sequences) -> tuple[Ints, Ints]:
    """Return, for every token of every sequence, its sequence and its place in it."""
    lengths = sequences.tokens.lengths
    sequence = segment_of(lengths)
    return sequence, np.arange(len(sequence)) - sequences.tokens.offsets[sequence]
