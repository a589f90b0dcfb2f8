import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.forms.registry import MultipleChoice
from pipeline.errors import ConfigError, DataError, SourceError
from pipeline.normalize.multiple_choice import draft as draft_rows

LISTED = {"form": "multiple_choice", "question": "q", "choices": "options", "label": "gold"}
COLUMNS = {"form": "multiple_choice", "question": "q", "choices": ["a", "b", "c"], "label": "gold"}


def test_each_row_has_its_own_number_of_choices(run):
    made = run(
        LISTED,
        {"q": [" which? ", "and?"], "options": [["x ", "y"], ["p", "q", "r"]], "gold": [1, 0]},
    ).examples
    assert made["question"].to_list() == ["which?", "and?"]
    assert made["context"].to_list() == ["", ""]
    assert made["choices"].to_list() == [["x", "y"], ["p", "q", "r"]]
    assert made["label"].to_list() == [1, 0]
    assert made["target"].to_list() == ["y", "p"]


@pytest.mark.parametrize(
    ("how", "gold"),
    [
        ({}, [0, 2, 1]),
        ({}, [0.0, 2.0, 1.0]),
        ({"label_is": "index"}, ["0", " 2", "1"]),
        ({"label_offset": 1}, [1, 3, 2]),
        ({"label_is": "index", "label_offset": 1}, ["1", "3", "2"]),
        ({"label_is": "letter"}, ["A", "c", " B "]),
        ({"label_is": "letter"}, ["1", "3", "2"]),
        ({"label_is": "letter"}, [1, 3, 2]),
        ({"label_is": "text"}, ["x0", "z1 ", "y2"]),
        ({"label_is": "flags"}, [["True", "False", "False"], ["0", "0", "1"], ["no", "yes", "no"]]),
        ({"label_is": "flags"}, [[True, False, False], [False, False, True], [False, True, False]]),
        (
            {"label_is": "flags"},
            [["yes", None, None], [None, None, "yes"], [None, "yes", "not yes"]],
        ),
    ],
)
def test_a_label_may_be_written_in_many_ways(run, how, gold):
    options = [["x0", "y0", "z0"], ["x1", "y1", "z1"], ["x2", "y2", "z2"]]
    made = run({**LISTED, **how}, {"q": ["a", "b", "c"], "options": options, "gold": gold})
    assert made.rejects.is_empty()
    assert made.examples["label"].to_list() == [0, 2, 1]
    assert made.examples["target"].to_list() == ["x0", "z1", "y2"]


def test_letters_may_belong_to_the_choices(run):
    fields = {**LISTED, "label_is": "letter", "choices": "c[].text", "choice_labels": "c[].label"}
    rows = [
        [{"text": "p", "label": "1"}, {"text": "q", "label": "2"}],
        [{"text": "r", "label": "A"}, {"text": "s", "label": "C"}],
    ]
    made = run(fields, {"q": ["a", "b"], "c": rows, "gold": ["2", "C"]}).examples
    assert made["label"].to_list() == [1, 1]


def test_empty_columns_are_left_out_and_the_label_counts_the_others(run):
    made = run(
        {**COLUMNS, "label_offset": 0},
        {"q": ["1", "2", "3"], "a": ["x", "", None], "b": ["y", "p", "u"], "c": ["z", "q", " v"],
         "gold": [1, 2, 1]},
    ).examples  # fmt: skip
    assert made["choices"].to_list() == [["x", "y", "z"], ["p", "q"], ["u", "v"]]
    assert made["label"].to_list() == [1, 1, 0]
    assert made["target"].to_list() == ["y", "q", "u"]


def test_a_label_on_an_empty_column_is_out_of_range(run, reasons):
    made = run(
        COLUMNS,
        {
            "q": list("1234"),
            "a": ["x"] * 4,
            "b": ["", "y", "y", "y"],
            "c": ["z"] * 4,
            "gold": [1, 1, -1, 2],
        },
    )
    assert reasons(made) == {0: ("label_out_of_range", "1"), 2: ("label_out_of_range", "-1")}


