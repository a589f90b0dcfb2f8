"""One line for each row: the shared part once, then every choice, kept apart by a block mask.

The shared part is `[CLS] prefix context [SEP]`, with `question [SEP]` where all choices begin with it.
What is left of a choice, with its `[SEP]`, stands behind it. The shared part sees itself; a choice sees
the shared part and itself, at the positions that it has in a line of its own. So a score does not depend
on the other choices of the row, and the shared tokens are read once. In training, rows are packed into
lines of one length, and do not see each other either. It is another model than the exact layout: there
the context sees the choice too.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pipeline.contract.choice import Rows, Special
from pipeline.contract.ragged import (
    Bools,
    Ints,
    Ragged,
    concatenate,
    gather,
    offsets_of,
    segment_of,
    spread,
)
from pipeline.training.choice.lines import ChoiceLines, question_is_shared
from pipeline.training.choice.options import Keys, Options, sample_options
from pipeline.training.choice.sequences import Blocks, Sequences, frame_sequences

Readout = Literal["own_cls", "last_sep"]
"""Where a choice is scored: at a [CLS] in front of it, at position 0 as in a line of its own; or at the
[SEP] that ends it."""


@dataclass(frozen=True, slots=True)
class SharedContextLayout:
    """One line for each row, scored once in each choice."""

    head: ClassVar[str] = "linear"

    readout: Readout

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Draw as the ragged layout does."""
        return sample_options(rows, keys, seed=seed, max_options=max_options)

    def lines(self, rows: Rows, options: Options, special: Special) -> ChoiceLines:
        """Return one line for each row that has options."""
        counts = np.diff(options.offsets)
        alike = question_is_shared(rows, special)
        shared = _shared_parts(rows, alike, special)
        parts = self._choice_parts(rows, options, alike, special)
        row = segment_of(counts)
        with_options = np.flatnonzero(counts)
        starts = _starts(shared.tokens.lengths, parts.lengths, options.offsets)
        sequences = _join_parts(shared, parts, starts, row, self.readout).take(with_options)
        offsets = offsets_of((counts > 0).astype(np.int64))
        read = starts if self.readout == "own_cls" else starts + parts.lengths - 1
        return ChoiceLines(
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

    def _choice_parts(self, rows: Rows, options: Options, alike: Bools, special: Special) -> Ragged:
        """Return what is left of every option, with its [CLS] if it has one and its [SEP]."""
        row = segment_of(np.diff(options.offsets))
        choices = rows.choices
        said = np.where(alike, rows.question.lengths + 1, 0)[row]
        starts = choices.offsets[options.kept] + said
        lengths = choices.offsets[options.kept + 1] - starts
        kept = gather(choices.values, starts, lengths)
        if self.readout == "own_cls":
            return concatenate(special.cls, kept, special.sep)
        return concatenate(kept, special.sep)


def _shared_parts(rows: Rows, alike: Bools, special: Special) -> Sequences:
    """Return `[CLS] prefix context [SEP]`, and `question [SEP]` where all choices begin with it."""
    stems = frame_sequences(rows.prefix, rows.context, rows.question, special)
    lengths = np.where(alike, stems.tokens.lengths, stems.first)
    tokens = gather(stems.tokens.values, stems.tokens.offsets[:-1], lengths)
    return Sequences(tokens, stems.first)


def _starts(shared: Ints, parts: Ints, option_offsets: Ints) -> Ints:
    """Return where in its row's line every choice starts, (S,)."""
    ends = offsets_of(parts)
    before = ends[:-1] - np.repeat(ends[option_offsets[:-1]], np.diff(option_offsets))
    started: Ints = np.repeat(shared, np.diff(option_offsets)) + before
    return started


def _join_parts(
    shared: Sequences, parts: Ragged, starts: Ints, row: Ints, readout: Readout
) -> Sequences:
    """Join every row's shared part and choices, with the place and the block of each token."""
    own = int(readout == "own_cls")
    first, lengths = shared.tokens.lengths, parts.lengths
    total = first + np.bincount(row, lengths, len(first)).astype(np.int64)
    offsets = offsets_of(total)
    in_shared = spread(offsets[:-1], first)
    in_choice = spread(offsets[row] + starts, lengths)
    tokens, places, choices = (np.zeros(offsets[-1], dtype=np.int32) for _ in range(3))
    types = np.ones(offsets[-1], dtype=np.int32)
    tokens[in_shared], tokens[in_choice] = shared.tokens.values, parts.values
    places[in_shared] = spread(np.zeros_like(first), first)
    places[in_choice] = spread(first[row] - own, lengths)
    types[spread(offsets[:-1], shared.first)] = 0
    if own:
        places[offsets[row] + starts] = types[offsets[row] + starts] = 0
    first_of_row = np.searchsorted(row, row)
    choices[in_choice] = np.repeat(np.arange(len(row)) - first_of_row + 1, lengths)
    flat = (places, types, np.zeros_like(choices), choices)
    blocks = Blocks(*(Ragged(values, offsets) for values in flat))
    return Sequences(Ragged(tokens, offsets), shared.first, blocks)
