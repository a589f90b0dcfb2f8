import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.sources.json_records import read_json
from pipeline.sources.records import numbered
from pipeline.sources.unfold import column_at, parse_path, stack, unfold
from pipeline.sources.values import frame_of_arrays, frame_of_objects


def of(value, path):
    frame = frame_of_arrays(value) if isinstance(value[0], list) else frame_of_objects(value)
    records = numbered(frame, where="f")
    return unfold(records, parse_path(path, where="f"), where="f")


SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "T",
            "paragraphs": [
                {"context": "c1", "qas": [{"id": 1, "answers": {"text": ["x"]}}, {"id": 2}]},
                {"context": "c2", "qas": []},
                {"context": "c3", "qas": [{"id": 3}]},
            ],
        },
        {"title": "U", "paragraphs": [{"context": "c4", "qas": [{"id": 4}]}]},
    ],
}


def test_a_nested_list_becomes_records_that_keep_what_is_around_them():
    records = of([SQUAD], "data[].paragraphs[].qas[]")
    assert records.frame.to_dicts()[0] == {
        "id": 1,
        "answers": {"text": ["x"]},
        "version": "1.1",
        "data": {"title": "T", "paragraphs": {"context": "c1"}},
        "__row__": 0,
    }
    context = pl.col("data").struct.field("paragraphs").struct.field("context")
    assert records.frame.select(context).to_series().to_list() == ["c1", "c1", "c3", "c4"]
    assert records.frame["__row__"].to_list() == [0, 1, 2, 3]
    assert records.rejects.is_empty()


def test_arrays_of_arrays_are_unfolded_by_index():
    value = [[["d1", "d2"], [{"q": 1}, {"q": 2}], "i"], [["e"], [{"q": 3}], "j"]]
    records = of(value, "[1][]")
    assert records.frame.to_dicts() == [
        {"q": 1, "0": ["d1", "d2"], "2": "i", "__row__": 0},
        {"q": 2, "0": ["d1", "d2"], "2": "i", "__row__": 1},
        {"q": 3, "0": ["e"], "2": "j", "__row__": 2},
    ]


def test_elements_that_are_plain_values_stay_at_their_place():
    records = of([{"a": {"b": ["x", "y"], "c": 1}}], "a.b[]")
    assert records.frame["a"].to_list() == [{"c": 1, "b": "x"}, {"c": 1, "b": "y"}]
    assert of([{"a": [1, 2]}], "a[]").frame.rows() == [(1, 0), (2, 1)]


def test_elements_that_are_arrays_become_numbered_columns():
    assert of([{"train": [["t", "l"], ["u"]], "n": 1}], "train[]").frame.to_dicts() == [
        {"0": "t", "1": "l", "n": 1, "__row__": 0},
        {"0": "u", "1": None, "n": 1, "__row__": 1},
    ]


def test_lists_of_lists_are_unfolded_twice():
    assert of([{"a": [[{"q": 1}], [{"q": 2}, {"q": 3}]]}], "a[][]").frame["q"].to_list() == [
        1,
        2,
        3,
    ]


def test_a_leading_unfolding_of_the_whole_file_is_understood():
    assert of([{"a": [{"q": 1}]}], "[].a[]").frame["q"].to_list() == [1]


def test_an_elements_key_hides_a_column_of_that_name():
    assert of([{"id": "out", "a": [{"id": "in"}]}], "a[]").frame.to_dicts() == [
        {"id": "in", "__row__": 0}
    ]


def test_missing_lists_are_rejects_and_empty_lists_are_nothing():
    records = of(
        [{"i": 0, "a": [{"q": 1}, None]}, {"i": 1}, {"i": 2, "a": []}, {"a": [{"q": 2}]}], "a[]"
    )
    assert records.frame.select("q", "__row__").rows() == [(1, 0), (2, 3)]
    assert records.rejects.rows() == [
        (1, "not_a_record", "the element is null"),
        (2, "no_list", "no list at a"),
    ]


def test_records_that_were_rejects_before_keep_a_place():
    frame = frame_of_objects([{"a": [{"q": 1}, {"q": 2}]}, {"a": [{"q": 3}]}])
    records = numbered(frame, [(1, "bad_json", "{")], where="f", numbers=[0, 2])
    result = unfold(records, ["a", "[]"], where="f")
    assert result.frame["__row__"].to_list() == [0, 1, 3]
    assert result.rejects.rows() == [(2, "bad_json", "{")]


