"""Random numbers by name: each draw has a generator of its own, made from the seed and from names.

Example: `derive_rng(13, "walk", "sst2", 0)` draws the order of the rows of `sst2` in epoch 0. There is no
global generator. The same seed and names give the same numbers in every process and on every rank.
So a task that is added, removed or moved changes no draw of another task.
"""

import hashlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Word = TypeVar("Word", np.uint64, Words)

STEP = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: the difference between the keys of successive things."""

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


def hashed(word: Word) -> Word:
    """Return 64-bit words mixed well: the finaliser of SplitMix64 (Steele, Lea and Flood 2014).

    A bijection of [0, 2**64). Compiled kernels call it too, with single words.
    """
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
