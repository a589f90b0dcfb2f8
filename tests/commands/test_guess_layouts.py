"""Folders of common layouts become cards that read what a person sees, or say what is not certain."""

import argparse
import json
from types import SimpleNamespace

import pytest

from pipeline.commands.new_task import guess_card, rendered
from pipeline.config.load import check
from pipeline.config.task_card import TaskCard
from pipeline.sources.dispatch import read_split

THINGS = ("kettle", "ladder", "anchor", "pillow", "candle", "bucket")
N = 60


def thing(i):
    return f"{THINGS[i % 6]} {i}"


@pytest.fixture
def guess(tmp_path):
    """Write files below data/t and guess their card."""

    def go(**files):
        for name, text in files.items():
            path = tmp_path / "t" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        options = argparse.Namespace(
            name="t", source=str(tmp_path / "t"), hub=False, config=None, family="x", licence="x"
        )
        made = guess_card(options, data_dir=tmp_path)
        card = check(TaskCard, made.card, where="t")
        heights = {
            split: read_split(card, split, data_dir=tmp_path, revision=None, seed=0).height
            for split in card.splits
        }
        lines = list(rendered(card, made.train, data_dir=tmp_path))
        return SimpleNamespace(**vars(made), lines=lines, heights=heights)

    return go


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(rows, separator="\t"):
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def sure(made):
    assert made.doubts == []
    return made.card["fields"]


def unsure(made, *parts):
    assert all(any(part in doubt for doubt in made.doubts) for part in parts), made.doubts
    return made.card["fields"]


def test_a_stem_inside_of_the_question(guess):
    rows = [
        {"id": f"q{i}", "answerKey": "ABC"[i % 3], "question": {
            "stem": f"What is near the {thing(i)}?",
            "choices": [{"text": f"rope {i}", "label": "A"}, {"text": f"tea {i}", "label": "B"},
                        {"text": f"ice {i}", "label": "C"}]}}
        for i in range(N)
    ]  # fmt: skip
    fields = sure(guess(train_dot_jsonl=jsonl(rows), dev_dot_jsonl=jsonl(rows[:9])))
    assert fields == {
        "form": "multiple_choice", "question": "question.stem", "choices": "question.choices[].text",
        "label": "answerKey", "label_is": "letter", "choice_labels": "question.choices[].label",
    }  # fmt: skip


def test_a_list_called_answers_holds_choices(guess):
    rows = [
        {"context": f"The {thing(i)} stood in the hall.", "question": "Where did it stand?",
         "answers": [f"hall {i}", f"yard {i}", f"roof {i}"], "label": i % 3, "id_string": str(i)}
        for i in range(N)
    ]  # fmt: skip
    fields = sure(guess(train_dot_json=json.dumps(rows)))
    assert (fields["choices"], fields["question"], fields["context"]) == (
        "answers", "question", "context",
    )  # fmt: skip


def test_counted_sentences_are_context_and_the_endings_that_the_label_counts_are_choices(guess):
    rows = [("id", "line1", "line2", "ending1", "ending2", "label")]
    rows += [
        (
            i,
            f"Ann found the {thing(i)}.",
            "She sold it.",
            f"She ate {i}.",
            f"She froze {i}.",
            1 + i % 2,
        )
        for i in range(N)
    ]
    fields = sure(guess(train_dot_csv=table(rows, ",")))
    assert fields["context"] == ["line1", "line2"]
    assert (fields["choices"], fields["label_offset"]) == (["ending1", "ending2"], 1)


def test_files_of_lines_are_paired_by_their_names(guess):
    made = guess(
        train_dot_text_dot_txt=table([(f"play the {thing(i)}",) for i in range(N)]),
        train_dot_labels_dot_txt=table([(("music", "weather")[i % 2],) for i in range(N)]),
    )
    assert made.card["splits"] == {
        "train": {"labels": "train.labels.txt", "text": "train.text.txt"}
    }
    assert sure(made)["classes"] == ["music", "weather"]


def test_a_table_without_header_gets_names(guess):
    made = guess(
        train_dot_tsv=table([(f"the {thing(i)} is nice", ("a", "b")[i % 2]) for i in range(N)])
    )
    assert made.card["source"]["columns"] == ["text", "label"]
    assert made.notes == ["no header: the columns are called text, label"]
    assert made.heights == {"train": N}
    assert sure(made)["classes"] == ["a", "b"]


