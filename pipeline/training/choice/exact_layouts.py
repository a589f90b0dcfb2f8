"""Layouts with one line for each choice: ragged, the default, and padded, its reference.

Both give every choice the same tokens, so that scores, losses and gradients are equal; the padded layout
fills up rows with fewer choices.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.contract.choice import Rows, Special
from pipeline.contract.ragged import Ints, Ragged, join, offsets_of, segment_of
from pipeline.training.choice.lines import ChoiceLines
from pipeline.training.choice.options import Keys, Options, sample_options
from pipeline.training.choice.sequences import Sequences, frame_sequences


@dataclass(frozen=True, slots=True)
class RaggedLayout:
    """`[CLS] prefix context [SEP] choice [SEP]` for every choice, scored at [CLS]."""

    head: ClassVar[str] = "linear"

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Draw a gold choice where there are several, and negatives, new at every position."""
        return sample_options(rows, keys, seed=seed, max_options=max_options)

    def lines(self, rows: Rows, options: Options, special: Special) -> ChoiceLines:
        """Return one line for each option."""
        row = segment_of(np.diff(options.offsets))
        context, choices = rows.context.take(row), rows.choices.take(options.kept)
        sequences = frame_sequences(rows.prefix[row], context, choices, special)
        return one_line_each(sequences, options.offsets)

    def stem_width(self, stems: Sequences) -> int:
        """Return 0: stems are padded to the longest of a micro-batch."""
        return 0


@dataclass(frozen=True, slots=True)
class PaddedLayout:
    """As many lines for each row as the row of most options has, all of one length.

    What a rectangle of rows x choices x tokens costs. ChoiceLines that hold no choice are never scored.
    """

    head: ClassVar[str] = "linear"

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Draw as the ragged layout does."""
        return sample_options(rows, keys, seed=seed, max_options=max_options)

    def lines(self, rows: Rows, options: Options, special: Special) -> ChoiceLines:
        """Return the ragged lines with empty ones between them."""
        ragged = RaggedLayout().lines(rows, options, special)
        counts = np.diff(options.offsets)
        most = int(counts.max(initial=0))
        empty = segment_of(np.where(counts > 0, most - counts, 0))
        tokens = Ragged(
            np.full(len(empty), special.cls, np.int32), np.arange(len(empty) + 1, dtype=np.int64)
        )
        fillers = Sequences(tokens, np.ones(len(empty), dtype=np.int64))
        lines = with_fillers(ragged, fillers, empty)
        longest = int(ragged.sequences.tokens.lengths.max(initial=0))
        return ChoiceLines(
            lines.sequences, lines.offsets, np.flatnonzero(~lines.filler), ragged.place,
            options.offsets, lines.filler, longest,
        )  # fmt: skip

    def stem_width(self, stems: Sequences) -> int:
        """Return the length of the longest stem."""
        return int(stems.tokens.lengths.max(initial=0))


def one_line_each(sequences: Sequences, offsets: Ints) -> ChoiceLines:
    """Return lines of one option each, scored at their first token."""
    every = np.arange(len(sequences.tokens))
    return ChoiceLines(
        sequences=sequences,
        offsets=offsets,
        line=every,
        place=np.zeros(len(every), dtype=np.int64),
        option_offsets=offsets,
        filler=np.zeros(len(every), dtype=np.bool_),
    )


def with_fillers(lines: ChoiceLines, fillers: Sequences, row: Ints) -> ChoiceLines:
    """Put fillers after the lines of their rows, each an option of its own.

    Args:
        lines: One option each.
        fillers: Sequences to add.
        row: Row of each filler, ascending.
    """
    rows = len(lines.offsets) - 1
    own = segment_of(np.diff(lines.offsets))
    order = np.argsort(np.concatenate([own, row]), kind="stable")
    tokens = join([lines.sequences.tokens, fillers.tokens])
    first = np.concatenate([lines.sequences.first, fillers.first])
    counts = np.diff(lines.offsets) + np.bincount(row, minlength=rows)
    both = one_line_each(Sequences(tokens, first).take(order), offsets_of(counts))
    return ChoiceLines(
        both.sequences, both.offsets, both.line, both.place, both.option_offsets, order >= len(own)
    )
