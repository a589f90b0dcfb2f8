"""Steps that a card asks for, and nothing more."""

import pytest

CHOICES = {"form": "multiple_choice", "context": "t", "choices": "c", "label": "n"}


def context(run, text, *steps):
    fields = {
        "form": "text_to_text",
        "context": "t",
        "target": "n",
        "clean": {"context": list(steps)},
    }
    return run(fields, {"t": [text], "n": ["x"]}).examples["context"][0]


@pytest.mark.parametrize(
    ("steps", "text", "expected"),
    [
        (["tags"], "a <b>big</b> dog<br/>, 3 < 4", "a  big  dog , 3 < 4"),
        (["tags", "spaces"], "a <b>big</b>\n dog", "a big dog"),
        (["entities"], "Tom &amp; Ann&#39;s caf&eacute; & co", "Tom & Ann's caf\u00e9 & co"),
        (["slashes"], r"either\/or \"so\" C:\\x \n", r'either/or "so" C:\x \n'),
        (["letter"], "(b) Ann did. A. Twice", "Ann did. A. Twice"),
        ([{"prefix": "Question:"}], " Question: who? Question: me", "who? Question: me"),
        ([], "<b>&amp;", "<b>&amp;"),
    ],
)
def test_each_step(run, steps, text, expected):
    assert context(run, text, *steps) == expected


def test_choices_and_labels_are_cleaned_too(run):
    fields = {
        **CHOICES,
        "label_is": "letter",
        "clean": {"choices": ["letter"], "label": [{"prefix": "ans:"}]},
    }
    made = run(
        fields, {"t": ["x"], "c": [["A.It is new.", "B) It is 7."]], "n": ["ans: B"]}
    ).examples
    assert made["choices"][0].to_list() == ["It is new.", "It is 7."]
    assert made["label"][0] == 1
    columns = run(
        {**fields, "choices": ["a", "b"]},
        {"t": ["x"], "a": ["(1) one"], "b": ["(2) two"], "n": ["ans:A"]},
    ).examples
    assert columns["choices"][0].to_list() == ["one", "two"]


def test_nulls_that_fill_up_a_list_are_no_choices(run, reasons):
    columns = {
        "t": list("klmn"), "n": [1, 2, 0, 0],
        "c": [["a", "b", None, None], ["a", "b", "c", None], ["a", None, "b", None], ["a", "b", "", "d"]],
    }  # fmt: skip
    made = run(CHOICES, columns)
    assert made.examples["choices"].to_list() == [["a", "b"], ["a", "b", "c"]]
    assert made.examples["target"].to_list() == ["b", "c"]
    assert reasons(made) == {2: ("empty_text", "a |  | b"), 3: ("empty_text", "a | b |  | d")}
