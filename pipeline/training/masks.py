"""Which tokens of a stem are masked: keyed by (seed, position, place), the same on every process.

All chosen tokens become [MASK], as in CompassMTL: none is kept or swapped for another. Knows stems
and special tokens; knows no model.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.seeds import derive_seed
from pipeline.training.keyed import uniforms
from pipeline.training.ragged import Bools, Ints, Ragged
from pipeline.training.sequences import Sequences, places
from pipeline.training.shards import Special

PREFIX_PLACE = 1
"""The prefix comes right after [CLS]."""


@dataclass(frozen=True, slots=True)
class Masking:
    """How masks are drawn."""

    probability: float
    prefix: Literal["never", "like_any_token", "always"]


def masked(
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
    stem, place = places(stems)
    values = stems.tokens.values
    draws = uniforms(derive_seed(seed, "mask"), positions[stem], place)
    chosen = draws < masking.probability
    if masking.prefix != "like_any_token":
        chosen[place == PREFIX_PLACE] = masking.prefix == "always"
    chosen &= (values != special.cls) & (values != special.sep)
    tokens = Ragged(np.where(chosen, np.int32(special.mask), values), stems.tokens.offsets)
    return Sequences(tokens, stems.first), chosen
