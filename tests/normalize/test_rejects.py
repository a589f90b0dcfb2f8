import polars as pl
import pytest

from pipeline.errors import DataError
from pipeline.schema import REJECT
from pipeline.tables import to_arrow

FIELDS = {"form": "multiple_choice", "question": "q", "choices": "options", "label": "gold"}
GOOD = {"q": "?", "options": ["x", "y"], "gold": 0}


def rows(*changes, good=0):
    made = [{**GOOD, **change} for change in (*changes, *[{}] * good)]
    return pl.DataFrame(
        made, schema={"q": pl.String, "options": pl.List(pl.String), "gold": pl.Int64}
    )


def test_rejects_stand_in_the_order_of_the_records_unread_ones_among_them(run):
    frame = rows({"gold": 9}, {}, {"q": ""}, {}).with_columns()
    made = run(FIELDS, frame, unread=[(4, "not_json", "{oops"), (1, "not_json", "{")])
    assert made.rejects["row"].to_list() == [0, 1, 2, 4]
    assert made.rejects["reason"].to_list() == [
        "label_out_of_range", "not_json", "empty_text", "not_json",
    ]  # fmt: skip
    assert to_arrow(made.rejects, REJECT).schema == REJECT


def test_a_detail_has_at_most_eighty_characters(run):
    made = run(FIELDS, rows({"options": ["é" * 100, "é" * 100]}, good=3))
    assert made.rejects["detail"].to_list() == ["é" * 80]


def test_without_rejects_the_table_has_its_types(run):
    made = run(FIELDS, rows(good=2))
    assert to_arrow(made.rejects, REJECT).num_rows == 0


def test_one_record_in_a_hundred_may_be_a_reject_unless_the_card_says_more(run):
    assert run(FIELDS, rows({"q": ""}, good=99), max_rejects=0.01).rejects.height == 1
    with pytest.raises(DataError) as caught:
        run(FIELDS, rows({"q": ""}, {"options": ["x"]}, good=98), max_rejects=0.01)
    assert str(caught.value) == (
        "toy/train: fields: 2 of 100 records are rejects, more than 1 %: "
        "empty_text 'context, question' (1 row); too_few_choices 'x' (1 row)\n"
        "  expected: text in context or question, and in every choice\n"
        "  to do: look at the raw records, then mend the card; or raise `max_rejects` on the card"
    )
    assert run(FIELDS, rows({"q": ""}, {"options": ["x"]}, good=98), max_rejects=0.02)


def test_a_split_of_rejects_alone_is_always_refused(run):
    with pytest.raises(DataError, match="2 of 2 records are rejects: empty_text"):
        run(FIELDS, rows({"q": ""}, {"options": ["x"]}), max_rejects=1.0)


def test_the_five_most_frequent_values_are_shown(run):
    golds = [9, 9, 8, 8, 7, 6, 5, 4]
    with pytest.raises(DataError) as caught:
        run(FIELDS, rows(*({"gold": gold} for gold in golds)))
    assert "'8' (2 rows), '9' (2 rows), '4' (1 row), '5' (1 row), '6' (1 row)\n" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({"q": None}, "fields", "a value in each row"),
        ({"q": " "}, "fields", "text in context or question, and in every choice"),
        ({"options": ["x", "x"]}, "fields.choices", "two or more different texts in each row"),
        ({"options": ["x"]}, "fields.choices", "two or more different texts in each row"),
        ({"q": "\x00"}, "source.encoding", "text without control characters and U+FFFD"),
        ({"gold": None}, "fields.label", "a label in each row"),
    ],
)
def test_each_reason_names_its_key_and_what_was_expected(run, change, key, expected):
    with pytest.raises(DataError) as caught:
        run(FIELDS, rows(change))
    assert f"toy/train: {key}: " in str(caught.value)
    assert f"expected: {expected}\n" in str(caught.value)


def test_records_that_cannot_be_read_are_the_sources_fault(run):
    with pytest.raises(DataError) as caught:
        run(
            FIELDS,
            rows(good=1),
            unread=[(1, "not_json", "{"), (2, "not_json", "{")],
            max_rejects=0.01,
        )
    assert str(caught.value) == (
        "toy/train: source: 2 of 3 records are rejects, more than 1 %: not_json '{' (2 rows)\n"
        "  expected: records that can be read\n"
        "  to do: look at the raw records, then mend the card; or raise `max_rejects` on the card"
    )
