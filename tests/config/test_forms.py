"""What a card's fields may say: templates and options that would lose their column are refused."""

import pytest

from pipeline.config.load import check
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError

CARD = {
    "task": "sums", "family": "toy", "source": {"kind": "files", "folder": "sums"},
    "splits": {"train": "train.jsonl"}, "licence": "MIT",
}  # fmt: skip
CLASSES = {
    "form": "classification",
    "context": "text",
    "label": "y",
    "classes": {0: "neg", 1: "pos"},
}
CHOICES = {"form": "multiple_choice", "context": "text", "label": "y", "choices": ["a", "b"]}


def complaint(fields):
    with pytest.raises(ConfigError) as caught:
        check(TaskCard, {**CARD, "fields": fields}, where="x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("option", "example"),
    [
        ("the mood is {cls}", "the mood is {cls}"),
        ("it is {{class}}", "it is {neg}"),
        ("the mood", "the mood"),
        ("{class} {text}", "neg {text}"),
        ("class", "class"),
        ("", ""),
    ],
)
def test_an_option_holds_its_class_and_nothing_else(option, example):
    assert complaint({**CLASSES, "option": option}) == (
        f"x.yaml: fields: option: '{option}' must hold {{class}} and no other brace; it would give "
        f"'{example}'"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"context": "{{text}}"},
        {"question": "Is {{ text }} so?"},
        {"context": ["title", "{{text}}"]},
    ],
)
def test_doubled_braces_are_no_placeholder(change):
    message = complaint({**CLASSES, **change})
    assert (
        "gives every row the same text: doubled braces stand for braces; write {text} for"
        in message
    )
    assert "{text} for the column 'text'" in complaint({**CHOICES, "choices": ["a", "{{text}}"]})


@pytest.mark.parametrize("text", ["a } b", "{{}}", "is it { so"])
def test_a_template_names_a_column(text):
    assert "names no column; write {column}, or add {} to a constant text" in complaint(
        {**CLASSES, "question": text}
    )


@pytest.mark.parametrize("text", ["text", "{text}", "What?{}", "{a} {{b}}", "a.b[0]"])
def test_columns_paths_templates_and_constants_are_fine(text):
    assert check(TaskCard, {**CARD, "fields": {**CLASSES, "question": text}}, where="x")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({0: "good", 1: "Good"}, "classes: 'good' and 'Good' differ in case or space alone"),
        (["a b", "a  b"], "classes: 'a b' and 'a  b' differ in case or space alone"),
        ({0: "good", 1: " "}, "classes: ' ' is no name of a class"),
    ],
)
def test_options_differ(classes, message):
    assert message in complaint({**CLASSES, "classes": classes})


def test_two_labels_may_be_one_class():
    assert check(
        TaskCard, {**CARD, "fields": {**CLASSES, "classes": {0: "a", 1: "a", 2: "b"}}}, where="x"
    )