def test_one_text_is_cut_into_choices(run):
    fields = {**LISTED, "choices": {"field": "all", "pattern": r"\([A-Z]\) "}, "label_is": "letter"}
    made = run(fields, {"q": ["a", "b"], "all": ["(A) p (B) q r", "(A) s (B) t (C) u"],
                        "gold": ["B", "C"]}).examples  # fmt: skip
    assert made["choices"].to_list() == [["p", "q r"], ["s", "t", "u"]]
    assert made["target"].to_list() == ["q r", "u"]


def test_a_pattern_that_is_no_regular_expression_is_a_mistake_in_the_card(run):
    fields = {**LISTED, "choices": {"field": "all", "pattern": "("}}
    with pytest.raises(ConfigError, match=r"toy/train: fields.choices: pattern '\(' is no regular"):
        run(fields, {"q": ["a"], "all": ["x"], "gold": [0]})


def test_every_fault_has_its_reason_and_shows_its_value(run, reasons):
    good = ["x", "y"]
    rows = [
        ("q", good, 0),
        (None, good, 0),
        (" ", good, 0),
        ("q", ["x", " "], 0),
        ("q", ["x", None], 0),
        ("q", ["x"], 0),
        ("q", [], 0),
        ("q", ["x", " x"], 0),
        ("q", None, 0),
        ("q", good, None),
        ("q", good, 2),
        ("q", good, -1),
        ("a\x00b", good, 0),
    ]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("q", "options", "gold"))}
    made = run(LISTED, columns)
    assert made.examples["example_id"].to_list() == ["toy/train/0"]
    assert reasons(made) == {
        1: ("missing_field", "question"),
        2: ("empty_text", "context, question"),
        3: ("empty_text", "x | "),
        4: ("too_few_choices", "x"),
        5: ("too_few_choices", "x"),
        6: ("too_few_choices", ""),
        7: ("duplicate_choices", "x | x"),
        8: ("missing_field", "choices"),
        9: ("label_missing", "null"),
        10: ("label_out_of_range", "2"),
        11: ("label_out_of_range", "-1"),
        12: ("bad_encoding", "a\x00b\nx | y\nx"),
    }


@pytest.mark.parametrize(
    ("how", "gold", "reason"),
    [
        ({"label_is": "letter"}, "?", "label_unknown"),
        ({"label_is": "letter"}, "C", "label_out_of_range"),
        ({"label_is": "letter"}, "", "label_missing"),
        ({"label_is": "text"}, "other", "label_unknown"),
        ({"label_is": "index"}, "one", "label_unknown"),
        ({"label_is": "index"}, 0.5, "label_unknown"),
        ({"label_is": "flags"}, ["no", "no"], "label_unknown"),
        ({"label_is": "flags"}, ["yes", "yes"], "label_unknown"),
        ({"label_is": "flags"}, None, "label_missing"),
    ],
)
def test_a_label_that_points_nowhere_is_a_reject(run, how, gold, reason):
    right = {"letter": "A", "text": "x", "index": "0", "flags": ["yes", "no"]}[how["label_is"]]
    right = 0.0 if isinstance(gold, float) else right
    made = run({**LISTED, **how}, {"q": list("abc"), "options": [["x", "y"]] * 3,
                                   "gold": [right, gold, right]})  # fmt: skip
    assert made.rejects["row"].to_list() == [1]
    assert made.rejects["reason"].to_list() == [reason]
    assert made.examples["label"].to_list() == [0, 0]


def test_a_hidden_value_keeps_the_row_without_a_label(run):
    made = run({**LISTED, "hidden_label": -1}, {"q": ["a", "b"], "options": [["x", "y"]] * 2,
                                                "gold": [-1, 1]})  # fmt: skip
    assert made.rejects.is_empty()
    assert made.examples["label"].to_list() == [None, 1]
    assert made.examples["target"].to_list() == [None, "y"]


@pytest.mark.parametrize("fields", [LISTED, COLUMNS, {**LISTED, "label_is": "letter"}])
def test_a_hidden_split_needs_no_label_column(run, fields):
    columns = {"q": ["a"], "options": [["x", "y"]], "a": ["x"], "b": [None], "c": ["z"]}
    made = run(fields, columns, split="test", hidden=("test",)).examples
    assert made["label"].to_list() == [None]
    assert made["target"].to_list() == [None]
    assert made["choices"].list.len().to_list() == [2]


def test_a_card_may_ask_by_its_choices_alone(run):
    fields = {key: value for key, value in LISTED.items() if key != "question"}
    made = run(fields, {"options": [["x", "y"]], "gold": [0]})
    assert made.examples.height == 1


