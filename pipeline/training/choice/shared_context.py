"""One line for each row: the stem once, then every choice as a branch behind a block mask.

The trunk is `[CLS] prefix context [SEP]`, with `question [SEP]` where all choices begin with it; a
branch is the rest of a choice and `[SEP]`. The trunk sees itself; a branch sees the trunk and itself,
at the positions that it has in a line of its own. So a score does not depend on the other choices of
the row, and the stem's tokens are read once. In training, rows are packed into lines of one length, and
do not see each other either. It is another model than the exact layout: there the stem
sees the choice too. Knows lines; knows no model.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.contract.ragged import Bools, Ints, Ragged, offsets_of, segment_of, spread
from pipeline.training.choice.lines import Lines, asks_alike
from pipeline.training.choice.options import Keys, Options, sampled
from pipeline.training.choice.sequences import Blocks, Sequences, framed
from pipeline.training.choice.shards import Rows, Special

Readout = Literal["own_cls", "last_sep"]
"""Where a choice is scored: at a [CLS] in front of its branch, which stands at position 0 as in a line
of its own; or at the [SEP] that ends the branch."""


@dataclass(frozen=True, slots=True)
class SharedContextLayout:
    """One line for each row, scored once in each branch."""

    readout: Readout

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Draw as the ragged layout does."""
        return sampled(rows, keys, seed=seed, max_options=max_options)

    def lines(self, rows: Rows, options: Options, special: Special) -> Lines:
        """Return one line for each row that has options."""
        counts = np.diff(options.offsets)
        alike = asks_alike(rows, special)
        trunks = _trunks(rows, alike, special)
        branches = self._branches(rows, options, alike, special)
        row = segment_of(counts)
        with_options = np.flatnonzero(counts)
        starts = _starts(trunks.tokens.lengths, branches.lengths, options.offsets)
        sequences = _grown(trunks, branches, starts, row, self.readout).take(with_options)
        offsets = offsets_of((counts > 0).astype(np.int64))
        read = starts if self.readout == "own_cls" else starts + branches.lengths - 1
        return Lines(
            sequences=sequences,
            offsets=offsets,
            line=offsets[row],
            place=read,
            option_offsets=options.offsets,
            filler=np.zeros(len(with_options), dtype=np.bool_),
            packs=True,
        )

    def stem_width(self, stems: Sequences) -> int:
        """Return 0: stems are padded to the longest of a micro-batch."""
        return 0

    def _branches(self, rows: Rows, options: Options, alike: Bools, special: Special) -> Ragged:
        """Return the branch of every option, with its [CLS] if it has one and its [SEP]."""
        row = segment_of(np.diff(options.offsets))
        choices = rows.choices
        said = np.where(alike, rows.question.lengths + 1, 0)[row]
        starts = choices.offsets[options.kept] + said
        lengths = choices.offsets[options.kept + 1] - starts
        own = int(self.readout == "own_cls")
        offsets = offsets_of(own + lengths + 1)
        values = np.full(offsets[-1], special.sep, dtype=np.int32)
        values[spread(offsets[:-1] + own, lengths)] = choices.values[spread(starts, lengths)]
        if own:
            values[offsets[:-1]] = special.cls
        return Ragged(values, offsets)


def _trunks(rows: Rows, alike: Bools, special: Special) -> Sequences:
    """Return `[CLS] prefix context [SEP]`, and `question [SEP]` where all choices begin with it."""
    stems = framed(rows.prefix, rows.context, rows.question, special)
    lengths = np.where(alike, stems.tokens.lengths, stems.first)
    values = stems.tokens.values[spread(stems.tokens.offsets[:-1], lengths)]
    return Sequences(Ragged(values, offsets_of(lengths)), stems.first)


def _starts(trunks: Ints, branches: Ints, option_offsets: Ints) -> Ints:
    """Return where in its row's line every branch starts, (S,)."""
    ends = offsets_of(branches)
    before = ends[:-1] - np.repeat(ends[option_offsets[:-1]], np.diff(option_offsets))
    started: Ints = np.repeat(trunks, np.diff(option_offsets)) + before
    return started


def _grown(
    trunks: Sequences, branches: Ragged, starts: Ints, row: Ints, readout: Readout
) -> Sequences:
    """Join every row's trunk and branches, with the place and the block of each token."""
    own = int(readout == "own_cls")
    trunk, lengths = trunks.tokens.lengths, branches.lengths
    total = trunk + np.bincount(row, lengths, len(trunk)).astype(np.int64)
    offsets = offsets_of(total)
    in_trunk = spread(offsets[:-1], trunk)
    in_branch = spread(offsets[row] + starts, lengths)
    tokens, places, numbers = (np.zeros(offsets[-1], dtype=np.int32) for _ in range(3))
    types = np.ones(offsets[-1], dtype=np.int32)
    tokens[in_trunk], tokens[in_branch] = trunks.tokens.values, branches.values
    places[in_trunk] = spread(np.zeros_like(trunk), trunk)
    places[in_branch] = spread(trunk[row] - own, lengths)
    types[spread(offsets[:-1], trunks.first)] = 0
    if own:
        places[offsets[row] + starts] = types[offsets[row] + starts] = 0
    first_of_row = np.searchsorted(row, row)
    numbers[in_branch] = np.repeat(np.arange(len(row)) - first_of_row + 1, lengths)
    flat = (places, types, np.zeros_like(numbers), numbers)
    blocks = Blocks(*(Ragged(values, offsets) for values in flat))
    return Sequences(Ragged(tokens, offsets), trunks.first, blocks)
