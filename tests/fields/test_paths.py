import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.fields.paths import resolve

NESTED = pl.DataFrame(
    {
        "id": ["x", "y"],
        "question": [
            {"stem": "s", "choices": [{"text": "a", "label": "A"}, {"text": "b", "label": "B"}]},
            {"stem": None, "choices": None},
        ],
        "answers": [{"text": ["one", "two"], "start": [3]}, {"text": [], "start": []}],
    }
)


def values(path, frame):
    return frame.select(
        pl.int_range(pl.len()), value=resolve(path, frame.schema, where="card").expression
    )["value"].to_list()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", ["x", "y"]),
        ("question.stem", ["s", None]),
        ("question.choices[].text", [["a", "b"], None]),
        ("question.choices[1].label", ["B", None]),
        ("question.choices[-1].text", ["b", None]),
        ("question.choices[label=B].text", ["b", None]),
        ("question.choices[label=Z].text", [None, None]),
        ("answers.text[0]", ["one", None]),
        ("answers.start[]", [[3], []]),
    ],
)
def test_a_path_walks_records_and_lists(path, expected):
    assert values(path, NESTED) == expected


def test_lists_in_lists_become_one_list():
    frame = pl.DataFrame(
        {"a": [[{"b": [{"c": 1}, {"c": 2}]}, {"b": [{"c": 3}]}], [{"b": []}], None]}
    )
    assert values("a[].b[].c", frame) == [[1, 2, 3], [], None]


@pytest.mark.parametrize(
    "name", ["#1 String", "@id", "a.b", "[0]", "data.sent0", "x[]", "{y}", "a b"]
)
def test_an_exact_column_name_wins_whatever_it_holds(name):
    frame = pl.DataFrame({name: ["v"], "a": [{"b": "inner"}]})
    assert values(name, frame) == ["v"]


def test_the_longest_column_name_that_a_path_starts_with_is_taken():
    frame = pl.DataFrame(
        {"a": [{"b": {"c": "short"}}], "a.b": [{"c": "long"}], "[1]": [{"q": "n"}]}
    )
    assert values("a.b.c", frame) == ["long"]
    assert values("[1].q", frame) == ["n"]


def test_fixed_size_arrays_are_lists():
    frame = pl.DataFrame({"a": [["p", "q"]]}, schema={"a": pl.Array(pl.String, 2)})
    assert values("a[1]", frame) == ["q"]


def test_a_column_of_nothing_but_nulls_yields_null_for_any_path():
    assert values("a.b[0]", pl.DataFrame({"a": [None, None]})) == [None, None]


def test_a_type_is_known_without_any_row():
    value = resolve("question.choices[].text", NESTED.clear().schema, where="card")
    assert value.dtype == pl.List(pl.String)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "idd",
            "card: no column named 'idd'\n  expected: one of: id, question, answers\n"
            "  to do: did you mean 'id'?",
        ),
        (
            "question.stm",
            "card: 'question.stm': no field named 'stm'\n  expected: one of: stem, choices\n"
            "  to do: did you mean 'stem'?",
        ),
        (
            "question.choices.text",
            "card: 'question.choices.text': '.text' is asked of a list\n"
            "  expected: [0] for its first element, [] for each of them",
        ),
        ("id[0]", "card: 'id[0]': nothing to take '[0]' from, the value is String"),
        ("id.x", "card: 'id.x': nothing to take '.x' from, the value is String"),
    ],
)
def test_a_wrong_path_is_worded_with_what_there_is(path, message):
    with pytest.raises(SourceError) as caught:
        resolve(path, NESTED.schema, where="card")
    assert str(caught.value) == message


def test_columns_of_our_own_are_not_offered():
    with pytest.raises(SourceError) as caught:
        resolve("b", pl.Schema({"__row__": pl.Int64, "a": pl.String}), where="card")
    assert "one of: a\n" in str(caught.value)


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=6), st.integers(-5, 5)
)
def test_an_index_is_what_python_takes_or_null(lists, index):
    frame = pl.DataFrame({"a": lists}, schema={"a": pl.List(pl.Int64)})
    expected = [x[index] if -len(x) <= index < len(x) else None for x in lists]
    assert values(f"a[{index}]", frame) == expected
