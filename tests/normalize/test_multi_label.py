import pytest

from pipeline.errors import DataError

FIELDS = {
    "form": "multi_label", "context": "text", "labels": "gold",
    "classes": {"a": "apple", "b": "bee", "c": "cat"},
}  # fmt: skip


def columns(gold):
    return {"text": [f"t{i}" for i in range(len(gold))], "gold": gold}


def test_the_gold_set_is_ascending_and_holds_each_class_once(run):
    made = run(FIELDS, columns([["c", "a", "c"], ["b"]])).examples
    assert made["labels"].to_list() == [[0, 2], [1]]
    assert made["label"].to_list() == [None, None]
    assert made["target"].to_list() == ["apple, cat", "bee"]
    assert made["choices"].to_list() == [["apple", "bee", "cat"]] * 2


def test_a_text_is_cut_by_the_separator(run):
    made = run({**FIELDS, "separator": "#"}, columns(["c#a", "b", "a # b"])).examples
    assert made["labels"].to_list() == [[0, 2], [1], [0, 1]]


@pytest.mark.parametrize("gold", [[[0, 2]], [["0", "2"]]])
def test_numbers_match_however_the_source_types_them(run, gold):
    made = run({**FIELDS, "classes": {0: "x", 1: "y", 2: "z"}}, columns(gold)).examples
    assert made["labels"].to_list() == [[0, 2]]


@pytest.mark.parametrize(("separator", "gold"), [(None, [[], ["a"], None]), ("#", ["", "a", None])])
def test_a_class_may_stand_for_the_empty_set(run, separator, gold):
    fields = {**FIELDS, "none": "nothing", "separator": separator, "option": "of {class}"}
    made = run(fields, columns(gold))
    assert made.rejects.is_empty()
    assert made.examples["choices"][0].to_list() == ["of apple", "of bee", "of cat", "of nothing"]
    assert made.examples["labels"].to_list() == [[3], [0], [3]]
    assert made.examples["target"].to_list() == ["of nothing", "of apple", "of nothing"]


def test_the_class_of_the_empty_set_may_be_among_the_classes(run):
    made = run({**FIELDS, "none": "bee"}, columns([[], ["c"]])).examples
    assert made["choices"][0].to_list() == ["apple", "bee", "cat"]
    assert made["labels"].to_list() == [[1], [2]]


def test_an_empty_or_unknown_set_is_a_reject(run, reasons):
    made = run(FIELDS, columns([["a"], [], None, ["a", "x"], ["b"], [None], ["c"]]))
    assert made.examples["labels"].to_list() == [[0], [1], [2]]
    assert reasons(made) == {
        1: ("label_missing", ""),
        2: ("label_missing", "null"),
        3: ("label_unknown", "a, x"),
        5: ("label_unknown", ""),
    }


def test_a_hidden_split_has_no_gold_sets(run):
    made = run(FIELDS, {"text": ["t"]}, split="test", hidden=("test",)).examples
    assert made["labels"].to_list() == [None]
    assert made["target"].to_list() == [None]


FLAGS = {**FIELDS, "classes": {0: "joy", 1: "fear", 2: "awe"}, "none": "calm"}
SETS = [[0, 2], [1], [3]]


@pytest.mark.parametrize(
    "gold",
    [
        [[1, 0, 1], [0, 1, 0], [0, 0, 0]],
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
        [["1", "0", "1"], ["0", "1.0", "0"], ["0", "0", "0"]],
        [[True, False, True], [False, True, False], [False, False, False]],
    ],
)
def test_flags_are_one_for_each_class(run, gold):
    made = run({**FLAGS, "labels_are": "flags"}, columns(gold)).examples
    assert made["labels"].to_list() == SETS
    assert made["target"].to_list() == ["joy, awe", "fear", "calm"]


def test_flags_may_be_a_text_or_columns_of_their_own(run):
    fields = {**FLAGS, "labels_are": "flags", "separator": " "}
    assert run(fields, columns(["1 0 1", "0 1 0", "0 0 0"])).examples["labels"].to_list() == SETS
    frame = {"text": list("abc"), "x": [1, 0, 0], "y": [0, 1, 0], "z": ["yes", "no", "no"]}
    made = run({**FLAGS, "labels": ["x", "y", "z"]}, frame)
    assert made.examples["labels"].to_list() == SETS


@pytest.mark.parametrize(
    "gold", [[[1, 0, 1], [0, 1, 0]], [["1", "0", "1"], ["1", "1", "1"]], [[1.0, 0.0, 1.0]]]
)
def test_flags_are_never_taken_for_values(run, gold):
    with pytest.raises(DataError) as caught:
        run(FLAGS, columns(gold))
    assert "each of the lists has 3 values of 0 and 1, as many as there are classes" in str(
        caught.value
    )
    assert "  to do: set `labels_are: flags` on the card" in str(caught.value)


def test_flags_of_two_classes_are_never_taken_for_values(run):
    with pytest.raises(DataError, match="2 values of 0 and 1"):
        run({**FIELDS, "classes": {0: "a", 1: "b"}}, columns([[1, 0], [0, 1]]))


def test_what_is_no_flag_is_a_reject(run, reasons):
    made = run({**FLAGS, "labels_are": "flags"}, columns([[1, 0, 2], [1, 0], [0, 1, 0], None]))
    assert made.examples["labels"].to_list() == [[1]]
    assert reasons(made) == {
        0: ("label_unknown", "1, 0, 2"),
        1: ("label_unknown", "1, 0"),
        3: ("label_missing", "null"),
    }
