"""Colours of a heatmap: from a score to one of 33 colours that colour-blind readers can tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.report.clustering import places

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]
STEPS = 33
"""Colours of a scale; odd, so that a scale around 0 has one for it."""
EXTREME = 0.98
"""Share of the scores, by size, that a scale around 0 tells apart; what is beyond has the last colour."""
_AROUND_ZERO: Sequence[Colour] = (
    (18, 62, 122), (75, 138, 191), (176, 209, 230), (247, 247, 245), (250, 202, 150),
    (226, 128, 46), (140, 62, 4),
)  # fmt: skip
_UPWARDS: Sequence[Colour] = (
    (252, 250, 235), (214, 232, 196), (134, 201, 187), (56, 152, 183), (32, 88, 152), (15, 32, 90),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """What the colours of a picture mean."""

    values_ST: Floats
    """What is coloured: scores, or places in [0, 1]."""
    low: float
    high: float
    colours: tuple[str, ...]
    """From low to high, as `#rrggbb`."""
    by_place: bool
    """Whether places are coloured, for scores that compare inside a target alone."""

    def colour(self, value: float) -> str:
        """Return the colour of a finite value; beyond the ends that of the end."""
        share = (value - self.low) / (self.high - self.low)
        step = round(min(1.0, max(0.0, share)) * (len(self.colours) - 1))
        return self.colours[step]


def scale(values_ST: Floats, *, gain: bool) -> Scale:
    """Return the scale for a score matrix.

    Scores are coloured themselves where their sign says something: predicted gains, and scores of which
    most targets have some above and some below 0. The others are coloured by the source's place among
    those of its target, since their level differs from target to target.

    Args:
        values_ST: NaN where there is no score.
        gain: Whether the scores are predicted gains.
    """
    known = np.isfinite(values_ST)
    both = ((values_ST > 0.0) & known).any(axis=0) & ((values_ST < 0.0) & known).any(axis=0)
    scored = known.any(axis=0)
    if not gain and 2 * int(both.sum()) <= int(scored.sum()):
        return Scale(places(values_ST), 0.0, 1.0, _spread(_UPWARDS), True)
    sizes = np.abs(values_ST[known])
    limit = float(np.quantile(sizes, EXTREME)) if sizes.size else 1.0
    limit = limit or float(sizes.max(initial=0.0)) or 1.0
    return Scale(values_ST, -limit, limit, _spread(_AROUND_ZERO), False)


def _spread(anchors: Sequence[Colour]) -> tuple[str, ...]:
    """Return `STEPS` colours along the anchors."""
    at = np.linspace(0.0, len(anchors) - 1.0, STEPS)
    channels = np.array(anchors, dtype=np.float64).T
    mixed = np.stack([np.interp(at, np.arange(len(anchors)), each) for each in channels], axis=1)
    return tuple("#{:02x}{:02x}{:02x}".format(*row) for row in mixed.round().astype(int).tolist())
