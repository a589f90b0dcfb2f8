import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DataError
from pipeline.normalize import dispatch
from pipeline.schema import EXAMPLE, REJECT
from pipeline.tables import to_arrow

FORMS = [
    {"form": "multiple_choice", "context": "t", "choices": ["a", "b"], "label": "n"},
    {"form": "classification", "context": "t", "label": "n", "classes": {0: "no", 1: "yes"}},
    {"form": "multi_label", "context": "t", "labels": "l", "classes": ("p", "q")},
    {"form": "text_to_text", "context": "t", "target": "a"},
    {"form": "span", "context": "t", "answers": "t"},
]
RECORDS = {"t": ["x", "y"], "a": ["c", "d"], "b": ["e", "f"], "n": [0, 1], "l": [["p"], ["q", "p"]]}


@pytest.mark.parametrize("fields", FORMS, ids=lambda fields: fields["form"])
def test_every_form_fits_the_schema(run, fields):
    made = run(fields, RECORDS)
    table = to_arrow(made.examples, EXAMPLE)
    assert table.schema == EXAMPLE
    assert table.column("task").to_pylist() == ["toy", "toy"]
    assert table.column("form").to_pylist() == [fields["form"]] * 2
    assert table.column("prefix").to_pylist() == ["[task: toy]"] * 2
    assert table.column("example_id").to_pylist() == ["toy/train/0", "toy/train/1"]
    assert len(set(table.column("content_hash").to_pylist())) == 2


@pytest.mark.parametrize("fields", FORMS, ids=lambda fields: fields["form"])
def test_every_form_takes_a_hidden_split(run, fields):
    columns = {name: values for name, values in RECORDS.items() if name not in ("n", "l")}
    examples = run(fields, columns, split="test", hidden=("test",)).examples
    assert examples.select(pl.col("label", "labels", "target").null_count()).row(0) == (2, 2, 2)
    assert to_arrow(examples, EXAMPLE).num_rows == 2


@pytest.mark.parametrize("fields", FORMS, ids=lambda fields: fields["form"])
def test_every_form_takes_no_rows_at_all(run, fields):
    made = run(fields, pl.DataFrame(RECORDS).clear())
    assert to_arrow(made.examples, EXAMPLE).num_rows == 0
    assert to_arrow(made.rejects, REJECT).num_rows == 0


def test_record_numbers_are_the_sources_own(make_card):
    frame = pl.DataFrame({"t": ["x", "y"], "n": [0, 1], "__row__": [5, 9]})
    unread = pl.DataFrame({"row": [7], "reason": ["not_json"], "detail": ["{"]})
    made = dispatch.normalize(frame, unread, make_card(FORMS[1]), "train")
    assert made.examples["example_id"].to_list() == ["toy/train/5", "toy/train/9"]
    assert made.rejects["row"].to_list() == [7]


def test_the_same_content_has_the_same_hash_in_another_split_or_task(run):
    hashes = {run(FORMS[1], RECORDS, split=split).examples["content_hash"][0]
              for split in ("train", "test")}  # fmt: skip
    assert len(hashes) == 1


def test_damage_is_found_only_in_rows_that_have_no_other_reason(run):
    made = run(FORMS[1], {"t": ["a\x00", "b\x00", "c", "d", "e"], "n": [0, 9, 0, 1, 1]})
    assert made.rejects["reason"].to_list() == ["bad_encoding", "label_unknown"]
    assert made.examples["context"].to_list() == ["c", "d", "e"]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["x", " y ", "", None, "z\x07"]), st.sampled_from([0, 1, None])),
        min_size=1, max_size=12,
    ),
    size=st.integers(1, 5),
)  # fmt: skip
def test_every_record_ends_up_once_whatever_is_worked_on_together(rows, size):
    from pipeline.config.task_card import TaskCard

    card = TaskCard.model_validate(
        {"task": "toy", "family": "toy", "licence": "x", "splits": {"train": "a"},
         "source": {"kind": "files", "folder": "f"}, "fields": FORMS[1], "max_rejects": 1.0}
    )  # fmt: skip
    good = [("fine", 0), ("good", 1)] * len(rows)
    frame = pl.DataFrame(
        [(i, *row) for i, row in enumerate([*rows, *good])],
        schema={"__row__": pl.Int64, "t": pl.String, "n": pl.Int64}, orient="row",
    )  # fmt: skip
    unread = pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String})
    whole = dispatch.normalize(frame, unread, card, "train")
    before = dispatch._ROWS
    dispatch._ROWS = size
    try:
        parts = dispatch.normalize(frame, unread, card, "train")
    finally:
        dispatch._ROWS = before
    assert parts.examples.equals(whole.examples)
    assert parts.rejects.equals(whole.rejects)
    kept = [int(name.split("/")[-1]) for name in whole.examples["example_id"]]
    assert sorted([*kept, *whole.rejects["row"]]) == list(range(frame.height))


def test_one_text_in_all_rows_is_refused(run):
    fields = {"form": "classification", "context": "{t}", "label": "n", "classes": {0: "a", 1: "b"}}
    with pytest.raises(DataError, match="all 4 rows have the same text: 'x'"):
        run(fields, {"t": ["x"] * 4, "n": [0, 1, 0, 1]})
    assert run(fields, {"t": ["x", "x", "x", "y"], "n": [0, 1, 0, 1]}).rejects.is_empty()


def test_questions_by_their_choices_alone_are_no_lost_column(run):
    fields = {"form": "multiple_choice", "choices": ["a", "b"], "label": "n"}
    made = run(fields, {"a": list("klm"), "b": list("xyz"), "n": [0, 1, 0]})
    assert made.examples.height == 3
