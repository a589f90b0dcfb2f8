"""Sequences as the encoder reads them: built from ragged segments, and padded to rectangles.

The frame is `[CLS] prefix first [SEP] second [SEP]`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.choice import Special
from pipeline.contract.ragged import (
    Bools,
    Ints,
    Ragged,
    concatenate,
    padded,
    segment_of,
)

NO_ROW = -1
"""Packed row of padding, which only padding sees."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """By token of lines with a shared part and choices: where it stands, and which tokens it sees."""

    places: Ragged
    """Position, as the encoder counts them from 0."""
    types: Ragged
    """0 up to and including the first [SEP] and on a choice's own [CLS], else 1."""
    packed_rows: Ragged
    """Number of the row among those of its line; rows do not see each other."""
    choices: Ragged
    """0 in a row's shared part, which sees itself; k in its k-th choice, which sees both."""

    def take(self, sequences: Ints) -> "Blocks":
        """Return those of the named sequences, in that order."""
        return Blocks(
            self.places.take(sequences),
            self.types.take(sequences),
            self.packed_rows.take(sequences),
            self.choices.take(sequences),
        )


@dataclass(frozen=True, slots=True)
class Sequences:
    """S framed sequences."""

    tokens: Ragged
    first: Ints
    """Tokens up to and including the first [SEP], (S,)."""
    blocks: Blocks | None = None
    """None where every token sees every token of its sequence."""

    def take(self, sequences: Ints) -> "Sequences":
        """Return the named sequences, in that order; one may be named more than once."""
        blocks = None if self.blocks is None else self.blocks.take(sequences)
        return Sequences(self.tokens.take(sequences), self.first[sequences], blocks)


@dataclass(frozen=True, slots=True)
class Padded:
    """A rectangle of S sequences and L tokens, the longest's or more."""

    ids: Ints
    real: Bools
    """False on padding."""
    types: Ints
    """0 up to and including the first [SEP], 1 after it, 0 on padding and on a choice's own [CLS]."""
    places: Ints | None = None
    """Position of every token; None where the encoder counts from the left."""
    packed_rows: Ints | None = None
    """As in `Blocks`; None where all tokens of a sequence see each other."""
    choices: Ints | None = None
    """As in `Blocks`; given with the packed rows."""


def frame_sequences(prefix: Ints, first: Ragged, second: Ragged, special: Special) -> Sequences:
    """Return `[CLS] prefix first [SEP] second [SEP]` for every row.

    Args:
        prefix: Token id of each sequence's prefix.
        first: Usually the context.
        second: A choice, or the question of a stem; may be empty.
        special: Ids of the special tokens.
    """
    tokens = concatenate(special.cls, prefix, first, special.sep, second, special.sep)
    return Sequences(tokens, first.lengths + 3)


def pad_sequences(sequences: Sequences, special: Special, *, width: int = 0) -> Padded:
    """Pad sequences to the longest of them, or, without blocks, to `width` where that is more."""
    ids, real = padded(sequences.tokens, special.pad)
    blocks = sequences.blocks
    if blocks is not None:
        return Padded(
            ids,
            real,
            padded(blocks.types, 0)[0],
            padded(blocks.places, 0)[0],
            padded(blocks.packed_rows, NO_ROW)[0],
            padded(blocks.choices, 0)[0],
        )
    types = (np.arange(ids.shape[1]) >= sequences.first[:, None]) & real
    return Padded(
        _widened(ids, width, special.pad),
        _widened(real, width, False),
        _widened(types.astype(np.int64), width, 0),
    )


def _widened(values: NDArray[Any], width: int, fill: int) -> NDArray[Any]:
    """Add columns on the right where there are fewer than `width`."""
    missing = max(0, width - values.shape[1])
    return np.pad(values, ((0, 0), (0, missing)), constant_values=fill) if missing else values


def token_places(sequences: Sequences) -> tuple[Ints, Ints]:
    """Return, for every token of every sequence, its sequence and its place in it."""
    lengths = sequences.tokens.lengths
    sequence = segment_of(lengths)
    return sequence, np.arange(len(sequence)) - sequences.tokens.offsets[sequence]
