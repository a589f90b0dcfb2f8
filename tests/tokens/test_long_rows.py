from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokens.long_rows import cut_spans, window_spans

pairs = st.lists(
    st.integers(0, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(min(n, 1), n or 1))),
    min_size=1,
    max_size=8,
)


def places(spans, i: int) -> list[int]:
    """Tokens of row `i`, counted from the context's first."""
    return [
        place
        for start, length in zip(spans.starts[i], spans.lengths[i], strict=True)
        for place in range(start, start + length)
    ]


def arrays(pairs):
    lengths, kept = np.array(pairs, np.int64).reshape(-1, 2).T
    return lengths, np.minimum(lengths, kept)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ("context_end", [0, 1, 2, 3, 4]),
        ("context_start", [5, 6, 7, 8, 9]),
        ("context_middle", [0, 1, 2, 8, 9]),
    ],
)
def test_a_cut_keeps_the_other_side(cut, expected):
    assert places(cut_spans(np.array([10]), np.array([5]), cut), 0) == expected


@settings(deadline=None, max_examples=60)
@given(pairs, st.sampled_from(["context_end", "context_start", "context_middle"]))
def test_a_cut_keeps_as_many_tokens_as_it_may_in_their_order(pairs, cut):
    lengths, kept = arrays(pairs)
    spans = cut_spans(lengths, kept, cut)
    assert spans.row.tolist() == list(range(len(pairs)))
    for i, (length, count) in enumerate(zip(lengths, kept, strict=True)):
        mine = places(spans, i)
        assert len(mine) == count
        assert mine == sorted(set(mine))
        assert not mine or (mine[0] >= 0 and mine[-1] < length)


def test_windows_overlap_and_the_last_ends_with_the_context():
    spans = window_spans(np.array([20, 3]), np.array([8, 8]), 3)
    assert spans.row.tolist() == [0, 0, 0, 0, 1]
    assert spans.starts[:, 0].tolist() == [0, 5, 10, 12, 0]
    assert spans.lengths[:, 0].tolist() == [8, 8, 8, 8, 3]


def test_no_more_than_half_a_window_is_shared():
    assert window_spans(np.array([20]), np.array([8]), 100).starts[:, 0].tolist() == [0, 4, 8, 12]
    assert window_spans(np.array([3]), np.array([1]), 100).starts[:, 0].tolist() == [0, 1, 2]


@settings(deadline=None, max_examples=80)
@given(pairs, st.integers(0, 40))
def test_windows_hold_every_token_and_are_full(pairs, overlap):
    lengths, room = arrays(pairs)
    spans = window_spans(lengths, room, overlap)
    assert sorted(set(spans.row.tolist())) == list(range(len(pairs)))
    for i, (length, size) in enumerate(zip(lengths, room, strict=True)):
        windows = [places(spans, w) for w in np.flatnonzero(spans.row == i)]
        assert sorted({place for window in windows for place in window}) == list(range(length))
        assert all(len(window) == min(length, size) for window in windows)
        for one, two in pairwise(windows):
            assert len(set(one) & set(two)) >= min(overlap, size // 2)
