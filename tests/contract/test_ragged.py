from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import ragged as module
from pipeline.contract.ragged import Ragged, join, offsets_of, padded, segment_of, spread

lists = st.lists(st.lists(st.integers(0, 99), max_size=6), max_size=8)


def ragged(rows):
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    values = np.array([value for row in rows for value in row], dtype=np.int32)
    return Ragged(values, offsets_of(lengths))


def plain(value):
    cuts = zip(value.offsets[:-1], value.offsets[1:], strict=True)
    return [value.values[low:high].tolist() for low, high in cuts]


@given(lists, st.data())
def test_take_returns_the_named_segments_in_their_order(rows, data):
    known = st.integers(0, max(0, len(rows) - 1))
    wanted = data.draw(st.lists(known, max_size=12 if rows else 0))
    taken = ragged(rows).take(np.array(wanted, dtype=np.int64))
    assert plain(taken) == [rows[i] for i in wanted]


@given(lists, st.data())
def test_long_segments_are_taken_one_by_one_to_the_same_end(rows, data):
    known = st.integers(0, max(0, len(rows) - 1))
    wanted = data.draw(st.lists(known, max_size=12 if rows else 0))
    with mock.patch.object(module, "LONG", 1):
        taken = ragged(rows).take(np.array(wanted, dtype=np.int64))
    assert plain(taken) == [rows[i] for i in wanted]
    assert taken.values.dtype == np.int32


@given(st.lists(lists, max_size=4))
def test_join_is_one_part_after_the_other(parts):
    assert plain(join([ragged(rows) for rows in parts])) == [r for rows in parts for r in rows]


@given(lists)
def test_padded_keeps_every_value_and_fills_the_rest(rows):
    rectangle, real = padded(ragged(rows), 777)
    width = max([1, *map(len, rows)])
    assert rectangle.tolist() == [row + [777] * (width - len(row)) for row in rows]
    assert real.sum(1).tolist() == [len(row) for row in rows]


def test_values_go_into_a_buffer_where_one_is_given():
    out = np.full(9, 77, dtype=np.int32)
    for few in (8, 0):
        with mock.patch.object(module, "_FEW", few):
            taken = ragged([[1, 2], [], [3]]).take(np.array([2, 1, 0]), out)
        assert plain(taken) == [[3], [], [1, 2]]
        assert taken.values.base is out
        assert out.tolist() == [3, 1, 2, *([77] * 6)]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40)), max_size=8))
def test_spread_counts_up_from_each_start(pairs):
    starts, lengths = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    expected = [start + i for start, length in pairs for i in range(length)]
    assert spread(starts, lengths).tolist() == expected
    assert segment_of(lengths).tolist() == [i for i, (_, n) in enumerate(pairs) for _ in range(n)]
