import pytest

from pipeline.errors import ConfigError, DataError

ANSWERS = {"form": "span", "context": "c", "question": "q", "answers": "a"}
OFFSETS = {"form": "span", "context": "c", "question": "q", "start": "s", "end": "e"}


@pytest.mark.parametrize("answers", [[["bc", "zz"], [], [None], [""]], ["bc", "", "", " "]])
def test_the_first_answer_is_the_target_and_none_is_unanswerable(run, answers):
    made = run(ANSWERS, {"c": ["abcd"] * 4, "q": list("klmn"), "a": answers}).examples
    assert made["target"].to_list() == ["bc", "unanswerable", "unanswerable", "unanswerable"]
    assert made["choices"].to_list() == [[]] * 4
    assert made["label"].to_list() == [None] * 4


@pytest.mark.parametrize(
    "answers",
    [["bc", None, ""], [["bc"], None, []], [{"text": ["bc"]}, None, {"text": []}]],
)
def test_a_missing_answer_is_not_unanswerable_unless_the_card_says_so(run, reasons, answers):
    fields = ANSWERS if not isinstance(answers[0], dict) else {**ANSWERS, "answers": "a.text"}
    columns = {"c": ["abcd"] * 3, "q": list("klm"), "a": answers}
    made = run(fields, columns)
    assert made.examples["target"].to_list() == ["bc", "unanswerable"]
    assert reasons(made) == {1: ("missing_field", "target")}
    made = run({**fields, "null_is_unanswerable": True}, columns).examples
    assert made["target"].to_list() == ["bc", "unanswerable", "unanswerable"]


def test_offsets_count_characters_of_the_context_as_the_source_has_it(run):
    made = run(
        {**OFFSETS, "unanswerable": "none"},
        {
            "c": ["  é ab cd ", "abc", "abc"],
            "q": list("klm"),
            "s": [4, None, None],
            "e": [6, 2, None],
        },
    ).examples
    assert made["context"].to_list() == ["é ab cd", "abc", "abc"]
    assert made["target"].to_list() == ["ab", "ab", "none"]


def test_a_stretch_outside_of_the_context_is_a_reject(run, reasons):
    made = run(
        OFFSETS,
        {
            "c": ["abc"] * 8,
            "q": list("klmnopqr"),
            "s": [0, 0, 2, 2, -1, 1, 1, 1],
            "e": [3, 4, 2, 1, 2, 2, 2, 2],
        },
    )
    assert made.examples["target"].to_list() == ["abc", "b", "b", "b"]
    assert reasons(made) == {
        1: ("answer_not_in_context", "0..4"),
        2: ("answer_not_in_context", "2..2"),
        3: ("answer_not_in_context", "2..1"),
        4: ("answer_not_in_context", "-1..2"),
    }


def test_an_answer_that_the_context_lacks_is_a_reject(run, reasons):
    made = run(ANSWERS, {"c": ["abc", "abc"], "q": ["?", "?"], "a": [["x."], ["c"]]})
    assert reasons(made) == {0: ("answer_not_in_context", "x.")}
    assert made.examples["target"].to_list() == ["c"]


def test_offsets_into_another_text_are_a_mistake_in_the_card(run):
    with pytest.raises(DataError, match="toy/train: fields.end: 2 of 2 records are rejects"):
        run(OFFSETS, {"c": ["ab", "cd"], "q": ["?", "?"], "s": [7, 8], "e": [9, 9]})


def test_a_hidden_split_needs_no_answers(run):
    made = run(ANSWERS, {"c": ["abc"], "q": ["?"]}, split="test", hidden=("test",)).examples
    assert made["target"].to_list() == [None]


def test_a_card_must_say_how_answers_are_found(run):
    with pytest.raises(ConfigError, match="expected: fields.answers, or fields.end"):
        run({"form": "span", "context": "c"}, {"c": ["abc"]})
