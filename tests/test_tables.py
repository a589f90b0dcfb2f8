"""Tables are written whole, byte-stable and checked against their schema."""

import errno
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import schema, tables
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
    assert tables.sha256(tmp_path / "a") == tables.sha256(tmp_path / "b")


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


def test_a_failing_writer_leaves_the_old_file_and_no_litter(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), tables.whole_file(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_an_arrow_file_is_one_batch_and_memory_maps(tmp_path: Path, rows: int):
    chunks = pa.chunked_array([pa.array([i], pa.int32()) for i in range(rows)], type=pa.int32())
    tables.write_arrow(pa.table({"n": chunks}), tmp_path / "n.arrow")
    back = tables.read_arrow(tmp_path / "n.arrow")
    assert back["n"].to_pylist() == list(range(rows))
    assert back["n"].num_chunks == 1


def test_a_truncated_arrow_file_is_worded(tmp_path: Path):
    path = tmp_path / "n.arrow"
    tables.write_arrow(pa.table({"n": pa.array([1, 2])}), path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtefactError, match="not a readable Arrow file"):
        tables.read_arrow(path)


def test_json_is_sorted_and_refuses_nan(tmp_path: Path):
    tables.write_json({"b": 1, "a": "ü"}, tmp_path / "v.json")
    assert (tmp_path / "v.json").read_text() == '{\n  "a": "ü",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        tables.write_json({"a": float("nan")}, tmp_path / "w.json")


def test_broken_json_is_worded(tmp_path: Path):
    (tmp_path / "v.json").write_text("{")
    with pytest.raises(ArtefactError, match="not JSON: Expecting property name"):
        tables.read_json(tmp_path / "v.json")


def test_litter_of_a_killed_writer_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path):
    path = tmp_path / "plan.json"
    for name in (".plan.json.0123456789ab.tmp", ".other.json.0123456789ab.tmp", ".plan.json.tmp"):
        (tmp_path / name).write_text("half")
    with tables.whole_file(path) as living:
        with tables.whole_file(path) as temporary:
            temporary.write_text("second")
        assert living.exists()
        living.write_text("first")
    assert path.read_text() == "first"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".other.json.0123456789ab.tmp", ".plan.json.tmp", "plan.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (OSError(errno.ENOSPC, "x"), "No space left on device", "free some space"),
        (OSError(errno.EROFS, "x"), "Read-only file system", "make it writable"),
        (OSError(errno.EFBIG, "x"), "File too large", "raise the limit"),
        (Exception("No space left on device (os error 28)"), "No space left", "free some space"),
    ],
)
def test_what_the_system_says_of_a_place_is_worded(tmp_path: Path, error, words, remedy):
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(ArtefactError) as caught, tables.whole_file(path):
        raise error
    assert caught.value.where == str(path)
    assert caught.value.what.startswith(f"cannot be written: {words}")
    assert caught.value.remedy.startswith(remedy)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "x"),
     PermissionError(errno.EACCES, "x", "/elsewhere/input")],
)  # fmt: skip
def test_other_errors_pass_as_they_are(tmp_path: Path, error):
    with pytest.raises(type(error)) as caught, tables.whole_file(tmp_path / "x.json"):
        raise error
    assert caught.value is error


def test_an_arrow_file_whose_lists_leave_it_is_refused(tmp_path: Path):
    path = tmp_path / "lists.arrow"
    lists = pa.array([[1, 2], [3], []], pa.large_list(pa.int32()))
    tables.write_arrow(pa.table({"ids": lists}), path)
    assert tables.read_arrow(path).num_rows == 3
    offsets = np.array([0, 2, 3, 3], np.int64).tobytes()
    content = path.read_bytes()
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, np.array([0, 2, 9000, 3], np.int64).tobytes()))
    with pytest.raises(ArtefactError, match="lists.arrow: not a readable Arrow file"):
        tables.read_arrow(path)


def test_values_that_changed_in_a_parquet_file_are_found_by_its_checksums(tmp_path: Path):
    path = tmp_path / "x.parquet"
    tables.write_frame(pl.DataFrame({"text": ["abcdefgh" * 9]}), path)
    content = path.read_bytes()
    at = content.index(b"abcdefgh")
    path.write_bytes(content[:at] + b"X" + content[at + 1 :])
    with pytest.raises(OSError, match="CRC checksum"):
        pq.read_table(path, page_checksum_verification=True)
