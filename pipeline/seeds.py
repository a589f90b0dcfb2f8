"""Random numbers by name: each draw has a generator of its own, made from the seed and from names.

Example: `derive_rng(13, "walk", "sst2", 0)` draws the order of the rows of `sst2` in epoch 0. There is no
global generator. The same seed and names give the same numbers in every process and on every rank.
So a task that is added, removed or moved changes no draw of another task.
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
