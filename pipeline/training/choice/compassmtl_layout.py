"""The layout of CompassMTL, for comparison: four choices, `N/A` as filler, one fixed length.

After Zhang et al. 2022, "Task Compass", and its published code. Exactly four lines for each row: a row
of fewer choices is filled with the choice `N/A`, whose score takes part in the softmax; of a row of
more, three wrong ones are drawn once, the same in every epoch. Every line is padded to `max_tokens`,
and so is every stem of the masked-token pass. An `N/A` line that is too long loses the end of its
context, then the front of its question.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from pipeline.contract.choice import FRAME, Rows, Special
from pipeline.contract.files import REMEDY
from pipeline.contract.ragged import (
    Ints,
    Ragged,
    Tokens,
    concatenate,
    gather,
    offsets_of,
    segment_of,
)
from pipeline.errors import ArtefactError
from pipeline.training.choice.exact_layouts import RaggedLayout, with_fillers
from pipeline.training.choice.lines import ChoiceLines
from pipeline.training.choice.options import Keys, Options, sample_options
from pipeline.training.choice.sequences import Sequences, frame_sequences

CHOICES = 4
ENDING = "N/A"


def ending_tokens(tokenizer: Path) -> Tokens:
    """Return the ids of `N/A` under a tokenizer.

    Raises:
        ArtefactError: The folder's `tokenizer.json` cannot be read, or has no token for it.
    """
    from transformers import PreTrainedTokenizerFast

    path = tokenizer / "tokenizer.json"
    try:
        fast = PreTrainedTokenizerFast(tokenizer_file=str(path))
        ids = fast(ENDING, add_special_tokens=False)["input_ids"]
    except Exception as error:  # the tokenizers package raises bare Exceptions
        raise ArtefactError(f"not readable: {error}", where=str(path), remedy=REMEDY) from error
    if not ids:
        raise ArtefactError(f"has no token for '{ENDING}'", where=str(path), remedy=REMEDY)
    return np.array(ids, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class CompassMTLLayout:
    """Four lines for each row, padded to `max_tokens`."""

    head: ClassVar[str] = "pooled"

    ending: Tokens
    """Ids of `N/A`."""
    max_tokens: int

    def options(self, rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
        """Keep the gold choice and at most three others, drawn once for a row of the mixture."""
        once = Keys(keys.mixture_rows, keys.mixture_rows, np.zeros_like(keys.epochs))
        return sample_options(rows, once, seed=seed, max_options=CHOICES)

    def lines(self, rows: Rows, options: Options, special: Special) -> ChoiceLines:
        """Return four lines for each row that has options, and four options."""
        counts = np.diff(options.offsets)
        row = segment_of(np.where(counts > 0, np.maximum(CHOICES - counts, 0), 0))
        lines = RaggedLayout().lines(rows, options, special)
        both = with_fillers(lines, self._fillers(rows, row, special), row)
        return ChoiceLines(
            both.sequences, both.offsets, both.line, both.place, both.option_offsets, both.filler,
            self.max_tokens,
        )  # fmt: skip

    def stem_width(self, stems: Sequences) -> int:
        """Return `max_tokens`."""
        return self.max_tokens

    def _fillers(self, rows: Rows, row: Ints, special: Special) -> Sequences:
        """Return `[CLS] prefix context [SEP] question [SEP] N/A [SEP]` for the named rows."""
        context, question = rows.context.take(row), rows.question.take(row)
        asked = question.lengths
        second = asked + (asked > 0) + len(self.ending)
        over = np.maximum(FRAME + context.lengths + second - self.max_tokens, 0)
        of_context = np.minimum(over, context.lengths)
        of_question = np.minimum(over - of_context, asked)
        context = gather(context.values, context.offsets[:-1], context.lengths - of_context)
        question = gather(question.values, question.offsets[:-1] + of_question, asked - of_question)
        some = (question.lengths > 0).astype(np.int64)
        separator = Ragged(np.full(some.sum(), special.sep, dtype=np.int32), offsets_of(some))
        choice = concatenate(question, separator, *self.ending.tolist())
        return frame_sequences(rows.prefix[row], context, choice, special)
