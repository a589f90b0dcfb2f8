"""Guesses from columns: right on the shapes that datasets commonly have."""

import polars as pl
import pytest

from pipeline.commands.guess import guess_fields
from pipeline.errors import SourceError

N = 20


def fields_of(frame):
    return guess_fields({"train": frame}).fields


def rows(**columns):
    return pl.DataFrame({name: value * N for name, value in columns.items()})


def test_a_list_column_with_letters_is_multiple_choice():
    frame = rows(question=["q1", "q2"], choices=[["x", "y"], ["z", "w"]], answerKey=["A", "B"])
    assert fields_of(frame) == {
        "form": "multiple_choice",
        "question": "question",
        "choices": "choices",
        "label": "answerKey",
        "label_is": "letter",
    }


def test_numbered_columns_with_labels_from_one():
    frame = rows(sentence=["a _ b", "c _ d"], option1=["x", "y"], option2=["z", "w"], answer=[1, 2])
    assert fields_of(frame) == {
        "form": "multiple_choice",
        "context": "sentence",
        "choices": ["option1", "option2"],
        "label": "answer",
        "label_is": "index",
        "label_offset": 1,
    }


def test_choices_inside_a_struct_are_found_by_path():
    choice = {"text": ["x", "y"], "label": ["A", "B"]}
    other = {"text": ["z", "y"], "label": ["A", "B"]}
    frame = rows(question=["q", "r"], choices=[choice, other], answer=["x", "y"])
    fields = fields_of(frame)
    assert (fields["choices"], fields["label_is"]) == ("choices.text", "text")


def test_two_sentences_and_a_label_are_classification():
    frame = rows(sentence1=["a", "b"], sentence2=["c", "d"], label=["no", "yes"])
    assert fields_of(frame) == {
        "form": "classification",
        "context": "sentence1",
        "question": "sentence2",
        "label": "label",
        "classes": ["no", "yes"],
    }


def test_integer_classes_get_names_to_be_edited():
    frame = rows(text=["a", "b"], label=[0, 1])
    assert fields_of(frame)["classes"] == {0: "class 0", 1: "class 1"}


def test_booleans_become_no_and_yes():
    frame = rows(passage=["a", "b"], question=["c", "d"], answer=[True, False])
    assert fields_of(frame)["classes"] == {False: "no", True: "yes"}


def test_answers_with_text_and_a_context_are_spans():
    context = "the boat was tied up at the old pier in the bay"
    answers = {"text": ["old pier"], "start": [28]}
    frame = rows(context=[context], question=["where was it?"], answers=[answers])
    assert fields_of(frame) == {
        "form": "span",
        "context": "context",
        "question": "question",
        "answers": "answers.text",
    }


def test_a_free_answer_is_text_to_text():
    frame = pl.DataFrame(
        {"question": [f"q{i}" for i in range(N)], "answer": [f"a{i}" for i in range(N)]}
    )
    assert fields_of(frame) == {
        "form": "text_to_text",
        "question": "question",
        "target": "answer",
    }


def test_what_cannot_be_guessed_is_said():
    with pytest.raises(
        SourceError, match="no column looks like a label, a target or choices: a, b"
    ):
        fields_of(rows(a=[1.5, 2.5], b=[3.5, 4.5]))
