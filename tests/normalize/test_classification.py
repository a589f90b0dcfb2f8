import pytest

from pipeline.errors import DataError, SourceError

FIELDS = {
    "form": "classification", "context": "premise", "question": "hypothesis", "label": "gold",
    "classes": ["no", "maybe", "yes"],
}  # fmt: skip


def columns(gold):
    return {
        "premise": [f"p{i}" for i in range(len(gold))],
        "hypothesis": [f"h{i} " for i in range(len(gold))],
        "gold": gold,
    }


def test_class_names_are_the_choices_of_every_row_in_the_cards_order(run):
    made = run(FIELDS, columns(["yes", " no", "maybe"])).examples
    assert made["choices"].to_list() == [["no", "maybe", "yes"]] * 3
    assert made["label"].to_list() == [2, 0, 1]
    assert made["target"].to_list() == ["yes", "no", "maybe"]
    assert made["context"].to_list() == ["p0", "p1", "p2"]
    assert made["question"].to_list() == ["h0", "h1", "h2"]


@pytest.mark.parametrize("gold", [[0, 2, 1], ["0", "2", "1"], [0.0, 2.0, 1.0], [" 0", "2 ", "1"]])
def test_numbers_match_however_the_source_types_them(run, gold):
    made = run({**FIELDS, "classes": {0: "no", 1: "maybe", 2: "yes"}}, columns(gold)).examples
    assert made["target"].to_list() == ["no", "yes", "maybe"]


@pytest.mark.parametrize(
    "gold", [[True, False], ["true", "false"], ["True", "False"], ["TRUE", "FALSE"]]
)
def test_truth_values_match_in_any_case(run, gold):
    made = run({**FIELDS, "classes": {False: "no", True: "yes"}}, columns(gold)).examples
    assert made["label"].to_list() == [1, 0]


def test_the_option_carries_the_name(run):
    made = run({**FIELDS, "option": "it is {class} ({class})"}, columns(["no", "yes"])).examples
    assert made["choices"][0].to_list() == [
        "it is no (no)",
        "it is maybe (maybe)",
        "it is yes (yes)",
    ]
    assert made["target"].to_list() == ["it is no (no)", "it is yes (yes)"]


def test_two_values_may_be_one_class(run):
    classes = {-2: "bad", -1: "bad", 1: "good"}
    made = run({**FIELDS, "classes": classes}, columns([-2, -1, 1])).examples
    assert made["choices"][0].to_list() == ["bad", "good"]
    assert made["label"].to_list() == [0, 0, 1]


def test_every_fault_has_its_reason_and_shows_its_value(run, reasons):
    data = columns(["no", None, "", "perhaps", "yes", "yes", "yes", "yes", "yes"])
    data["premise"][4] = None
    data["premise"][5] = data["hypothesis"][5] = "\t"
    data["premise"][6] = ""
    data["hypothesis"][7] = "caf\ufffd"
    made = run(FIELDS, data)
    assert [name.split("/")[-1] for name in made.examples["example_id"]] == ["0", "6", "8"]
    assert reasons(made) == {
        1: ("label_missing", "null"),
        2: ("label_missing", ""),
        3: ("label_unknown", "perhaps"),
        4: ("missing_field", "context"),
        5: ("empty_text", "context, question"),
        7: ("bad_encoding", "p7\ncaf\ufffd\nno | maybe | yes\nyes"),
    }


@pytest.mark.parametrize(("hidden", "gold"), [(-1, [-1, 0]), (-1, ["-1", "0"]), ("", ["", "0"])])
def test_a_hidden_value_keeps_the_row_without_a_label(run, hidden, gold):
    fields = {**FIELDS, "classes": {0: "no", 1: "yes"}, "hidden_label": hidden}
    made = run(fields, columns(gold))
    assert made.rejects.is_empty()
    assert made.examples["label"].to_list() == [None, 0]
    assert made.examples["target"].to_list() == [None, "no"]


def test_a_hidden_split_needs_no_label_column(run):
    data = columns(["x"])
    del data["gold"]
    made = run(FIELDS, data, split="validation", hidden=("validation",)).examples
    assert made["label"].to_list() == [None]
    assert made["choices"].to_list() == [["no", "maybe", "yes"]]


def test_a_split_that_is_not_hidden_needs_its_label_column(run):
    data = columns(["x"])
    del data["gold"]
    with pytest.raises(SourceError, match="toy/train: fields.label: no column named 'gold'"):
        run(FIELDS, data)


def test_classes_that_do_not_fit_are_refused_with_the_values_seen(run):
    with pytest.raises(DataError) as caught:
        run(FIELDS, columns(["0", "1", "2", "0", "no"]), max_rejects=0.5)
    assert str(caught.value) == (
        "toy/train: fields.label: 4 of 5 records are rejects, more than 50 %: "
        "label_unknown '0' (2 rows), '1' (1 row), '2' (1 row)\n"
        "  expected: one of: no, maybe, yes\n"
        "  to do: mend classes, or set hidden_label; or raise `max_rejects` on the card"
    )


@pytest.mark.parametrize("value", ["-", "n/a", "3"])
def test_one_unknown_value_in_several_rows_means_something(run, value):
    with pytest.raises(DataError) as caught:
        run(FIELDS, columns([*["no", "yes"] * 500, value, value]))
    assert str(caught.value) == (
        f"toy/train: fields.label: the label '{value}' of 2 records is none of the expected ones\n"
        "  expected: one of: no, maybe, yes\n"
        "  to do: mend classes, or set hidden_label; if it stands for a withheld label, set "
        f"`hidden_label: {value}`"
    )
    assert run({**FIELDS, "hidden_label": value}, columns(["no", value, value])).rejects.is_empty()


def test_a_split_without_labels_says_how_to_hide_it(run):
    with pytest.raises(DataError) as caught:
        run(FIELDS, columns([None, None]), split="test")
    assert str(caught.value) == (
        "toy/test: fields.label: 2 of 2 records are rejects: label_missing 'null' (2 rows)\n"
        "  expected: a label in each row\n"
        "  to do: name the split under 'hidden' if its labels are withheld, or set hidden_label"
    )