def test_labels_that_may_be_joined_are_doubted(guess):
    rows = [
        ("text", "label"),
        *((f"the {thing(i)}", ("0,1", "1,2", "2,0")[i % 3]) for i in range(N)),
    ]
    fields = unsure(guess(train_dot_tsv=table(rows)), "is it several labels, or one of the classes")
    assert (fields["form"], fields["separator"]) == ("multi_label", ",")


def test_a_label_before_the_text_of_a_line(guess):
    made = guess(train_dot_txt=table([(f"{i % 3} the {thing(i)} is fine .",) for i in range(N)]))
    assert made.card["source"]["separator"] == " "
    unsure(made, "the classes of 'label' are numbers: give each its name")
    assert "  context: the kettle 0 is fine ." in made.lines


def test_bytes_that_are_no_utf8_get_an_encoding(guess):
    text = table([(f"{i % 2} the caf\u00e9 {thing(i)}",) for i in range(N)])
    made = guess(train_dot_txt=text.encode("cp1252"))
    assert made.card["source"]["encoding"] == "cp1252"
    assert "  context: the caf\u00e9 kettle 0" in made.lines


def test_an_object_keyed_by_id(guess):
    value = {
        str(1000 + i): {"QUESTION": f"Does {thing(i)} help?",
                        "CONTEXTS": [f"We tried {thing(i)}.", "So."],
                        "final_decision": ("yes", "no")[i % 2]}
        for i in range(N)
    }  # fmt: skip
    made = guess(train_dot_json=json.dumps(value))
    assert made.card["source"]["records"] == "{}"
    fields = sure(made)
    assert (fields["context"], fields["label"]) == ("CONTEXTS", "final_decision")
    assert made.left_out == ["@key"]


def test_blocks_of_lines(guess):
    blocks = "".join(
        f"\n{'ab'[i % 2]}\nThe {thing(i)} is old.\nWhat follows?\nA.It is new.\nB.It is {i}.\n"
        for i in range(N)
    )
    made = guess(train_dot_txt=blocks)
    assert made.card["source"]["columns"] == [
        "_", "answer", "text", "question", "option_a", "option_b",
    ]  # fmt: skip
    fields = sure(made)
    assert (fields["choices"], fields["label_is"]) == (["option_a", "option_b"], "letter")


def test_labels_joined_to_one_text(guess):
    rows = [
        ("text", "labels"),
        *((f"the {thing(i)}", ("joy,fear", "joy", "fear")[i % 3]) for i in range(N)),
    ]
    fields = sure(guess(train_dot_tsv=table(rows)))
    assert (fields["form"], fields["separator"], fields["classes"]) == (
        "multi_label", ",", ["fear", "joy"],
    )  # fmt: skip


def test_flags_are_seen_and_their_names_asked_for(guess):
    rows = [{"text": f"the {thing(i)}", "labels": [i % 2, (i + 1) % 2, 1]} for i in range(N)]
    fields = unsure(
        guess(train_dot_jsonl=jsonl(rows)), "has a flag for each of 3 classes: name them"
    )
    assert fields["labels_are"] == "flags"


def test_all_rows_are_read_for_classes(guess):
    rows = [("text", "label"), *((f"set {thing(i)}", f"class{i // 400}") for i in range(1200))]
    made = guess(train_dot_tsv=table(rows), dev_dot_tsv=table([rows[0], ("new", "other")]))
    fields = unsure(made, "validation has classes that train lacks: other")
    assert fields["classes"] == ["class0", "class1", "class2", "other"]


@pytest.mark.parametrize("answer", [{}, {"answer": None}, {"answer": "-"}])
def test_a_test_split_without_labels_is_hidden(guess, answer):
    rows = [{"id": i, "question": f"Is the {thing(i)} alive?", "answer": ("no", "yes")[i % 2]}
            for i in range(N)]  # fmt: skip
    test = [{"id": i, "question": f"Is the other {thing(i)} alive?", **answer} for i in range(9)]
    made = guess(train_dot_jsonl=jsonl(rows), test_dot_jsonl=jsonl(test))
    sure(made)
    assert made.card["hidden"] == ["test"]


def test_both_texts_are_in_the_input(guess):
    rows = [("idx", "question", "sentence", "label")]
    rows += [
        (i, f"Where is {thing(i)}?", f"{thing(i)} is in it.", ("y", "n")[i % 2]) for i in range(N)
    ]
    made = guess(train_dot_tsv=table(rows))
    fields = sure(made)
    assert (fields["context"], fields["question"]) == ("sentence", "question")
    assert made.left_out == ["idx"]


