"""Which prompt a row is seen through, if each row is seen through one.

Weighted rendezvous hashing: each pair of a row and a prompt has a draw of its own, divided by the
prompt's weight; the prompt with the earliest draw gets the row (exponential clocks whose rates are the
weights; Schindelhauer and Schomaker, 2005). So a prompt gets a row with probability weight over sum of
weights, and

    a new prompt takes rows from the others, and moves none between them
    a prompt that is removed gives its rows to the others, and no other row changes
    a larger weight takes rows to its prompt, and moves none between the others
    the sequence of prompts, and other rows, do not matter
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from pipeline.seeds import STEP, derive_seed, hashed

_BITS = 53


def picked(
    example_ids: Sequence[str], weights: Mapping[str, float], *, seed: int, task: str
) -> NDArray[np.int64]:
    """Draw one prompt for every row.

    Args:
        example_ids: The rows' names, N of them.
        weights: Prompt's id -> weight above 0, one prompt at least.
        seed: Of the run.
        task: Name of the task.

    Returns:
        Shape (N,): the place of each row's prompt among `weights`. Of equal draws, which hashes of 64
        bits hardly give, the id that comes first in sorted order wins.
    """
    hashes = (xxhash.xxh3_64_intdigest(name.encode()) for name in example_ids)
    rows_N = np.fromiter(hashes, np.uint64, len(example_ids))
    best_N = np.full(len(rows_N), np.inf)
    place_N = np.zeros(len(rows_N), np.int64)
    places = {prompt: place for place, prompt in enumerate(weights)}
    for prompt in sorted(weights):
        key = np.uint64(derive_seed(seed, "prompt of a row", task, prompt))
        clock_N = -np.log(_uniform(rows_N ^ key)) / weights[prompt]
        earlier_N = clock_N < best_N
        best_N[earlier_N] = clock_N[earlier_N]
        place_N[earlier_N] = places[prompt]
    return place_N


def _uniform(key_N: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return SplitMix64 of each key as a float in (0, 1)."""
    high_N = (hashed(key_N * STEP) >> np.uint64(64 - _BITS)).astype(np.float64)
    return np.asarray((high_N + 0.5) / 2.0**_BITS, np.float64)
