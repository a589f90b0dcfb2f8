"""Draws which tokens of a stem are masked, by (seed, position, place): the same on every process.

All drawn tokens become [MASK], as in CompassMTL: none is kept or replaced by another.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.contract.choice import Rows, Special
from pipeline.contract.ragged import Bools, Ints, Ragged, segment_of, spread
from pipeline.seeds import derive_seed
from pipeline.training.choice.draws import uniforms
from pipeline.training.choice.lines import ChoiceLines, question_is_shared
from pipeline.training.choice.sequences import Sequences, frame_sequences, token_places

PREFIX_PLACE = 1
"""The prefix comes right after [CLS]."""


@dataclass(frozen=True, slots=True)
class Masking:
    """How masks are drawn."""

    probability: float
    prefix: Literal["never", "like_any_token", "always"]
    where: Literal["second", "same"] = "second"
    """Whether stems are masked in a pass of their own, as in CompassMTL, or in the lines that the
    choices are scored in."""


def mask_stems(
    stems: Sequences, positions: Ints, *, masking: Masking, special: Special, seed: int
) -> tuple[Sequences, Bools]:
    """Mask tokens of stems.

    Args:
        stems: One a row.
        positions: Position in the order of each row: what its draws belong to.
        masking: Probability, and what holds for the prefix.
        special: Ids of the special tokens; [CLS] and [SEP] are never masked.
        seed: Seed of the run.

    Returns:
        The stems with [MASK] in the chosen places, and which of all their tokens those are.
    """
    stem, place = token_places(stems)
    values = stems.tokens.values
    draws = uniforms(derive_seed(seed, "mask"), positions[stem], place)
    chosen = draws < masking.probability
    if masking.prefix != "like_any_token":
        chosen[place == PREFIX_PLACE] = masking.prefix == "always"
    chosen &= (values != special.cls) & (values != special.sep)
    tokens = Ragged(np.where(chosen, np.int32(special.mask), values), stems.tokens.offsets)
    return Sequences(tokens, stems.first), chosen


def mask_lines(
    lines: ChoiceLines,
    rows: Rows,
    positions: Ints,
    *,
    masking: Masking,
    special: Special,
    seed: int,
) -> tuple[Sequences, Bools]:
    """Mask the stem inside every line, with the draws of the stem's own pass.

    A line begins with its row's stem, without the question where a choice does not begin with it: what
    is not there is not masked. All lines of a row are masked alike.

    Returns:
        The lines with [MASK] in the chosen places, and which of all their tokens those are.
    """
    stems = frame_sequences(rows.prefix, rows.context, rows.question, special)
    _, drawn = mask_stems(stems, positions, masking=masking, special=special, seed=seed)
    asked = question_is_shared(rows, special)
    row = segment_of(np.diff(lines.offsets))
    tokens = lines.sequences.tokens
    shown = np.minimum(np.where(asked, stems.tokens.lengths, stems.first)[row], tokens.lengths)
    at = spread(tokens.offsets[:-1], shown)
    of_stem = spread(stems.tokens.offsets[:-1][row], shown)
    same = tokens.values[at] == stems.tokens.values[of_stem]
    chosen = np.zeros(len(tokens.values), dtype=np.bool_)
    chosen[at] = drawn[of_stem] & same
    values = np.where(chosen, np.int32(special.mask), tokens.values)
    hidden = Ragged(values, tokens.offsets)
    return Sequences(hidden, lines.sequences.first, lines.sequences.blocks), chosen
