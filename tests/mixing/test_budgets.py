from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mixing.budgets import drawn, reached
from pipeline.seeds import derive_rng

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=30).map(np.array)


def walk(rows):
    return lambda epoch: derive_rng(3, "walk", epoch).permutation(rows).astype(np.uint32)


def walked(lengths, quota):
    epochs = quota // len(lengths) + 1
    order = np.concatenate([walk(len(lengths))(epoch) for epoch in range(epochs)])
    return lengths[order[:quota]]


@given(LENGTHS, st.integers(0, 200))
def test_drawn_tokens_are_those_of_the_rows_of_the_walk(lengths, quota):
    assert drawn(lengths, quota, walk(len(lengths))) == walked(lengths, quota).sum()


@given(LENGTHS, st.fractions(0, 900, max_denominator=7))
def test_the_rows_reached_are_the_nearest_that_whole_rows_allow(lengths, target):
    got = reached(lengths, target, walk(len(lengths)))
    running = np.concatenate(([0], np.cumsum(walked(lengths, 901))))
    off = [abs(int(value) - target) for value in running]
    assert got == off.index(min(off))
    # half a row at most
    assert off[got] * 2 <= lengths.max()


def test_a_tie_goes_to_fewer_rows():
    lengths = np.array([4, 4, 4])
    assert reached(lengths, Fraction(6), walk(3)) == 1
    assert reached(lengths, Fraction(601, 100), walk(3)) == 2
    assert reached(lengths, Fraction(24), walk(3)) == 6
    assert reached(lengths, Fraction(0), walk(3)) == 0
