"""Randomness by name: every draw belongs to a seed and to the names of what is drawn.

There is no global generator. The same names give the same stream in every process and on every rank,
and adding, removing or reordering tasks leaves every other task's stream as it was. This module knows
no task and no file.
"""

import hashlib

import numpy as np

_SEPARATOR = "\x1f"


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a 64-bit seed that belongs to `names` under the run's `seed`.

    Args:
        seed: Seed of the run.
        *names: What is drawn, from coarse to fine, for example `"order", task, epoch`.

    Returns:
        An integer in [0, 2**64): the first 8 bytes of BLAKE2b over the joined names.
    """
    key = _SEPARATOR.join((str(seed), *map(str, names))).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def derive_rng(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator (Philox) that belongs to `names` under the run's `seed`."""
    return np.random.Generator(np.random.Philox(key=derive_seed(seed, *names)))
