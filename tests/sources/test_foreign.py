"""What is no data file is named for what it is, with what to do."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet
import pytest

from pipeline.config.source import FilesSource
from pipeline.errors import SourceError
from pipeline.sources.files import read_file

TABLE = b"text,label\na,1\nb,0\n"


def refusal(path, data, **options):
    path.write_bytes(data)
    with pytest.raises(SourceError) as error:
        read_file(path, FilesSource(kind="files", folder="x", **options), columns=None)
    return error.value


def zipped(name="train.csv"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, TABLE)
    return out.getvalue()


def tarred():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("train.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return out.getvalue()


def parquet(table=None):
    out = io.BytesIO()
    pa.parquet.write_table(table or pa.table({"text": ["a"], "label": [1]}), out)
    return out.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
DVC = b"outs:\n- md5: a304afb96060aad90176268345e10355\n  size: 37891850\n  path: train.csv\n"
ANNEX = b"/annex/objects/MD5E-s1234--5c1d4b0e.csv\n"
PAGE = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"


@pytest.mark.parametrize(
    ("name", "data", "what", "remedy"),
    [
        ("a.csv", LFS, "is a pointer of Git LFS, not csv", "fetch the real file: `git lfs pull`"),
        ("a.jsonl", DVC, "is a pointer of DVC, not jsonl", "fetch the real file: `dvc pull`"),
        ("a.csv", ANNEX, "is a pointer of git-annex, not csv", "fetch the real file: `git annex get`"),
        ("a.parquet", LFS, "is a pointer of Git LFS, not parquet", "fetch the real file: `git lfs pull`"),
        ("a.csv", PAGE, "is an HTML page, not csv",
         "fetch the file itself; a login or an error page was saved instead"),
        ("a.json", b"\n <html><head></head></html>", "is an HTML page, not json",
         "fetch the file itself; a login or an error page was saved instead"),
        ("a.csv", zipped(), "is a zip archive, which is not read, not csv",
         "unpack it, and name the files in it"),
        ("a.csv", zipped("[Content_Types].xml"), "is an Office document, not csv",
         "save its table as csv"),
        ("a.csv", tarred(), "is a tar archive, not csv", "unpack it, and name the files in it"),
        ("a.tsv.gz", gzip.compress(tarred()), "is a tar archive, not tsv",
         "unpack it, and name the files in it"),
        ("a.csv", gzip.compress(TABLE), "is compressed by gzip, not csv",
         "decompress it, or end its name in .gz"),
        ("a.csv", bz2.compress(TABLE), "is compressed by bzip2, not csv", "decompress it"),
        ("a.txt", lzma.compress(TABLE), "is compressed by xz, not lines", "decompress it"),
        ("a.csv", parquet(), "is a file of the format parquet, not csv",
         "set `format: parquet` on the card"),
        ("a.parquet", TABLE, "is no Parquet file, by its first bytes, not parquet",
         "set `format` on the card to what it is"),
        ("a.jsonl", pickle.dumps([1]), "is a pickle, which could run code when it is read, not jsonl",
         "export its table as csv, jsonl or parquet"),
        ("a.csv", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
         "is an XML file, not csv",
         "set `format: xml` on the card, or fetch it again if this is an error page"),
        ("a.csv", "text,label\na,1\n".encode("utf-16-le"),
         "is binary, or text in UTF-16: many of its bytes are zero",
         "set `encoding: utf-16-le` or `utf-16-be`, or `format`"),
        ("a.jsonl", json.dumps([{"a": 1}, {"a": 2}]).encode(),
         "the file is JSON, one array of objects, and no JSON Lines", "set `format: json` on the card"),
        ("a.jsonl", json.dumps([{"a": 1}], indent=1).encode(),
         "the file is JSON, one array of objects, and no JSON Lines", "set `format: json` on the card"),
        ("a.jsonl", json.dumps({"a": [1]}, indent=1).encode(),
         "the file is JSON, one object over several lines, and no JSON Lines",
         "set `format: json` on the card"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "not JSON: Extra data in line 2, column 1",
         "set `format: jsonl` on the card: each line is an object"),
        ("a.json", b'[{"a": 1}, {"a": tru]', "not JSON: Expecting value in line 1, column 18",
         "mend the file there, or set `format` on the card to what it is"),
        ("a.json", b'[{"a": 1}, {"a": "x', None, "fetch the file again; it may be truncated"),
        ("a.json", b'[{"a": 1}, {"a": tru', None, "fetch the file again; it may be truncated"),
        ("a.parquet", parquet()[:-20], None, "fetch it again; it may be truncated"),
        ("a.csv", TABLE + b"\xef\xbb\xbf" + TABLE,
         "a byte order mark stands in line 4: several files were joined to this one",
         "name the parts as a list under `splits`, or take out the mark and what the parts repeat, "
         "such as a header"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)  # fmt: skip
def test_it_is_named(tmp_path, name, data, what, remedy):
    error = refusal(tmp_path / name, data)
    assert what is None or error.what == what
    assert error.remedy == remedy
    assert str(tmp_path / name) in error.where


def test_a_database_is_named(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as base:
        base.execute("create table t (x)")
    base.close()
    error = refusal(tmp_path / "a.csv", (tmp_path / "a.db").read_bytes())
    assert error.what == "is an SQLite database, not csv"


def read(path, data):
    path.write_bytes(data)
    return read_file(path, FilesSource(kind="files", folder="x"), columns=None)


def test_a_header_that_comes_again_is_a_reject(tmp_path):
    records = read(tmp_path / "a.csv", TABLE + TABLE)
    assert records.frame["text"].to_list() == ["a", "b", "a", "b"]
    assert records.rejects.rows() == [(2, "repeated_header", "the header of the file, once more")]


def test_columns_of_one_name_are_told_apart(tmp_path):
    table = pa.table([["a"], [1], [0]], names=["text", "label", "label"])
    assert read(tmp_path / "a.parquet", parquet(table)).frame.columns == [
        "text", "label", "label_2", "__row__",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["7", "x"])), ["7", "x"]),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), [1, 0]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        (pa.array([[1], []], pa.list_(pa.int8())), [[1], []]),
        (pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())), [[{"key": "k", "value": 1}], []]),
        (pa.array(["1.50", "2.00"]).cast(pa.decimal256(50, 2)), ["1.50", "2.00"]),
    ],
)  # fmt: skip
def test_rare_types_are_read_as_what_they_hold(tmp_path, array, expected):
    out = io.BytesIO()
    with pa.ipc.new_file(out, pa.schema([("x", array.type)])) as writer:
        writer.write_table(pa.table({"x": array}))
    assert read(tmp_path / "a.arrow", out.getvalue()).frame["x"].to_list() == expected


def test_a_type_that_is_nothing_to_read_is_named_with_its_column(tmp_path):
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]
    )
    out = io.BytesIO()
    with pa.ipc.new_file(out, pa.schema([("mixed", union.type)])) as writer:
        writer.write_table(pa.table({"mixed": union}))
    error = refusal(tmp_path / "a.arrow", out.getvalue())
    assert error.what.startswith(
        "column 'mixed' has the type sparse_union<0: int64=0, 1: string=1>"
    )
