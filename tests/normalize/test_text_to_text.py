FIELDS = {"form": "text_to_text", "context": "story", "question": "q", "target": "answer"}


def test_the_target_is_free_text_and_there_are_no_choices(run):
    made = run(FIELDS, {"story": ["s "], "q": ["q"], "answer": ["a\r\nb "]}).examples
    assert made.select("context", "question", "target").row(0) == ("s", "q", "a\r\nb")
    assert made["choices"].to_list() == [[]]
    assert made["label"].to_list() == [None]
    assert made["labels"].to_list() == [None]


def test_a_target_may_be_composed(run):
    fields = {**FIELDS, "target": ("answer", "{n} apples")}
    made = run(fields, {"story": ["s"], "q": ["q"], "answer": ["so"], "n": [3]}).examples
    assert made["target"].to_list() == ["so 3 apples"]


def test_every_fault_has_its_reason(run, reasons):
    made = run(
        FIELDS,
        {"story": ["s", "s", None, "", "s", "s"], "q": ["q", "q", "q", "", "", "q"],
         "answer": [None, " ", "a", "a", "a", "a"]},
    )  # fmt: skip
    assert [name[-1] for name in made.examples["example_id"]] == ["4", "5"]
    assert reasons(made) == {
        0: ("missing_field", "target"),
        1: ("empty_text", "target"),
        2: ("missing_field", "context"),
        3: ("empty_text", "context, question"),
    }


def test_a_hidden_split_needs_no_target_column(run):
    made = run(FIELDS, {"story": ["s"], "q": ["q"]}, split="test", hidden=("test",)).examples
    assert made["target"].to_list() == [None]
