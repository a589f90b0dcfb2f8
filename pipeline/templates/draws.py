"""Seeded draws of one element: the same in the row renderer and in the vectorised program.

PromptSource draws with the global generator, so that a prompt differs on every run. Here a draw is a pure
function of (seed of the prompt, key of the row, place in the template, draws made there before).
Needs numpy for columns only, so that the renderer's child process starts without it.
"""

from typing import TYPE_CHECKING

from pipeline.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_REPEAT = 0xD1342543DE82EF95


def prompt_seed(seed: int, prompt_id: str) -> int:
    """Return the seed of one prompt's draws, in [0, 2**64)."""
    return derive_seed(seed, "prompt", prompt_id)


def site_seed(seed: int, site: int, repeat: int) -> int:
    """Return the seed of the `repeat`-th draw (from 0) of a row at the place `site`."""
    return (seed + (site + 1) * _GOLDEN + repeat * _REPEAT) & _MASK


def draw(seed: int, key: int, count: int) -> int:
    """Return an index in [0, count): SplitMix64 of the seed and the row's key, modulo `count`.

    Args:
        seed: From `site_seed`.
        key: The row's number in its split, 0 or more.
        count: How many elements there are, 1 or more; the bias of the modulo is below count / 2**64.
    """
    mixed = (seed ^ (key * _GOLDEN)) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * _MULTIPLIERS[0]) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * _MULTIPLIERS[1]) & _MASK
    return (mixed ^ (mixed >> 31)) % count


def draw_column(seed: int, keys_R: "np.ndarray", counts_R: "np.ndarray") -> "np.ndarray":
    """Return `draw` of every row.

    Args:
        seed: From `site_seed`.
        keys_R: uint64, the rows' keys.
        counts_R: uint64, 1 or more.

    Returns:
        int64 indices, shape (R,).
    """
    import numpy as np

    mixed_R = np.uint64(seed) ^ (keys_R * np.uint64(_GOLDEN))
    mixed_R = (mixed_R ^ (mixed_R >> np.uint64(30))) * np.uint64(_MULTIPLIERS[0])
    mixed_R = (mixed_R ^ (mixed_R >> np.uint64(27))) * np.uint64(_MULTIPLIERS[1])
    mixed_R = mixed_R ^ (mixed_R >> np.uint64(31))
    index_R: np.ndarray = (mixed_R % counts_R).astype(np.int64)
    return index_R
