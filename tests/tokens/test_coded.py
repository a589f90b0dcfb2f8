import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import ragged
from pipeline.contract.ragged import Ragged, gather, offsets_of
from pipeline.tokens.coded import Coded


def from_lists(rows: list[list[int]]) -> Ragged:
    values = np.array([x for row in rows for x in row], np.int32)
    return Ragged(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


rows_of_ids = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), max_size=12)


@given(rows_of_ids)
def test_offsets_and_values_give_the_rows_back(rows):
    made = from_lists(rows)
    assert [made[i].tolist() for i in range(len(made))] == rows
    assert made.lengths.tolist() == [len(row) for row in rows]


@given(st.data())
def test_gather_equals_slicing_piece_by_piece(data):
    values = np.arange(50, dtype=np.int32) * 3
    pieces = data.draw(
        st.lists(
            st.integers(0, 50).flatmap(lambda s: st.tuples(st.just(s), st.integers(0, 50 - s)))
        )
    )
    starts, lengths = (np.array([p[k] for p in pieces], np.int64) for k in (0, 1))
    for step in (1, 3, 1000):
        ragged._STEP, before = step, ragged._STEP
        try:
            got = gather(values, starts, lengths)
        finally:
            ragged._STEP = before
        assert [got[i].tolist() for i in range(len(got))] == [
            values[s : s + n].tolist() for s, n in pieces
        ]


@given(rows_of_ids.filter(bool), st.data())
def test_coded_rows_equal_the_pool_at_their_codes(rows, data):
    codes = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    coded = Coded(from_lists(rows), np.array(codes, np.int64))
    written = coded.rows()
    assert [written[i].tolist() for i in range(len(written))] == [rows[c] for c in codes]
    assert coded.lengths.tolist() == [len(rows[c]) for c in codes]
