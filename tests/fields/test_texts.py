import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.fields.texts import list_expression, text_expression, value_expression

FRAME = pl.DataFrame(
    {
        "a": ["x", None, " "],
        "n": [1, 2, None],
        "f": [0.5, None, 2.0],
        "t": [True, False, None],
        "turns": [["M: hi", "W: yo"], [], None],
        "ids": [[1, 2], [None], None],
        "record": [{"text": "r"}, {"text": None}, None],
        "tagged": [{"@id": "1", "#text": "own"}, {"@id": "2", "#text": None}, None],
    }
)


def texts(field, frame=FRAME):
    return frame.select(
        pl.int_range(pl.len()), v=text_expression(field, frame.schema, where="card")
    )["v"].to_list()


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("a", ["x", None, " "]),
        ("n", ["1", "2", None]),
        ("t", ["true", "false", None]),
        ("f", ["0.5", None, "2.0"]),
        ("turns", ["M: hi W: yo", "", None]),
        ("ids", ["1 2", "", None]),
        ("record.text", ["r", None, None]),
        ("tagged", ["own", None, None]),
    ],
)
def test_a_column_becomes_text_and_null_stays_null(field, expected):
    assert texts(field) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("{a}-{n}", ["x-1", "-2", " -"]),
        ("<{record.text}>", ["<r>", "<>", "<>"]),
        ("{{{n}}}", ["{1}", "{2}", "{}"]),
        ("say {{}}{}", ["say {}"] * 3),
        ("what?{}", ["what?"] * 3),
        ("{}", [""] * 3),
        ("{turns}!", ["M: hi W: yo!", "!", "!"]),
    ],
)
def test_in_a_template_null_is_empty_and_doubled_braces_are_braces(field, expected):
    assert texts(field) == expected


def test_several_fields_are_stripped_and_joined_and_empty_ones_left_out():
    assert texts(("a", "n", "{record.text}", "turns")) == ["x 1 r M: hi W: yo", "2", ""]


def test_a_column_whose_name_holds_braces_is_no_template():
    assert texts("{a}", pl.DataFrame({"{a}": ["v"], "a": ["w"]})) == ["v"]


@given(st.lists(st.sampled_from(["a", "{", "}", " ", "é"]), max_size=8).map("".join))
def test_any_text_survives_with_its_braces_doubled(text):
    escaped = text.replace("{", "{{").replace("}", "}}") + "{}"
    assert texts(escaped) == [text] * 3


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "{a",
            "card: '{a': '{' without its partner\n"
            "  expected: {column}, or a doubled brace for a brace in the text",
        ),
        (
            "a}",
            "card: 'a}': '}' without its partner\n"
            "  expected: {column}, or a doubled brace for a brace in the text",
        ),
        ("record", "card: 'record' is a record, not a text\n  expected: record.text"),
        (
            "{reccord.text}",
            "card: 'reccord.text': no column named 'reccord'\n"
            "  expected: one of: a, n, f, t, turns, ids, record, tagged\n"
            "  to do: did you mean 'record'?",
        ),
    ],
)
def test_what_is_no_text_is_refused(field, message):
    with pytest.raises(SourceError) as caught:
        texts(field)
    assert str(caught.value) == message


def test_bytes_are_no_text():
    with pytest.raises(SourceError, match="'b' is Binary, which is no text"):
        texts("b", pl.DataFrame({"b": [b"x"]}))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("turns", [["M: hi", "W: yo"], [], None]),
        ("ids", [["1", "2"], [None], None]),
    ],
)
def test_a_list_keeps_its_shape_and_its_nulls(field, expected):
    made = FRAME.select(v=list_expression(field, FRAME.schema, where="card"))
    assert made["v"].to_list() == expected
    assert made.schema["v"] == pl.List(pl.String)


def test_a_list_of_tagged_texts_is_a_list_of_texts():
    frame = pl.DataFrame({"a": [[{"@ok": "no", "#text": "p"}, {"@ok": "yes", "#text": "q"}]]})
    made = frame.select(v=list_expression("a", frame.schema, where="card"))
    assert made["v"].to_list() == [["p", "q"]]
    assert texts("a[@ok=yes]", frame) == ["q"]


def test_a_list_of_nothing_but_nulls_is_a_list_of_texts():
    frame = pl.DataFrame({"a": [None]})
    assert frame.select(v=list_expression("a", frame.schema, where="card")).schema["v"] == pl.List(
        pl.String
    )


def test_a_text_is_no_list():
    with pytest.raises(SourceError) as caught:
        list_expression("a", FRAME.schema, where="card")
    assert str(caught.value) == (
        "card: 'a' is String, not a list\n  expected: a list column, or a path such as items[].text"
    )


def test_a_value_keeps_its_type_unless_it_is_a_template():
    assert value_expression("n", FRAME.schema, where="card").dtype == pl.Int64
    assert value_expression("{n}", FRAME.schema, where="card").dtype == pl.String
    assert value_expression("tagged", FRAME.schema, where="card").dtype == pl.String
