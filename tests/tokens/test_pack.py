import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MixtureError
from pipeline.tokens.pack import best_fit, lower_bound, packed


def rooms_by_hand(lengths, capacity):
    """Best-fit decreasing, one sequence after the other, in the plainest way."""
    rooms = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
            rooms.append(min(fitting) - length)
        else:
            rooms.append(capacity - length)
    return sorted(rooms)


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 300), st.data())
def test_the_lines_are_those_of_best_fit_decreasing(capacity, data):
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=60))
    line, lines = best_fit(np.array(lengths, np.int32), capacity)
    fill = np.bincount(line, lengths, lines) if lines else np.zeros(0)
    assert sorted(capacity - fill) == rooms_by_hand(lengths, capacity)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 64), max_size=90), st.integers(1, 40), st.lists(st.integers(0, 100)))
def test_every_position_is_in_one_line_of_its_window(lengths, window, ends):
    array = np.array(lengths, np.int64)
    packs = packed(array, capacity=64, window=window, seed=3, ends=ends)
    assert sorted(packs.positions.tolist()) == list(range(len(lengths)))
    assert (packs.sums(array) <= 64).all()
    bounds = sorted({0, len(lengths), *(end for end in ends if end < len(lengths))})
    for low, high in zip(packs.offsets[:-1], packs.offsets[1:], strict=True):
        line = packs.positions[low:high]
        assert (np.diff(line.astype(int)) > 0).all()
        assert int(line[-1]) - int(line[0]) < window
        phase = np.searchsorted(bounds, line, side="right")
        assert phase.min() == phase.max()
    firsts = packs.positions[packs.offsets[:-1]].astype(int)
    assert (np.diff(np.maximum.accumulate(firsts) - firsts) < window).all()


def test_another_seed_or_name_gives_another_order_of_the_same_lines():
    lengths = np.random.default_rng(0).integers(1, 65, 300)

    def lines(**keys):
        packs = packed(lengths, capacity=64, window=150, **({"seed": 1} | keys))
        return [tuple(p) for p in np.split(packs.positions, packs.offsets[1:-1])]

    assert lines() == lines()
    assert sorted(lines()) == sorted(lines(seed=2)) == sorted(lines(names=("tailored",)))
    assert lines() != lines(seed=2) != lines(names=("tailored",))
    assert max(lines()[0]) < 150  # windows keep their order


def test_the_algorithm_does_not_change_under_its_name():
    lengths = np.random.default_rng(7).integers(1, 257, 2000)
    packs = packed(lengths, capacity=256, window=700, seed=13)
    digest = hashlib.sha256(packs.offsets.tobytes() + packs.positions.tobytes()).hexdigest()
    assert digest[:16] == "571b1639eb63348e"
    assert (len(packs), lower_bound(lengths, 256)) == (1041, 1020)


@pytest.mark.parametrize(("length", "words"), [(65, "has 65 tokens"), (0, "has 0 tokens")])
def test_what_fits_no_line_is_refused(length, words):
    with pytest.raises(MixtureError, match=words):
        packed(np.array([3, length]), capacity=64, window=10, seed=1)


def test_nothing_packs_into_nothing():
    packs = packed(np.zeros(0, np.int64), capacity=64, window=10, seed=1)
    assert (len(packs), packs.offsets.tolist()) == (0, [0])
