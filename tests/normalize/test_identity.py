"""Examples are recognised by what their columns hold, not by the words of a card's templates."""

import pytest

from pipeline.config.forms.registry import Classification
from pipeline.normalize.identity import bare

FIELDS = {"form": "classification", "label": "n", "classes": {0: "a", 1: "b"}}
COLUMNS = {"p": ["One.", "Two."], "c": ["Three.", None], "n": [0, 1]}


@pytest.mark.parametrize(
    ("context", "question", "expected"),
    [
        ("p", "c", None),
        ("{p}", "{c}", None),
        ("p", None, None),
        ("p", "Does it mean: {c}", (("p",), ("c",))),
        ("Premise: {p} Does it mean: {c}", None, (("p",), ("c",))),
        (None, "If {p}, then {c}, or {d}?", (("p", "c"), ("d",))),
        ("p", "What is it?{}", (("p",)[:0], ("p",))),
        (["p", "Then: {c}"], "d", (("p", "c"), ("d",))),
        ("{{p}} {p} says", "c", (("p",), ("c",))),
        ("p[0].x", "so {c[].y}", (("p[0].x",), ("c[].y",))),
    ],
)
def test_the_columns_of_a_card_without_its_words(context, question, expected):
    context = tuple(context) if isinstance(context, list) else context
    assert bare(Classification(context=context, question=question, **FIELDS)) == expected


def test_the_texts_of_a_split(run):
    made = run({**FIELDS, "context": "p", "question": "Does it mean: {c}"}, COLUMNS)
    assert made.examples["question"].to_list() == ["Does it mean: Three.", "Does it mean:"]
    assert made.identity.rows() == [
        ("toy/train/0", "One.", "Three."), ("toy/train/1", "Two.", ""),
    ]  # fmt: skip
    assert (
        run({**FIELDS, "context": "p", "question": "c"}, {**COLUMNS, "c": ["x", "y"]}).identity
        is None
    )
