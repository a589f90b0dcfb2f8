import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.fields.texts import text_expression
from pipeline.sources import json_records
from pipeline.sources.json_records import read_json, read_json_lines
from pipeline.sources.values import parse_json


def lines(data):
    return read_json_lines(data if isinstance(data, bytes) else data.encode(), where="t.jsonl")


def column(data):
    return lines(data).frame["a"]


def test_objects_become_rows_with_their_types():
    records = lines('{"a": 1, "b": {"c": ["x"]}, "d": true}\n{"a": 2, "b": null, "d": false}\n')
    assert records.frame.schema == {
        "a": pl.Int64,
        "b": pl.Struct({"c": pl.List(pl.String)}),
        "d": pl.Boolean,
        "__row__": pl.Int64,
    }
    assert records.frame["b"].to_list() == [{"c": ["x"]}, None]


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        ('{"a":1}\n{"a":"x"}\n', pl.String, ["1", "x"]),
        ('{"a":true}\n{"a":"x"}\n', pl.String, ["true", "x"]),
        ('{"a":1}\n{"a":1.5}\n', pl.String, ["1", "1.5"]),
        ('{"a":4.0}\n{"a":2.5}\n', pl.Float64, [4.0, 2.5]),
        ('{"a":2.50}\n{"a":1e5}\n', pl.String, ["2.50", "1e5"]),
        ('{"a":NaN}\n{"a":1.5}\n', pl.Float64, [None, 1.5]),
        ('{"a":NaN}\n{"a":"x"}\n', pl.String, [None, "x"]),
        ('{"a":Infinity}\n{"a":1.5}\n', pl.String, ["Infinity", "1.5"]),
        ('{"a":2.5,"b":"\\"a\\": 7"}\n{"a":4}\n', pl.String, ["2.5", "4"]),
        ('{"a":[1,2.5]}\n', pl.List(pl.String), [["1", "2.5"]]),
        ('{"a":{"b":1.50}}\n', pl.Struct({"b": pl.String}), [{"b": "1.50"}]),
        ('{"a":' + "7" * 5000 + "}\n", pl.String, ["7" * 5000]),
        ('{"a":9007199254740993}\n{"a":1.5}\n', pl.String, ["9007199254740993", "1.5"]),
        ('{"a":92233720368547758089}\n', pl.String, ["92233720368547758089"]),
        ('{"a":[1]}\n{"a":"y"}\n', pl.Struct({"#text": pl.String}),
         [{"#text": None}, {"#text": "y"}]),
        ('{"a":null}\n{"a":null}\n', pl.String, [None, None]),
        ('{"a":1}\n{}\n', pl.Int64, [1, None]),
        ('{"a":"2020-01-01"}\n{"a":"2020-01-02 10:00"}\n', pl.String,
         ["2020-01-01", "2020-01-02 10:00"]),
        ('{"a":{"b":["2020-01-01"],"c":1}}\n', pl.Struct({"b": pl.List(pl.String), "c": pl.Int64}),
         [{"b": ["2020-01-01"], "c": 1}]),
        ('{"a":[]}\n{"a":["x"]}\n', pl.List(pl.String), [[], ["x"]]),
        ('{"a":"\\ud83d\\ude00"}\n', pl.String, ["\U0001f600"]),
        ('{"a":[null,null]}\n{"a":null}\n', pl.List(pl.String), [[None, None], None]),
        ('{"a":1,"a":2}\n', pl.Int64, [2]),
        ('{"a":"x\u2028y"}\r\n\n  \n{"a":"z"}', pl.String, ["x\u2028y", "z"]),
    ],
)  # fmt: skip
def test_no_value_is_lost(data, dtype, expected):
    assert column(data).dtype == dtype
    assert column(data).to_list() == expected


def test_dates_in_a_nested_column_stay_strings_beside_other_columns():
    frame = lines('{"a":{"t":"2020-01-01"},"b":null,"c":[{"t":"2020-01-01","n":1}]}\n').frame
    assert frame["a"].to_list() == [{"t": "2020-01-01"}]
    assert frame["c"].to_list() == [[{"t": "2020-01-01", "n": 1}]]


def test_lines_that_do_not_parse_are_rejects_and_blank_lines_are_nothing():
    records = lines('{"a":1}\n\n{"a":\n{"a":2} {"a":3}\n7\nnull\n{"a":4}\n')
    assert records.frame.rows() == [(1, 0), (4, 5)]
    assert [row[:2] for row in records.rejects.rows()] == [
        (1, "bad_json"),
        (2, "bad_json"),
        (3, "not_a_record"),
        (4, "not_a_record"),
    ]
    assert records.rejects["detail"][2] == "7"


