"""Tables are written whole, byte-stable and checked against their schema."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline import schema, tables
from pipeline.contract.files import sha256
from pipeline.errors import ArtefactError, DataError

REJECTS = pl.DataFrame(
    {"row": [3, 1], "split": ["train", "test"], "reason": ["empty_text"] * 2, "detail": ["", "x"]}
)


def test_columns_are_put_into_the_schema_s_order_and_types():
    table = tables.to_arrow(REJECTS, schema.REJECT)
    assert table.schema.equals(schema.REJECT, check_metadata=True)
    assert table.to_pylist()[0] == {
        "split": "train",
        "row": 3,
        "reason": "empty_text",
        "detail": "",
    }


def test_a_missing_and_an_extra_column_are_both_named():
    frame = REJECTS.drop("detail").with_columns(more=pl.lit(1))
    with pytest.raises(DataError) as caught:
        tables.to_arrow(frame, schema.REJECT)
    assert str(caught.value) == (
        "columns differ from taskloom.reject: missing ['detail'], unexpected ['more']\n"
        "  expected: split, row, reason, detail"
    )


def test_nulls_where_none_are_allowed_are_counted():
    frame = REJECTS.with_columns(detail=pl.Series([None, "x"]))
    with pytest.raises(DataError, match=r"taskloom\.reject\.detail holds 1 nulls"):
        tables.to_arrow(frame, schema.REJECT)


def test_a_type_that_cannot_be_cast_is_named():
    frame = REJECTS.with_columns(row=pl.Series(["one", "two"]))
    with pytest.raises(
        DataError, match=r"taskloom\.reject\.row is .*string.*, which does not become int64"
    ):
        tables.to_arrow(frame, schema.REJECT)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        tables.write_parquet(REJECTS, tmp_path / name, schema.REJECT)
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_rows_survive_a_round_trip(tmp_path: Path):
    tables.write_parquet(REJECTS, tmp_path / "r.parquet", schema.REJECT)
    back = tables.read_parquet(tmp_path / "r.parquet", schema.REJECT)
    assert back.select("row", pl.col("reason").cast(pl.String)).rows() == [
        (3, "empty_text"),
        (1, "empty_text"),
    ]


def test_a_truncated_parquet_file_is_worded(tmp_path: Path):
    path = tmp_path / "r.parquet"
    tables.write_parquet(REJECTS, path, schema.REJECT)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ArtefactError) as caught:
        tables.read_parquet(path)
    assert str(caught.value).startswith(f"{path}: not a readable Parquet file")
    assert str(caught.value).endswith("to do: delete it and run `dvc repro` again")


def test_a_file_of_other_columns_is_refused(tmp_path: Path):
    tables.write_frame(pl.DataFrame({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(
        ArtefactError, match="columns are x\n  expected: split, row, reason, detail"
    ):
        tables.read_parquet(tmp_path / "x.parquet", schema.REJECT)


def test_a_missing_file_is_named_with_what_makes_it(tmp_path: Path):
    with pytest.raises(ArtefactError, match="does not exist\n  to do: run `dvc repro`"):
        tables.read_parquet(tmp_path / "none.parquet")


def test_values_that_changed_in_a_parquet_file_are_found_by_its_checksums(tmp_path: Path):
    path = tmp_path / "x.parquet"
    tables.write_frame(pl.DataFrame({"text": ["abcdefgh" * 9]}), path)
    content = path.read_bytes()
    at = content.index(b"abcdefgh")
    path.write_bytes(content[:at] + b"X" + content[at + 1 :])
    with pytest.raises(OSError, match="CRC checksum"):
        pq.read_table(path, page_checksum_verification=True)
