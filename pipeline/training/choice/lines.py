"""What a layout makes of rows: lines of tokens, and where in them each option is scored."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from pipeline.contract.choice import Rows, Special
from pipeline.contract.ragged import (
    Bools,
    Ints,
    concatenate,
    segment_of,
    spread,
)
from pipeline.training.choice.options import Keys, Options
from pipeline.training.choice.sequences import Sequences


@dataclass(frozen=True, slots=True)
class ChoiceLines:
    """R rows as N lines, with S options in all.

    Every line begins with `[CLS] prefix context [SEP]` of its row, and goes on with `question [SEP]`
    where `question_is_shared` says so.
    """

    sequences: Sequences
    offsets: Ints
    """Row i has lines `offsets[i]` to `offsets[i + 1]`, (R + 1,)."""
    line: Ints
    """Line in which an option is scored, ascending, (S,)."""
    place: Ints
    """Token of that line at which it is scored, (S,)."""
    option_offsets: Ints
    """Row i has options `option_offsets[i]` to `option_offsets[i + 1]`, (R + 1,)."""
    filler: Bools
    """ChoiceLines that hold no choice of their row, (N,)."""
    width: int = 0
    """Least width of a rectangle of these lines."""
    packs: bool = False
    """Whether lines have blocks, and can be joined to longer ones."""


class ChoiceLayout(Protocol):
    """How the choices of a row are laid out for the encoder."""

    head: ClassVar[str]
    """Kind of the scoring head that is trained in this layout."""

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Return the choices of each row that a training step looks at."""

    def lines(self, rows: Rows, options: Options, special: Special) -> ChoiceLines:
        """Lay out some rows; each line of a row of options is independent of the other rows."""

    def stem_width(self, stems: Sequences) -> int:
        """Return the least width of a rectangle of stems, for the masked-token pass."""


def every_option(rows: Rows) -> Options:
    """Return all choices of all rows; none is marked as gold."""
    kept = np.arange(len(rows.choices))
    return Options(kept, rows.choice_offsets, np.full(len(rows), -1, dtype=np.int64))


def question_is_shared(rows: Rows, special: Special) -> Bools:
    """Mark rows whose every choice begins with `question [SEP]`, (R,).

    Not so where there is no question, where the question is a cloze that the choices fill, and where a
    choice lost its front because it was too long.
    """
    asked = rows.question.lengths
    row = segment_of(rows.counts)
    head = asked[row] + 1
    fits = (asked[row] > 0) & (rows.choices.lengths >= head)
    some, head = np.flatnonzero(fits), head[fits]
    found = rows.choices.values[spread(rows.choices.offsets[some], head)]
    expected = concatenate(rows.question, special.sep).take(row[some]).values
    fits[some[segment_of(head)[found != expected]]] = False
    alike = rows.counts > 0
    alike[row[~fits]] = False
    return alike