def test_a_first_line_of_null_is_a_reject():
    records = lines('null\n{"a":1}\n')
    assert records.frame.rows() == [(1, 1)]
    assert records.rejects.rows() == [(0, "not_a_record", "null")]


@pytest.mark.parametrize("bad", [b'{"a":"\xff"}', b'{"a":"\\ud83d"}', b'{"b":["\\ude00"]}'])
def test_strings_that_are_no_text_are_rejects(bad):
    records = lines(b'{"a":"x"}\n' + bad + b'\n{"a":"y"}\n')
    assert records.frame["__row__"].to_list() == [0, 2]
    assert [row[:2] for row in records.rejects.rows()] == [(1, "bad_encoding")]


def test_arrays_in_lines_become_numbered_columns():
    assert lines('["t", 1]\n["u", 2]\n').frame.rows() == [("t", 1, 0), ("u", 2, 1)]


def test_a_file_without_any_json_line_is_an_error():
    with pytest.raises(SourceError, match="none of the 2 records can be read; record 0: bad_json"):
        lines("hello\nworld\n")


json_scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(
    st.characters(codec="utf-8"), max_size=4
)  # fmt: skip
objects = st.dictionaries(
    st.sampled_from("abc"),
    json_scalars | st.lists(json_scalars, max_size=2) | st.dictionaries(st.just("k"), json_scalars),
)


numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(numbers | st.booleans() | st.text(max_size=3), min_size=1, max_size=6))
def test_the_text_of_a_value_is_json_s_own(values):
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    data = "\n".join(json.dumps({"a": value}) for value in values)
    schema = (frame := lines(data).frame).schema
    made = frame.select(text_expression("a", schema, where="x").alias("a"))["a"].to_list()
    assert made == texts


@given(st.lists(objects, min_size=1, max_size=6))
def test_the_fast_reader_agrees_with_the_careful_one(values):
    data = "\n".join(json.dumps(value) for value in values).encode()
    fast = json_records._fast(data)
    careful = json_records._records(
        [parse_json(json.dumps(value)) for value in values], list(range(len(values))), [], "f"
    ).frame
    if fast is not None:
        assert fast.to_dicts() == careful.drop("__row__").to_dicts()


def test_the_fast_reader_takes_ordinary_lines():
    assert json_records._fast(b'{"a":"x","b":[1,2]}\n{"a":"y","b":[]}') is not None


def read(text, *, records=None):
    data = text if isinstance(text, bytes) else text.encode()
    return read_json(data, records=records, where="t.json")


def test_an_array_of_objects_is_a_table():
    assert read('[{"a": 1}, {"a": null, "b": ["x"]}]').frame.rows() == [
        (1, None, 0),
        (None, ["x"], 1),
    ]


def test_an_array_of_arrays_has_numbered_columns():
    records = read('[["text", "label"], ["u", "v"]]')
    assert records.frame.columns == ["0", "1", "__row__"]
    assert records.frame.rows() == [("text", "label", 0), ("u", "v", 1)]


def test_elements_of_another_kind_are_rejects():
    records = read('[{"a": 1}, "x", [2], {"a": 3}]')
    assert records.frame.rows() == [(1, 0), (3, 3)]
    assert records.rejects.rows() == [(1, "not_a_record", '"x"'), (2, "not_a_record", "[2]")]


def test_a_string_with_bytes_that_are_no_text_is_a_reject():
    records = read(b'[{"a": "x"}, {"a": "\xff"}]')
    assert records.frame.rows() == [("x", 0)]
    assert records.rejects.row(0)[:2] == (1, "bad_encoding")


def test_one_object_is_one_record_where_it_will_be_unfolded():
    assert read('{"data": [1, 2]}', records="data[]").frame.rows() == [([1, 2], 0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1, "data": []}', "the file is one object with the keys version, data"),
        ("3", "the file is one int"),
        ("[]", "the file is an empty array"),
        ('[{"a": 1}', "not JSON: Expecting ',' delimiter in line 1, column 10"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_table_is_an_error(text, message):
    with pytest.raises(SourceError) as error:
        read(text)
    assert message in str(error.value)


def test_the_list_inside_one_object_is_named():
    with pytest.raises(SourceError) as error:
        read('{"version": 1, "data": []}')
    assert error.value.remedy == "name the records with `records: data[]` on the card"


def test_json_lines_under_the_name_of_json_are_recognised():
    with pytest.raises(SourceError) as error:
        read('{"a": 1}\n{"a": 2}\n')
    assert error.value.remedy == "set `format: jsonl` on the card: each line is an object"
