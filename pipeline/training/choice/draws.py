"""Uniform numbers that are pure functions of a key and two counters, for whole arrays at once.

A generator per row would cost a Python call per row, and one generator for all rows would make each
draw depend on the rows before it. Here the draw for (position, token) is the same whichever process,
batch or order asks for it. Keys come from `pipeline.seeds`.
"""

import numpy as np

from pipeline.contract.ragged import Floats, Ints
from pipeline.seeds import STEP, hashed

_STEPS = (STEP, np.uint64(0xD1B54A32D192ED03))


def uniforms(key: int, first: Ints, second: Ints) -> Floats:
    """Return one float64 in [0, 1) for each pair of counters.

    Two rounds of the splitmix64 finaliser (Steele, Lea, Flood 2014), one for each counter.

    Args:
        key: From `derive_seed`.
        first: Counters, not negative, such as positions.
        second: Counters of the same shape, such as indices inside a row.
    """
    state = np.full(np.shape(first), key % 2**64, dtype=np.uint64)
    for counter, step in zip((first, second), _STEPS, strict=True):
        state = hashed(state + (np.asarray(counter).astype(np.uint64) + np.uint64(1)) * step)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
