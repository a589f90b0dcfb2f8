from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.values import (
    common_type,
    fields,
    frame_of_arrays,
    frame_of_objects,
    is_text,
    settled,
)

MIXED = pl.Struct({"#text": pl.String})


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, "x"], pl.String, ["1", "x"]),
        (["x", 1], pl.String, ["x", "1"]),
        ([True, "x"], pl.String, ["true", "x"]),
        ([True, 3], pl.String, ["true", "3"]),
        ([1.5, True], pl.String, ["1.5", "true"]),
        ([1, 1.5], pl.String, ["1", "1.5"]),
        ([1.0, 1.5], pl.Float64, [1.0, 1.5]),
        ([2**53 + 1, 1.5], pl.String, ["9007199254740993", "1.5"]),
        ([2**70], pl.String, ["1180591620717411303424"]),
        ([2**63, -1], pl.String, ["9223372036854775808", "-1"]),
        ([None, None], pl.String, [None, None]),
        ([None, 1], pl.Int64, [None, 1]),
        ([["x"], "y"], MIXED, [{"#text": None}, {"#text": "y"}]),
        ([{"b": 1}, "s", 2], MIXED, [{"#text": None}, {"#text": "s"}, {"#text": "2"}]),
        ([[1, "x"], None], pl.List(pl.String), [["1", "x"], None]),
        ([[1], []], pl.List(pl.Int64), [[1], []]),
        ([[], []], pl.List(pl.String), [[], []]),
        ([[1], ["a", None]], pl.List(pl.String), [["1"], ["a", None]]),
        ([[1, [2]]], pl.List(MIXED), [[{"#text": "1"}, {"#text": None}]]),
    ],
)
def test_a_column_of_mixed_types_loses_nothing(values, dtype, expected):
    column = frame_of_objects([{"a": value} for value in values])["a"]
    assert column.dtype == dtype
    assert column.to_list() == expected


def test_objects_that_differ_share_one_struct_and_null_objects_stay_null():
    frame = frame_of_objects([{"a": {"b": 1}}, {"a": {"b": "x", "c": [1]}}, {"a": None}, {}])
    assert frame["a"].to_list() == [{"b": "1", "c": None}, {"b": "x", "c": [1]}, None, None]


def test_keys_come_in_the_order_of_first_appearance():
    assert frame_of_objects([{"b": 1}, {"a": 2, "b": 3}]).columns == ["b", "a"]


def test_elements_of_arrays_become_numbered_columns():
    frame = frame_of_arrays([["t", "l"], ["u"], ["v", "m", 3]])
    assert frame.to_dict(as_series=False) == {
        "0": ["t", "u", "v"],
        "1": ["l", None, "m"],
        "2": [None, None, 3],
    }


def test_objects_without_keys_are_rows_without_columns():
    assert frame_of_objects([{}, {}]).shape == (2, 0)


def test_a_lone_surrogate_is_no_text():
    assert not is_text({"a": ["\ud83d"]})
    assert is_text({"a": ["\U0001f600"]})


def test_types_that_later_steps_cannot_hold_are_settled():
    frame = pl.DataFrame(
        {"n": [None], "c": ["x"], "l": [[None]], "s": [{"n": None, "i": 1}], "f": [[1, 2]]},
        schema_overrides={
            "n": pl.Null,
            "c": pl.Categorical,
            "l": pl.List(pl.Null),
            "f": pl.Array(pl.Int64, 2),
        },
    )
    assert settled(frame).schema == {
        "n": pl.String,
        "c": pl.String,
        "l": pl.List(pl.String),
        "s": pl.Struct({"n": pl.String, "i": pl.Int64}),
        "f": pl.List(pl.Int64),
    }


def test_nan_is_missing_at_any_depth():
    nan = float("nan")
    frame = pl.DataFrame({"a": [nan, 1.5], "b": [[nan, 2.0], None], "c": [{"d": nan}, None]})
    assert settled(frame).to_dicts() == [
        {"a": None, "b": [None, 2.0], "c": {"d": None}},
        {"a": 1.5, "b": None, "c": None},
    ]


def test_dates_and_times_are_texts():
    moment = datetime(2020, 1, 2, 3, 4, 5)
    frame = pl.DataFrame(
        {
            "a": [moment],
            "b": [moment.date()],
            "c": [moment.time()],
            "d": [moment.replace(microsecond=5)],
        }
    )
    assert settled(frame).row(0) == (
        "2020-01-02 03:04:05", "2020-01-02", "03:04:05", "2020-01-02 03:04:05.000005"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ([pl.Int64(), pl.Int64()], pl.Int64()),
        ([pl.Int32(), pl.Int64()], pl.Int64()),
        ([pl.Int64(), pl.Float64()], pl.String()),
        ([pl.Boolean(), pl.Int64()], pl.String()),
        ([pl.List(pl.Int64()), pl.List(pl.Float64())], pl.List(pl.String())),
        ([pl.List(pl.Int64()), pl.String()], None),
        (
            [pl.Struct({"x": pl.Int64()}), pl.Struct({"x": pl.String(), "y": pl.Boolean()})],
            pl.Struct({"x": pl.String(), "y": pl.Boolean()}),
        ),
    ],
)
def test_two_types_have_one_in_which_all_texts_stay(types, common):
    assert common_type(types) == common


def test_only_structs_have_fields():
    assert fields(pl.Struct({"a": pl.Int64})) == {"a": pl.Int64}
    assert fields(pl.String()) == {}
    assert fields(None) == {}


scalars = (
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=3)
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from("ab"), trees), min_size=1, max_size=5))
def test_any_json_becomes_a_table_of_its_height(objects):
    assert frame_of_objects(objects).height == len(objects)


@given(st.lists(scalars, min_size=1, max_size=6))
def test_every_scalar_can_be_told_from_its_text(values):
    got = frame_of_objects([{"a": value} for value in values])["a"].to_list()
    for value, have in zip(values, got, strict=True):
        written = {None: None, True: "true", False: "false"}
        text = written[value] if value is None or isinstance(value, bool) else str(value)
        assert have in (value, text)
