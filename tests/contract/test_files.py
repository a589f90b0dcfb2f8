"""Files appear whole under their names, and are read with a check."""

import errno
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.contract import files
from pipeline.errors import ArtefactError


def test_a_failing_writer_leaves_the_old_file_and_no_litter(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.whole_file(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_an_arrow_file_is_one_batch_and_memory_maps(tmp_path: Path, rows: int):
    chunks = pa.chunked_array([pa.array([i], pa.int32()) for i in range(rows)], type=pa.int32())
    files.write_arrow(pa.table({"n": chunks}), tmp_path / "n.arrow")
    back = files.read_arrow(tmp_path / "n.arrow")
    assert back["n"].to_pylist() == list(range(rows))


def test_a_truncated_arrow_file_is_worded(tmp_path: Path):
    path = tmp_path / "n.arrow"
    files.write_arrow(pa.table({"n": pa.array([1, 2])}), path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtefactError, match="not a readable Arrow file"):
        files.read_arrow(path)


def test_json_is_sorted_and_refuses_nan(tmp_path: Path):
    files.write_json({"b": 1, "a": "ü"}, tmp_path / "v.json")
    assert (tmp_path / "v.json").read_text() == '{\n  "a": "ü",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"a": float("nan")}, tmp_path / "w.json")


def test_broken_json_is_worded(tmp_path: Path):
    (tmp_path / "v.json").write_text("{")
    with pytest.raises(ArtefactError, match="not JSON: Expecting property name"):
        files.read_json(tmp_path / "v.json")


def test_litter_of_a_killed_writer_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path):
    path = tmp_path / "plan.json"
    for name in (".plan.json.0123456789ab.tmp", ".other.json.0123456789ab.tmp", ".plan.json.tmp"):
        (tmp_path / name).write_text("half")
    with files.whole_file(path) as living:
        with files.whole_file(path) as temporary:
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
    with pytest.raises(ArtefactError) as caught, files.whole_file(path):
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
    with pytest.raises(type(error)) as caught, files.whole_file(tmp_path / "x.json"):
        raise error
    assert caught.value is error


def test_an_arrow_file_whose_lists_leave_it_is_refused(tmp_path: Path):
    path = tmp_path / "lists.arrow"
    lists = pa.array([[1, 2], [3], []], pa.large_list(pa.int32()))
    files.write_arrow(pa.table({"ids": lists}), path)
    assert files.read_arrow(path).num_rows == 3
    offsets = np.array([0, 2, 3, 3], np.int64).tobytes()
    content = path.read_bytes()
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, np.array([0, 2, 9000, 3], np.int64).tobytes()))
    with pytest.raises(ArtefactError, match="lists.arrow: not a readable Arrow file"):
        files.read_arrow(path)
