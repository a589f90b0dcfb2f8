"""Keyed permutations of [0, N) in no memory: arithmetic alone sends index i to its place.

From 17 up to 2**63 an unbalanced Feistel network (Luby and Rackoff 1988): an index is a high half in
[0, a) and a low half of b bits, with a = ceil(N / 2**b); each round adds to one half, modulo its size,
a hash of the other. Every round can be undone, so the whole is a bijection of [0, a * 2**b), which
exceeds N by less than 2**b. An index that lands beyond N goes through again until it does not, which
is a bijection of [0, N) (cycle walking: Black and Rogaway 2002). Up to 16, where rounds would mix too
little, the index is traced through a Fisher-Yates shuffle: all N! permutations are equally likely.

`feistel` and `traced` take arrays in numpy, and single words in compiled kernels.
"""

import numpy as np

from pipeline.seeds import STEP, Word, Words, hashed

TINY = 16
"""Largest size that is shuffled step by step."""
ROUNDS = 4
"""Of two halves each. Three leave traces of the halves in sizes below 128, see the tests."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)


def child_key(key: int, index: int) -> int:
    """Return the key that belongs to the index-th part of what `key` belongs to."""
    word_1 = np.array([(key + index * int(STEP)) % 2**64], dtype=np.uint64)
    return int(hashed(word_1)[0])


def halves(size: int) -> tuple[int, int]:
    """Return (a, b): values of the high half, bits of the low half of the indexes below `size`."""
    bits = max(size - 1, 0).bit_length() // 2
    return -(-size // (1 << bits)), bits


def feistel(index: Word, high: Word, bits: Word, key: Word) -> Word:
    """Return where one pass through the network sends an index of [0, high * 2**bits)."""
    mask = (_ONE << bits) - _ONE
    left, right = index >> bits, index & mask
    for _ in range(ROUNDS):
        word = hashed(right + key)
        # the high word of a product with `high` <= 2**32: the hash brought to [0, high)
        left = left + (((word >> _HALF) * high + (((word & _LOW) * high) >> _HALF)) >> _HALF)
        left = left - high * np.uint64(left >= high)
        key = key + STEP
        right = (right ^ (hashed(left + key) >> np.uint64(33))) & mask
        key = key + STEP
    return (left << bits) | right


def traced(index: Word, size: Word, key: Word) -> Word:
    """Follow an index below `size` <= 16 through a shuffle that swaps item `step` with one up to it."""
    for i in range(1, TINY):
        step, key = np.uint64(i), key + STEP
        other = ((hashed(key) >> _HALF) * (step + _ONE)) >> _HALF
        inside = np.uint64(step < size)
        here, there = np.uint64(index == step) * inside, np.uint64(index == other) * inside
        index = index + here * (other - step) + there * (step - other)
    return index


def permuted(index_N: Words, size_N: Words, key_N: Words, high_N: Words, bits_N: Words) -> Words:
    """Return where permutations send indexes, one permutation for each index.

    Args:
        index_N: In [0, size).
        size_N: Sizes of the permutations, from 1 to 2**63.
        key_N: Their keys, in [0, 2**64).
        high_N: First of `halves(size)`.
        bits_N: Second of it.
    """
    out_N = np.empty_like(index_N)
    tiny = size_N <= TINY
    out_N[tiny] = traced(index_N[tiny], size_N[tiny], key_N[tiny])
    todo, at = np.flatnonzero(~tiny), index_N[~tiny]
    while len(todo):
        at = feistel(at, high_N[todo], bits_N[todo], key_N[todo])
        out_N[todo] = at
        beyond = at >= size_N[todo]
        todo, at = todo[beyond], at[beyond]
    return out_N


def shuffled_few(count: int, *, key: int) -> list[int]:
    """Return `range(count)` shuffled step by step: all orders are equally likely.

    For counts up to 16 its i-th item is the one that the permutation of the key sends to i.
    """
    items = list(range(count))
    for step in range(1, count):
        other = ((child_key(key, step) >> 32) * (step + 1)) >> 32
        items[step], items[other] = items[other], items[step]
    return items