def test_labels_in_text_need_to_be_told_what_they_are(run):
    with pytest.raises(ConfigError) as caught:
        run(LISTED, {"q": ["a"], "options": [["x", "y"]], "gold": ["A"]})
    assert str(caught.value) == (
        "toy/train: fields.label: 'gold' is String, which needs 'label_is'\n"
        "  expected: label_is: index, letter, text or flags"
    )


def test_a_missing_column_is_named_with_those_that_there_are(run):
    with pytest.raises(SourceError) as caught:
        run(LISTED, {"q": ["a"], "option": [["x", "y"]], "gold": [0]})
    assert str(caught.value) == (
        "toy/train: fields.choices: no column named 'options'\n"
        "  expected: one of: q, option, gold\n  to do: did you mean 'option'?"
    )


def test_a_list_is_no_label(run):
    with pytest.raises(SourceError, match=r"fields.label: 'gold' holds lists"):
        run(LISTED, {"q": ["a"], "options": [["x", "y"]], "gold": [[0]]})


@pytest.mark.parametrize(
    ("gold", "offset", "right", "end"),
    [
        ([2, 1, 2, 2], 0, 1, "label 0"),
        ([1, 1, 2, 1], 0, 1, "label 0"),
        ([1, 0, 0, 1], 1, 0, "label of the last choice"),
        ([2.0, 1.0, 1.0, 1.0], 0, 1, "label 0"),
    ],
)
def test_a_wrong_offset_is_found_in_few_rows(run, gold, offset, right, end):
    columns = {"q": list("abcd"), "options": [["x", "y"]] * 4, "gold": gold}
    fields = {**LISTED, "label_offset": offset}
    with pytest.raises(DataError) as caught:
        run(fields, columns)
    assert f"records, and {end} never occurs" in str(caught.value).replace("rows", "records")
    assert f"  to do: set `label_offset: {right}` on the card, or `hidden_label`" in str(
        caught.value
    )
    assert run({**fields, "label_offset": right}, columns).rejects.is_empty()


def test_labels_one_too_high_in_rows_of_different_lengths_are_found(run):
    columns = {
        "q": list("abc"), "options": [["x", "y"], ["x", "y", "z"], ["x", "y", "z"]], "gold": [2, 3, 1],
    }  # fmt: skip
    with pytest.raises(DataError, match="set `label_offset: 1` on the card"):
        run(LISTED, columns)


def test_one_label_too_high_beside_all_others_is_a_reject(run):
    columns = {"q": list("abcd"), "options": [["x", "y"]] * 4, "gold": [0, 1, 2, 0]}
    assert run(LISTED, columns).rejects["reason"].to_list() == ["label_out_of_range"]


def test_a_frame_without_rows_gives_a_draft_without_rows():
    frame = pl.DataFrame(
        schema={
            "__row__": pl.Int64,
            "q": pl.String,
            "a": pl.String,
            "b": pl.String,
            "gold": pl.Int64,
        }
    )
    fields = MultipleChoice.model_validate({**COLUMNS, "choices": ["a", "b"]})
    assert draft_rows(frame, fields, hidden=False, where="toy/train").height == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(["x", "y", "z", "", None]), min_size=3, max_size=3),
                  st.integers(-1, 3)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_separate_columns_agree_with_plain_python(rows):
    frame = pl.DataFrame(
        {"__row__": range(len(rows)), "q": ["?"] * len(rows), "gold": [gold for _, gold in rows]}
        | {
            name: pl.Series([c[i] for c, _ in rows], dtype=pl.String)
            for i, name in enumerate("abc")
        }
    )
    fields = MultipleChoice.model_validate(COLUMNS)
    draft = draft_rows(frame, fields, hidden=False, where="toy/train")
    for (texts, gold), made in zip(rows, draft.iter_rows(named=True), strict=True):
        kept = [text for text in texts if text]
        assert made["choices"] == kept
        is_right = 0 <= gold < 3 and bool(texts[gold])
        assert made["target"] == (texts[gold] if is_right else None)
        if is_right:
            assert kept[made["label"]] == texts[gold]
        is_sound = is_right and len(kept) >= 2 and len(set(kept)) == len(kept)
        assert (made["reason"] is None) == is_sound