def test_a_dash_is_a_hidden_label(guess):
    labels = ("-", "neutral", "entailment")
    rows = [{"sentence1": f"A man lifts a {thing(i)}.", "sentence2": "A man works.",
             "gold_label": labels[i % 3]} for i in range(N)]  # fmt: skip
    fields = sure(guess(train_dot_jsonl=jsonl(rows)))
    assert (fields["hidden_label"], fields["classes"]) == ("-", ["entailment", "neutral"])
    assert fields["question"] == "sentence2"


def test_names_of_numbered_classes_are_asked_for_or_found(guess):
    rows = [
        ("", "count", "class", "tweet"),
        *((i, 3, i % 3, f"look at {thing(i)}") for i in range(N)),
    ]
    fields = unsure(guess(train_dot_csv=table(rows, ",")), "classes of 'class' are numbers")
    assert fields["classes"] == {0: "class 0", 1: "class 1", 2: "class 2"}
    made = guess(
        train_dot_csv=table(rows, ","), mapping_dot_txt="0\thate\n1\toffence\n2\tneither\n"
    )
    assert sure(made)["classes_file"] == "mapping.txt"
    assert "  choices: hate | offence | neither" in made.lines


def test_lists_of_sentences_are_texts(guess):
    rows = [{"premises": [f"The {thing(i)} is red.", "Red things burn."],
             "conclusion": f"{thing(i)} burns.", "label": ("True", "False")[i % 2]}
            for i in range(N)]  # fmt: skip
    fields = sure(guess(train_dot_jsonl=jsonl(rows)))
    assert (fields["context"], fields["question"]) == ("premises", "conclusion")


def test_a_column_from_the_folder(guess):
    files = {}
    for topic in ("boats", "trees"):
        files[f"{topic}__train_text_dot_txt"] = table([(f"we like {topic} {i}",) for i in range(N)])
        files[f"{topic}__train_labels_dot_txt"] = table([(("a", "b")[i % 2],) for i in range(N)])
    made = guess(**files)
    assert made.card["source"]["from_path"] == "(?P<topic>[^/]+)/"
    unsure(made, "'topic' is left out: is it part of the question?")
    assert made.heights == {"train": 2 * N}


def test_splits_that_are_keys_of_one_file(guess):
    value = {name: [[f"{name} boat {i}", ("go", "stop")[i % 2]] for i in range(N)]
             for name in ("train", "val", "test")}  # fmt: skip
    made = guess(data_dot_json=json.dumps(value))
    assert made.card["source"]["records"] == {
        "train": "train[]", "validation": "val[]", "test": "test[]",
    }  # fmt: skip
    assert sure(made)["classes"] == ["go", "stop"]


def test_one_file_is_split_by_shares(guess):
    rows = [("text", "label"), *((f"{thing(i)} is nice", ("a", "b")[i % 2]) for i in range(300))]
    made = guess(all_dot_csv=table(rows, ","))
    assert sum(made.heights.values()) == 300
    assert set(made.heights) == {"train", "validation", "test"}
    assert made.notes[0].startswith(
        "one file and no splits: 80 % train, 10 % validation, 10 % test"
    )


def test_a_number_may_be_a_target(guess):
    rows = [{"question": f"half of {i}", "answer": i / 2} for i in range(N)]
    assert sure(guess(train_dot_jsonl=jsonl(rows))) == {
        "form": "text_to_text", "question": "question", "target": "answer",
    }  # fmt: skip


def test_tables_are_joined_by_their_id(guess):
    data = [
        ("id", "sent0", "sent1"),
        *((i, f"He ate {thing(i)}", f"He is {thing(i)}") for i in range(N)),
    ]
    made = guess(
        train_dot_data_dot_csv=table(data, ","),
        train_dot_answers_dot_csv=table([(i, i % 2) for i in range(N)], ","),
    )
    assert made.card["source"]["key"] == "id"
    fields = sure(made)
    assert (fields["choices"], fields["label"]) == (["data.sent0", "data.sent1"], "answers.label")


def test_lists_below_lists(guess):
    answers = [{"text": "old hall", "answer_start": 5}]
    value = {"data": [{"title": f"T{i}", "paragraphs": [{
             "context": f"The {thing(i)} is kept in the old hall of the house by the river.",
             "qas": [{"id": f"x{i}", "question": f"Where is {i}?", "answers": answers}],
             }]} for i in range(N)]}  # fmt: skip
    made = guess(train_dot_json=json.dumps(value))
    assert made.card["source"]["records"] == "data[].paragraphs[].qas[]"
    fields = sure(made)
    assert (fields["form"], fields["answers"]) == ("span", "answers[].text")
    assert fields["context"] == "data.paragraphs.context"
