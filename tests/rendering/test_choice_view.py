import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MixtureError
from pipeline.rendering import choice_view as module
from pipeline.rendering.choice_view import BLANK, RENDERED, choice_view, rendered
from pipeline.schema import EXAMPLE
from pipeline.tables import to_arrow

ALPHABET = "_ a1é.$\\{"


def examples(*rows: dict) -> pl.DataFrame:
    """Rows of EXAMPLE; a row names what differs from a plain one."""
    plain = {
        "task": "t",
        "form": "multiple_choice",
        "context": "",
        "question": "",
        "choices": ["x", "y"],
        "label": 0,
        "target": "x",
        "labels": None,
        "prefix": "[task: t]",
        "content_hash": bytes(16),
    }
    full = [{"example_id": f"t/train/{i}"} | plain | row for i, row in enumerate(rows)]
    kinds = {"label": pl.Int32, "labels": pl.List(pl.Int32), "choices": pl.List(pl.String)}
    frame = pl.DataFrame(
        {name: [row[name] for row in full] for name in EXAMPLE.names},
        schema_overrides={name: kinds.get(name, pl.String) for name in EXAMPLE.names[:-1]},
    )
    return pl.from_arrow(to_arrow(frame, EXAMPLE))


def texts(frame: pl.DataFrame) -> list[list[str]]:
    parts = list(rendered(choice_view(frame, where="w"), role="train"))
    return pl.concat(parts)["text"].to_list()


def test_a_question_stands_in_front_of_each_choice():
    frame = examples(
        {"context": "It rained.", "question": "What fell?", "choices": ["rain", "hail"]}
    )
    assert texts(frame) == [
        [
            "[task: t] It rained. [SEP] What fell? [SEP] rain",
            "[task: t] It rained. [SEP] What fell? [SEP] hail",
        ]
    ]
    assert choice_view(frame, where="w")["joined"].to_list() == [True]


def test_without_a_question_the_choice_stands_alone():
    assert texts(examples({"context": "good film"})) == [
        ["[task: t] good film [SEP] x", "[task: t] good film [SEP] y"]
    ]


def test_without_a_context_the_prefix_stands_alone():
    assert texts(examples({"question": "why?"}))[0][0] == "[task: t] [SEP] why? [SEP] x"


def test_a_blank_is_filled_in_every_place_and_the_question_is_not_repeated():
    frame = examples({"context": "c", "question": "The _ ate the ____.", "choices": ["cat", "$1"]})
    view = choice_view(frame, where="w")
    assert view["options"].to_list() == [["The cat ate the cat.", "The $1 ate the $1."]]
    assert view["joined"].to_list() == [False]
    assert texts(frame)[0][0] == "[task: t] c [SEP] The cat ate the cat."


def test_cloze_rows_and_others_keep_their_order():
    frame = examples(
        {"question": "a _"}, {"question": "b"}, {"question": "c _", "choices": ["1", "2", "3"]}, {}
    )
    view = choice_view(frame, where="w")
    assert view["options"].to_list() == [
        ["a x", "a y"],
        ["x", "y"],
        ["c 1", "c 2", "c 3"],
        ["x", "y"],
    ]
    assert view["joined"].to_list() == [False, True, False, False]
    assert view["example_id"].to_list() == frame["example_id"].to_list()
    assert view.columns == [*EXAMPLE.names, "joined", "options"]


@pytest.mark.parametrize("question", ["snake_case", "__init__", "x_1 and _y", "a__b", "none"])
def test_underscores_inside_names_are_no_blanks(question):
    assert choice_view(examples({"question": question}), where="w")["joined"].to_list() == [True]


@pytest.mark.parametrize("question", ["_", "(_)", "the __'s", "the ___th", "a_____b"])
def test_lone_runs_and_long_runs_are_blanks(question):
    assert choice_view(examples({"question": question}), where="w")["joined"].to_list() == [False]


@pytest.mark.parametrize("form", ["text_to_text", "span"])
def test_a_form_without_choices_is_refused_by_name(form):
    frame = examples({}, {"form": form, "choices": [], "label": None})
    with pytest.raises(MixtureError) as caught:
        choice_view(frame, where="curated/t/train.parquet")
    assert str(caught.value).splitlines()[0] == (
        f"curated/t/train.parquet: task 't' ({form}) has 1 rows without choices, "
        "the first is t/train/1"
    )
    assert "take 't' out of the mixture's tasks" in caught.value.remedy


def test_multi_label_rows_keep_their_gold_set_and_have_all_classes_as_choices():
    row = {"form": "multi_label", "label": None, "labels": [0, 2], "choices": ["a", "b", "c"]}
    (part,) = rendered(choice_view(examples(row), where="w"), role="select")
    assert part["labels"].to_list() == [[0, 2]]
    assert part["label"].to_list() == [None]
    assert len(part["text"][0]) == 3


def test_rendered_rows_are_of_the_schema_and_count_from_zero():
    (part,) = rendered(choice_view(examples({}, {}), where="w"), role="report")
    table = to_arrow(part, RENDERED)
    assert table["row"].to_pylist() == [0, 1]
    assert table["role"].to_pylist() == ["report", "report"]
    assert table["prefix"].to_pylist() == ["[task: t]", "[task: t]"]


def test_no_rows_give_one_empty_frame_of_the_schema():
    (part,) = rendered(choice_view(examples({})[:0], where="w"), role="train")
    assert to_arrow(part, RENDERED).num_rows == 0


def test_much_text_comes_in_parts_that_hold_all_rows(monkeypatch):
    frame = examples(*({"context": "x" * 50, "question": str(i)} for i in range(40)))
    whole = texts(frame)
    monkeypatch.setattr(module, "_TEXT_BYTES", 500)
    view = choice_view(frame, where="w")
    parts = list(rendered(view, role="train"))
    assert len(parts) > 5
    assert pl.concat(parts)["text"].to_list() == whole
    assert pl.concat(parts)["row"].to_list() == list(range(40))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "context": st.text(ALPHABET, max_size=6),
                "question": st.text(ALPHABET, max_size=8),
                "choices": st.lists(st.text(ALPHABET, max_size=4), min_size=1, max_size=4),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_view_equals_the_rule_applied_row_by_row(rows):
    expected = []
    for row in rows:
        head = f"[task: t] {row['context']}" if row["context"] else "[task: t]"
        if re.search(BLANK, row["question"]):
            options = [c.join(re.split(BLANK, row["question"])) for c in row["choices"]]
        else:
            lead = f"{row['question']} [SEP] " if row["question"] else ""
            options = [lead + c for c in row["choices"]]
        expected.append([f"{head} [SEP] {option}" for option in options])
    assert texts(examples(*rows)) == expected
