"""Keyed permutations of [0, N) in no memory: index i is sent to its place by arithmetic alone.

From 17 up to 2**63 an unbalanced Feistel network (Luby and Rackoff 1988): an index is a high half in
[0, a) and a low half of b bits, with a = ceil(N / 2**b); each round adds to one half, modulo its size, a
hash of the other. Every round can be undone, so the whole is a bijection of [0, a * 2**b), which
exceeds N by less than 2**b; what lands beyond N goes through again until it does not, which is a
bijection of [0, N) (cycle walking: Black and Rogaway 2002). Up to 16, where rounds would mix too little,
the index is traced through a Fisher-Yates shuffle, so that all N! permutations are equally likely.

Knows numbers only. `walk_kernels.py` holds the same, compiled, for many indexes.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

TINY = 16
"""Largest size that is shuffled step by step."""
ROUNDS = 4
"""Of two halves each. Three leave traces of the halves in sizes below 128, see the tests."""
COMPILED_FROM = 1 << 19
"""Indexes from which on starting the compiled kernels pays."""

STEP = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: what keys of successive things differ by."""
_LOW = np.uint64(0xFFFFFFFF)
_MASK = (1 << 64) - 1


def hashed(word: Words) -> Words:
    """Return 64-bit words mixed well: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def child_key(key: int, index: int) -> int:
    """Return the key that belongs to the index-th part of what `key` belongs to."""
    word = np.array([(key + index * int(STEP)) & _MASK], dtype=np.uint64)
    return int(hashed(word)[0])


def halves(size: int) -> tuple[int, int]:
    """Return (a, b): values of the high half, bits of the low half of the indexes below `size`."""
    bits = max(size - 1, 0).bit_length() // 2
    return -(-size // (1 << bits)), bits


def permuted(index_N: NDArray[np.integer], size: int, *, key: int) -> NDArray[np.int64]:
    """Return where the permutation of [0, size) that belongs to a key sends some indexes.

    Args:
        index_N: Any indexes in [0, size), in any order; the same one may occur more than once.
        size: N, from 1 to 2**63.
        key: In [0, 2**64).
    """
    word_N = index_N.astype(np.uint64)
    high, bits = halves(size)
    if len(word_N) >= COMPILED_FROM:
        from pipeline.mixing.orders.walk_kernels import permute

        out_N = np.empty_like(word_N)
        permute(word_N, np.uint64(size), np.uint64(key), np.uint64(high), np.uint64(bits), out_N)
        return out_N.astype(np.int64)
    shape = (len(word_N),)
    return permuted_each(
        word_N,
        np.broadcast_to(np.uint64(size), shape),
        np.broadcast_to(np.uint64(key), shape),
        np.broadcast_to(np.uint64(high), shape),
        np.broadcast_to(np.uint64(bits), shape),
    ).astype(np.int64)


def permuted_each(
    index_N: Words, size_N: Words, key_N: Words, high_N: Words, bits_N: Words
) -> Words:
    """Return indexes sent through a permutation each.

    Args:
        index_N: In [0, size).
        size_N: Sizes of the permutations.
        key_N: Their keys.
        high_N: First of `halves(size)`.
        bits_N: Second of it.
    """
    out_N = np.empty_like(index_N)
    tiny = size_N <= TINY
    out_N[tiny] = _traced(index_N[tiny], size_N[tiny], key_N[tiny])
    todo, at = np.flatnonzero(~tiny), index_N[~tiny]
    while len(todo):
        at = _feistel(at, high_N[todo], bits_N[todo], key_N[todo])
        out_N[todo] = at
        beyond = at >= size_N[todo]
        todo, at = todo[beyond], at[beyond]
    return out_N


def _feistel(index: Words, high: Words, bits: Words, key: Words) -> Words:
    mask = (np.uint64(1) << bits) - np.uint64(1)
    left, right = index >> bits, index & mask
    for _ in range(ROUNDS):
        left = left + _scaled(hashed(right + key), high)
        left = np.where(left >= high, left - high, left)
        key = key + STEP
        right = (right ^ (hashed(left + key) >> np.uint64(33))) & mask
        key = key + STEP
    return (left << bits) | right


def _scaled(word: Words, size: Words) -> Words:
    """Return a hash brought to [0, size), size <= 2**32: the high word of their product."""
    half = np.uint64(32)
    return ((word >> half) * size + (((word & _LOW) * size) >> half)) >> half


def _traced(index: Words, size: Words, key: Words) -> Words:
    """Follow indexes through a shuffle that swaps item `step` with one of those up to it."""
    for step in range(1, TINY):
        word = hashed(key + np.uint64(step * int(STEP) & _MASK))
        other = ((word >> np.uint64(32)) * np.uint64(step + 1)) >> np.uint64(32)
        place = np.uint64(step)
        swapped = np.where(index == place, other, np.where(index == other, place, index))
        index = np.where(place < size, swapped, index)
    return index


def shuffled_few(count: int, *, key: int) -> list[int]:
    """Return `range(count)` shuffled step by step, for few: all orders are equally likely.

    For counts up to 16 its i-th item is the one that `permuted` sends to i.
    """
    items = list(range(count))
    for step in range(1, count):
        other = ((child_key(key, step) >> 32) * (step + 1)) >> 32
        items[step], items[other] = items[other], items[step]
    return items
