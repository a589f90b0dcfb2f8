import contextlib
import gzip
import json

import polars as pl
import pytest

from pipeline.config.source import FilesSource
from pipeline.errors import SourceError
from pipeline.sources.files import format_of, read_file


def table(**options):
    return FilesSource(kind="files", folder="x", **options)


def read(path, data, *, columns=None, **options):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    made = table(columns=columns, **options)
    return read_file(path, made, columns=columns, records=made.records)


FRAME = pl.DataFrame({"text": ["a", "b"], "label": [1, None], "l": [["x"], []]})
ROWS = [("a", 1, ["x"], 0), ("b", None, [], 1)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.JSON", "json"),
        ("a.b.csv.gz", "csv"),
        ("a.tsv", "tsv"),
        ("a.parquet", "parquet"),
        ("a.arrow", "arrow"),
        ("a.xml", "xml"),
        ("train.labels.txt", "lines"),
    ],
)
def test_the_name_tells_the_format(tmp_path, name, expected):
    assert format_of(tmp_path / name, table()) == expected
    assert format_of(tmp_path / name, table(format="tsv")) == "tsv"


def test_a_name_that_tells_nothing_is_an_error(tmp_path):
    with pytest.raises(SourceError) as error:
        format_of(tmp_path / "a.parqet", table())
    assert "the name does not tell the format: '.parqet'" in str(error.value)
    assert error.value.remedy == (
        "set `format` on the card, to one of jsonl, json, csv, tsv, parquet, arrow, xml, lines; "
        "perhaps parquet"
    )


def test_parquet_and_both_kinds_of_arrow_keep_their_types(tmp_path):
    paths = [tmp_path / name for name in ("a.parquet", "a.arrow", "b.arrow")]
    FRAME.write_parquet(paths[0])
    FRAME.write_ipc(paths[1])
    FRAME.write_ipc_stream(paths[2])
    for path in paths:
        assert read_file(path, table(), columns=None).frame.rows() == ROWS


def test_categories_become_text(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": ["x"]}, schema={"a": pl.Categorical}).write_parquet(path)
    assert read_file(path, table(), columns=None).frame.schema["a"] == pl.String


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_truncated_binary_file_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    (FRAME.write_parquet if suffix == "parquet" else FRAME.write_ipc)(path)
    with pytest.raises(SourceError, match=f"not a readable {suffix} file"):
        read(path, path.read_bytes()[:-40])


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_damaged_binary_file_never_ends_in_a_panic(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    (FRAME.write_parquet if suffix == "parquet" else FRAME.write_ipc)(path)
    data = path.read_bytes()
    for place in range(8, len(data), 23):
        with contextlib.suppress(SourceError):
            read(path, data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])


def test_text_under_the_name_of_a_binary_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="is no Parquet file, by its first bytes"):
        read(tmp_path / "a.parquet", "hello")
    with pytest.raises(SourceError, match="not a readable arrow file"):
        read(tmp_path / "a.arrow", "hello")


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("a.jsonl.gz", '{"t":"x"}\n', {}),
        ("a.json.gz", '[{"t":"x"}]', {}),
        ("a.csv.gz", "t\nx\n", {}),
        ("a.xml.gz", "<d><i><t>x</t></i></d>", {"element": "i"}),
        ("a.txt.gz", "x\n", {}),
    ],
)
def test_every_text_format_may_be_compressed(tmp_path, name, data, options):
    records = read(tmp_path / name, gzip.compress(data.encode()), **options)
    assert records.frame[:, 0].to_list() == ["x"]


def test_parquet_may_be_compressed_again(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    data = gzip.compress((tmp_path / "a.parquet").read_bytes())
    assert read(tmp_path / "b.parquet.gz", data).frame.rows() == ROWS


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("a.csv", "\ufeffid,t\n1,x\n", {}),
        ("a.tsv", "\ufeffid\tt\n1\tx\n", {"quote": False}),
        ("a.jsonl", '\ufeff{"id":"1","t":"x"}\n', {}),
        ("a.json", '\ufeff[{"id":"1","t":"x"}]', {}),
        ("a.txt", "\ufeff1 x\n", {"separator": " "}),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path, name, data, options):
    columns = ("id", "t") if name == "a.txt" else None
    records = read(tmp_path / name, data, columns=columns, **options)
    assert records.frame.select("id", "t").rows() == [("1", "x")]


def test_windows_1252_is_read_as_text(tmp_path):
    data = "NUM na\u00efve \u2013 text\n".encode("cp1252")
    options = {"encoding": "cp1252", "separator": " "}
    records = read(tmp_path / "a.txt", data, columns=("l", "t"), **options)
    assert records.frame["t"].to_list() == ["na\u00efve \u2013 text"]


def test_xml_in_the_cards_encoding(tmp_path):
    data = "<d><i a='\u00e9'/></d>".encode("cp1252")
    assert read(tmp_path / "a.xml", data, element="i", encoding="cp1252").frame["@a"][0] == "\u00e9"


def test_lists_inside_are_unfolded_in_every_nested_format(tmp_path):
    value = [{"a": [{"q": 1}, {"q": 2}]}]
    options = {"records": "a[]"}
    pl.DataFrame(value).write_parquet(tmp_path / "a.parquet")
    for name, data in [
        ("a.json", json.dumps(value).encode()),
        ("a.jsonl", json.dumps(value[0]).encode()),
        ("a.parquet", (tmp_path / "a.parquet").read_bytes()),
    ]:
        assert read(tmp_path / name, data, **options).frame["q"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", "a,b\n", "the file holds no record"),
        ("a.jsonl", "\n\n", "the file holds no record"),
        ("a.txt", "\ufeff", "the file is empty"),
        ("a.csv", "", "the file is empty"),
        ("a.json", '{"a": []}', "the file holds no record"),
    ],
)
def test_a_file_without_records_is_an_error(tmp_path, name, data, message):
    options = {"records": "a[]"} if name == "a.json" else {}
    with pytest.raises(SourceError, match=message):
        read(tmp_path / name, data, **options)


def test_a_parquet_file_without_rows_is_an_error(tmp_path):
    FRAME.clear().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="the file holds no record"):
        read_file(tmp_path / "a.parquet", table(), columns=None)


def test_a_column_named_twice_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="columns: 'a' occurs twice"):
        read(tmp_path / "a.csv", "1,2\n", columns=("a", "a"))


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"a\.csv: cannot be read: No such file"):
        read_file(tmp_path / "a.csv", table(), columns=None)
