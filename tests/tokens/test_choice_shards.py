import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.choice import CHOICE_SHARD
from pipeline.contract.files import read_arrow, sha256, write_arrow
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.tokens.choice_shards import shard_table
from pipeline.tokens.fit import Fitted


def ragged(rows: list[list[int]]) -> Ragged:
    values = np.array([x for row in rows for x in row], np.int32)
    return Ragged(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


def table_of(rows):
    fitted = Fitted(
        context=ragged([r[0] for r in rows]),
        question=ragged([r[1] for r in rows]),
        choices=ragged([c for r in rows for c in r[2]]),
        first=offsets_of(np.array([len(r[2]) for r in rows], np.int64)),
        row=np.arange(len(rows), dtype=np.int64),
    )
    label = pl.Series([r[3] for r in rows], dtype=pl.Int32)
    return shard_table(fitted, label, pl.Series([r[4] for r in rows], dtype=pl.List(pl.Int32)))


ids = st.lists(st.integers(0, 2**31 - 1), max_size=4)
row = st.tuples(
    ids,
    ids,
    st.lists(ids, min_size=1, max_size=3),
    st.none() | st.integers(0, 9),
    st.none() | st.lists(st.integers(0, 5), max_size=3),
)


@settings(deadline=None)
@given(st.lists(row, max_size=6))
def test_every_row_comes_back(rows):
    table = table_of(rows)
    table.validate(full=True)
    assert table.schema.equals(CHOICE_SHARD, check_metadata=True)
    assert list(
        zip(*(table[name].to_pylist() for name in CHOICE_SHARD.names[:5]), strict=True)
    ) == [tuple(r) for r in rows]
    assert table["row"].to_pylist() == list(range(len(rows)))


@pytest.mark.parametrize("rows", [[], [([1], [], [[2]], None, None), ([], [3], [[]], 0, [0, 1])]])
def test_the_same_rows_give_the_same_bytes(tmp_path, rows):
    for name in ("a", "b"):
        write_arrow(table_of(rows), tmp_path / name)
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")
    assert read_arrow(tmp_path / "a").num_rows == len(rows)


def test_what_lies_under_a_null_does_not_reach_the_bytes(tmp_path):
    rows = [([1], [], [[2]], None, None), ([1], [], [[2]], 1, [0])]
    write_arrow(table_of(rows), tmp_path / "a")
    dirty = pl.DataFrame({"l": [7, 1], "s": [[5, 5], [0]]}).select(
        pl.when(pl.Series([False, True])).then("l").cast(pl.Int32).alias("l"),
        pl.when(pl.Series([False, True])).then("s").cast(pl.List(pl.Int32)).alias("s"),
    )
    again = shard_table(
        Fitted(
            context=ragged([[1], [1]]),
            question=ragged([[], []]),
            choices=ragged([[2], [2]]),
            first=np.array([0, 1, 2]),
            row=np.array([0, 1]),
        ),
        dirty["l"],
        dirty["s"],
    )
    write_arrow(again, tmp_path / "b")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_rows_of_one_curated_row_share_its_labels_and_lead_back_to_it():
    fitted = Fitted(
        context=ragged([[1], [2], [3]]),
        question=ragged([[], [], []]),
        choices=ragged([[7], [8], [9]]),
        first=np.arange(4, dtype=np.int64),
        row=np.array([1, 1, 3]),
    )
    label = pl.Series([0, None, 0, 2], dtype=pl.Int32)
    labels = pl.Series([None, [0, 1], None, None], dtype=pl.List(pl.Int32))
    table = shard_table(fitted, label, labels)
    assert table["row"].to_pylist() == [1, 1, 3]
    assert table["label"].to_pylist() == [None, None, 2]
    assert table["labels"].to_pylist() == [[0, 1], [0, 1], None]