@pytest.mark.parametrize("path", ["data", "", "[1]", "a[].b", "a[", "a[x][]", "[]."])
def test_what_is_no_path_to_a_list_is_refused(path):
    with pytest.raises(SourceError, match="is no path to a list"):
        parse_path(path, where="f")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("dat[]", "records: no key named 'dat'\n  to do: did you mean 'data'?"),
        ("data[].paragraph[]", "records: no key named 'paragraph'\n  to do: did you mean 'paragra"),
        ("version[]", "records: what is at 'version' is String"),
        ("data[].title.x[]", "records: no key named 'x' below 'title'"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_nearest_key(path, message):
    with pytest.raises(SourceError) as error:
        of([SQUAD], path)
    assert message in str(error.value)


leaf = st.fixed_dictionaries({"q": st.integers(0, 9)})
middle = st.fixed_dictionaries({"c": st.integers(0, 9), "qs": st.lists(leaf, max_size=3)})
tops = st.fixed_dictionaries({"t": st.integers(0, 9), "ms": st.lists(middle, max_size=3)})
ROOT = {"t": 0, "ms": [{"c": 0, "qs": [{"q": 0}]}]}


@given(st.lists(tops, max_size=4))
def test_unfolding_is_the_nested_loop(value):
    value = [ROOT, *value]
    expected = [(q["q"], m["c"], t["t"]) for t in value for m in t["ms"] for q in m["qs"]]
    frame = of(value, "ms[].qs[]").frame
    assert frame.select("q", pl.col("ms").struct.field("c"), "t").rows() == expected


def test_stacking_makes_several_records_of_a_row():
    frame = pl.DataFrame({"s": ["A", "B"], "q1": ["a", "b"], "q2": ["c", "d"], "l": [["x"], ["y"]]})
    records = stack(
        numbered(frame, where="f"),
        {"q": ["q1", "q2"], "m": ["l", "l"], "s": ["s", "q1"]},
        where="f",
    )
    assert records.frame.select("q", "m", "s", "__row__").rows() == [
        ("a", ["x"], "A", 0),
        ("c", ["x"], "a", 1),
        ("b", ["y"], "B", 2),
        ("d", ["y"], "b", 3),
    ]


def test_stacking_a_reject_keeps_all_its_numbers():
    frame = pl.DataFrame({"a": ["x", "z"], "b": ["y", "w"]})
    records = numbered(frame, [(1, "r", "d")], where="f", numbers=[0, 2])
    result = stack(records, {"v": ["a", "b"]}, where="f")
    assert result.frame.select("v", "__row__").rows() == [("x", 0), ("y", 1), ("z", 4), ("w", 5)]
    assert result.rejects["row"].to_list() == [2, 3]


def test_stacking_needs_as_many_columns_for_each():
    records = numbered(pl.DataFrame({"a": [1], "b": [2]}), where="f")
    with pytest.raises(SourceError, match="stack: the numbers of columns differ: q 2, r 1"):
        stack(records, {"q": ["a", "b"], "r": ["a"]}, where="f")


def test_a_column_is_found_by_its_name_first_and_then_by_its_path():
    frame = pl.DataFrame({"a.b": [1], "c": [{"d": 2}]})
    chosen = frame.select(column_at(frame, "a.b", where="f"), column_at(frame, "c.d", where="f"))
    assert chosen.row(0) == (1, 2)


@pytest.mark.parametrize(("path", "guess"), [("c.dd", "c.d"), ("cc", "c")])
def test_a_missing_column_gets_the_nearest_name(path, guess):
    with pytest.raises(SourceError, match=f"no column named '{path}'") as error:
        column_at(pl.DataFrame({"c": [{"d": 2}]}), path, where="f")
    assert error.value.remedy == f"did you mean '{guess}'?"


def test_a_file_of_one_object_is_unfolded_from_its_root():
    records = read_json(b'{"v": 1, "data": [{"q": 1}, {"q": 2}]}', records="data[]", where="f")
    assert unfold(records, ["data", "[]"], where="f").frame.rows() == [(1, 1, 0), (2, 1, 1)]
