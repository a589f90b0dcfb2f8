"""The levels of the planted benchmark, frozen: what is drawn and how hard it is.

A level is its name, this table and the generator's version; the tests hold the hash of what comes out.
Changing a number here makes another benchmark, whose figures cannot be compared with earlier ones.
"""

from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How the tasks of one level are drawn."""

    name: str
    general: float
    """Weight of the skill that all ordinary tasks share, against 1 for their own cluster's."""
    own: float
    """Weight of a skill that belongs to the task alone."""
    noise: float
    """Standard deviation added to the score that decides the gold choice, whose own is 1."""
    flips: tuple[float, float]
    """Least and most share of golds that are drawn at random."""
    rows: tuple[int, int]
    """Fewest and most train rows of an ordinary task, drawn on a logarithmic scale."""
    friends: bool = True
    """Whether ordinary tasks share skills at all."""


LEVELS = {
    level.name: level
    for level in (
        Level(name="easy", general=1.8, own=0.3, noise=0.2, flips=(0.0, 0.05), rows=(20, 64)),
        Level(name="middle", general=1.8, own=0.5, noise=0.4, flips=(0.0, 0.15), rows=(16, 40)),
        Level(name="hard", general=1.8, own=0.8, noise=0.7, flips=(0.05, 0.25), rows=(16, 40)),
        Level(
            name="no_friends", general=0.0, own=1.0, noise=0.4, flips=(0.0, 0.15), rows=(16, 40),
            friends=False,
        ),
    )
}  # fmt: skip
