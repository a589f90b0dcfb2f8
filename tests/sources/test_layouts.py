"""Layouts of files that a card can say, each from a small folder to its records."""

import json

import pytest

from pipeline.config.load import check
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError, SourceError
from pipeline.sources.dispatch import read_split, source_files, with_class_names

FIELDS = {"form": "classification", "context": "text", "label": "label", "classes": ["a", "b"]}


def card(splits, fields=FIELDS, **source):
    value = {
        "task": "pets", "family": "toy", "licence": "none", "fields": fields, "splits": splits,
        "source": {"kind": "files", "folder": "pets", **source},
    }  # fmt: skip
    return check(TaskCard, value, where="pets.yaml")


@pytest.fixture
def write(tmp_path):
    """Write files below data/pets."""

    def go(**files):
        for name, text in files.items():
            path = tmp_path / "pets" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if isinstance(text, str) else json.dumps(text))
        return tmp_path

    return go


def rows(task, data_dir, split="train"):
    records = read_split(task, split, data_dir=data_dir, revision=None, seed=0)
    assert records.rejects.is_empty()
    return records.frame.drop("__row__").to_dicts()


def test_records_of_several_lines(write):
    lines = "".join(
        f"\n{letter}\nText {i}.\nA.yes {i}\nB.no {i}\n" for i, letter in enumerate("ab")
    )
    task = card({"train": "t.txt"}, block=True, columns=["_", "label", "text", "one", "two"])
    assert rows(task, write(t_dot_txt=lines)) == [
        {"label": "a", "text": "Text 0.", "one": "A.yes 0", "two": "B.no 0"},
        {"label": "b", "text": "Text 1.", "one": "A.yes 1", "two": "B.no 1"},
    ]


def test_a_block_that_is_cut_off_is_a_reject_and_a_missing_last_blank_line_is_none(write):
    task = card({"train": "t.txt"}, block=True, columns=["label", "text", "_"])
    folder = write(t_dot_txt="a\nx\n\nb\ny")
    assert len(rows(task, folder)) == 2
    write(t_dot_txt="a\nx\n\nb\ny\n\na\n")
    records = read_split(task, "train", data_dir=folder, revision=None, seed=0)
    assert records.rejects.rows() == [(2, "wrong_fields", "1 lines instead of 3 at the end")]


KEYED = {"q7": {"text": "x", "label": "a"}, "q9": {"text": "y", "label": "b"}}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (KEYED, "{}"),
        ({"data": KEYED, "version": 1}, "data{}"),
        ({"data": {"q7": ["x", "a"], "q9": ["y", "b"]}}, "data{}"),
    ],
)
def test_an_object_keyed_by_id(write, value, path):
    made = rows(card({"train": "t.json"}, records=path), write(t_dot_json=value))
    assert [row["@key"] for row in made] == ["q7", "q9"]
    assert [row.get("text", row.get("0")) for row in made] == ["x", "y"]


def test_lists_inside_of_objects_keyed_by_id(write):
    value = {"d1": {"text": "T", "qs": [{"q": 1}, {"q": 2}]}, "d2": {"text": "U", "qs": [{"q": 3}]}}
    made = rows(card({"train": "t.json"}, records="{}.qs[]"), write(t_dot_json=value))
    assert [(row["q"], row["text"], row["@key"]) for row in made] == [
        (1, "T", "d1"), (2, "T", "d1"), (3, "U", "d2"),
    ]  # fmt: skip


def test_an_object_that_no_path_opens_says_how(write):
    with pytest.raises(SourceError) as error:
        rows(card({"train": "t.json"}), write(t_dot_json=KEYED))
    assert error.value.remedy == 'name the records with `records: "{}"` on the card'


def test_splits_that_are_keys_of_one_file(write):
    value = {"train": [["x", "a"], ["y", "b"]], "test": [["z", "a"]]}
    task = card(
        {"train": "t.json", "test": "t.json"}, records={"train": "train[]", "test": "test[]"}
    )
    folder = write(t_dot_json=value)
    assert [row["0"] for row in rows(task, folder)] == ["x", "y"]
    assert [row["0"] for row in rows(task, folder, "test")] == ["z"]
    assert list(source_files(task, data_dir=folder)) == ["pets/t.json"]


TABLE = "text,label,set\nx,a,train\ny,b,dev\nz,a,train\nw,b,test\n"
SPLITS = dict.fromkeys(("train", "validation", "test"), "t.csv")


def test_a_column_tells_the_split(write):
    values = {"train": "train", "validation": ["dev", "valid"], "test": "test"}
    task = card(SPLITS, split_by={"column": "set", "values": values})
    folder = write(t_dot_csv=TABLE)
    found = {split: [row["text"] for row in rows(task, folder, split)] for split in SPLITS}
    assert found == {"train": ["x", "z"], "validation": ["y"], "test": ["w"]}


def test_a_value_that_no_split_names_is_an_error_unless_the_card_says_what_it_is(write):
    rule = {"column": "set", "values": {"train": "train", "test": "test"}}
    splits = {"train": "t.csv", "test": "t.csv"}
    folder = write(t_dot_csv=TABLE)
    with pytest.raises(SourceError) as error:
        rows(card(splits, split_by=rule), folder)
    assert "1 records belong to no split: 'dev' (1 rows)" in error.value.what
    assert [r["text"] for r in rows(card(splits, split_by={**rule, "rest": "unused"}), folder)] == [
        "x", "z",
    ]  # fmt: skip
    task = card(SPLITS, split_by={**rule, "rest": "validation"})
    assert [row["text"] for row in rows(task, folder, "validation")] == ["y"]


def test_lists_of_ids_tell_the_split(write):
    lines = "".join(json.dumps({"id": i, "text": f"t{i}", "label": "a"}) + "\n" for i in range(4))
    folder = write(t_dot_jsonl=lines, a_dot_ids="0\n3\n", b_dot_ids="1\n2\n")
    task = card(
        {"train": "t.jsonl", "test": "t.jsonl"},
        split_by={"column": "id", "ids": {"train": "a.ids", "test": "b.ids"}},
    )
    assert [row["id"] for row in rows(task, folder)] == [0, 3]
    assert [row["id"] for row in rows(task, folder, "test")] == [1, 2]
    assert list(source_files(task, data_dir=folder)) == ["pets/a.ids", "pets/b.ids", "pets/t.jsonl"]
    write(b_dot_ids="1\n2\n3\n")
    with pytest.raises(SourceError, match="the id '3' is listed for both train and test"):
        rows(task, folder)


SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def shared(write, count, extra=(), **rule):
    lines = "".join(
        json.dumps({"text": f"text {i}", "page": i // 5, "label": "a"}) + "\n"
        for i in [*range(count), *extra]
    )
    task = card(dict.fromkeys(SHARES, "t.jsonl"), split_by={"shares": SHARES, **rule})
    folder = write(t_dot_jsonl=lines)
    return {split: rows(task, folder, split) for split in SHARES}


def test_shares_by_content_cover_all_records_once(write):
    found = shared(write, 2000)
    texts = {split: {row["text"] for row in made} for split, made in found.items()}
    assert sum(map(len, texts.values())) == 2000
    assert len(texts["train"] | texts["validation"] | texts["test"]) == 2000
    assert {split: round(len(made) / 2000, 1) for split, made in texts.items()} == SHARES


def test_a_record_that_is_added_moves_no_other_and_an_equal_one_joins_its_like(write):
    before = {row["text"]: split for split, made in shared(write, 300).items() for row in made}
    after = shared(write, 320, extra=(7, 11))
    for split, made in after.items():
        assert all(before.get(row["text"], split) == split for row in made)


def test_records_of_one_group_are_on_one_side(write):
    sides = {}
    for split, made in shared(write, 500, group="page").items():
        for row in made:
            assert sides.setdefault(row["page"], split) == split
    assert set(sides.values()) == set(SHARES)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "give one of values, ids and shares, not none"),
        ({"column": "x", "values": {"train": "a"}, "shares": {"train": 1.0}}, "give one of values"),
        ({"values": {"train": "a"}}, "'column' goes with 'values' and 'ids'"),
        ({"shares": {"train": 0.5, "test": 0.4}}, "the shares sum to 0.9, not to 1"),
        ({"shares": {"train": 0.5, "validation": 0.5}}, "splits: lacks 'validation'"),
        ({"shares": {"train": 1.0}}, "splits: 'test' is not among what the source tells apart"),
    ],
)
def test_a_rule_that_fits_no_card_is_refused(rule, message):
    with pytest.raises(ConfigError) as error:
        card({"train": "t.csv", "test": "t.csv"}, split_by=rule)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "train", ["*.jsonl", "te*.jsonl", ["a.jsonl", "test.jsonl"], "alias.jsonl"]
)
def test_one_file_in_two_splits_is_refused_whatever_it_is_called(write, tmp_path, train):
    folder = write(a_dot_jsonl="{}", test_dot_jsonl="{}")
    (tmp_path / "pets" / "alias.jsonl").symlink_to(tmp_path / "pets" / "test.jsonl")
    with pytest.raises(SourceError) as error:
        source_files(card({"train": train, "test": "test.jsonl"}), data_dir=folder)
    assert "is read by both train and test" in error.value.what
    assert error.value.remedy.startswith("narrow the glob, or name the files as a list")


def test_a_column_from_the_path(write):
    folder = write(
        boats__train_text_dot_txt="b0\nb1\n", boats__train_labels_dot_txt="0\n1\n",
        trees__train_text_dot_txt="t0\n", trees__train_labels_dot_txt="1\n",
    )  # fmt: skip
    task = card(
        {"train": {"text": "*/train_text.txt", "label": "*/train_labels.txt"}},
        from_path="(?P<topic>[^/]+)/",
    )
    assert rows(task, folder) == [
        {"text": "b0", "topic": "boats", "label": "0"},
        {"text": "b1", "topic": "boats", "label": "1"},
        {"text": "t0", "topic": "trees", "label": "1"},
    ]
    one = card({"train": "*/train_text.txt"}, from_path="(?P<topic>[^/]+)/")
    assert [row["topic"] for row in rows(one, folder)] == ["boats", "boats", "trees"]


def test_a_path_that_does_not_match_is_named(write):
    folder = write(a_dot_jsonl='{"text": "x"}\n')
    with pytest.raises(SourceError, match="the path 'a.jsonl' does not match from_path"):
        rows(card({"train": "a.jsonl"}, from_path="(?P<topic>[^/]+)/"), folder)
    for pattern, message in [("(", "is no regular expression"), ("a", "has no named group")]:
        with pytest.raises(ConfigError, match=message):
            card({"train": "a.jsonl"}, from_path=pattern)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("sad\nglad\n", {0: "sad", 1: "glad", "sad": "sad", "glad": "glad"}),
        ("0\tsad\textra\n1\tglad\n", {"0": "sad", "1": "glad"}),
        ('["sad", "glad"]', {0: "sad", 1: "glad", "sad": "sad", "glad": "glad"}),
        ('{"0": "sad", "1": "glad"}', {"0": "sad", "1": "glad"}),
        ('{"glad": 1, "sad": 0}', {0: "sad", 1: "glad"}),
    ],
)
def test_classes_from_a_file(write, text, classes):
    name = "names.json" if text[0] in "[{" else "names.txt"
    folder = write(**{name.replace(".", "_dot_"): text, "t_dot_csv": "text,label\nx,1\n"})
    fields = {**FIELDS, "classes_file": name}
    del fields["classes"]
    task = card({"train": "t.csv"}, fields)
    assert with_class_names(task, data_dir=folder).fields.classes == classes
    assert with_class_names(task, data_dir=folder).fields.class_names == ("sad", "glad")
    assert f"pets/{name}" in source_files(task, data_dir=folder)


def test_the_cards_classes_are_compared_with_the_files(write):
    folder = write(names_dot_txt="sad\nvery_glad\n")
    fields = {**FIELDS, "classes_file": "names.txt"}
    right = card({"train": "t.csv"}, {**fields, "classes": {0: "sad", 1: "very glad"}})
    assert with_class_names(right, data_dir=folder).fields.class_names == ("sad", "very glad")
    swapped = card({"train": "t.csv"}, {**fields, "classes": {0: "very glad", 1: "sad"}})
    with pytest.raises(
        ConfigError, match="classes: '0' is 'very glad', but names.txt calls it 'sad'"
    ):
        with_class_names(swapped, data_dir=folder)
    more = card({"train": "t.csv"}, {**fields, "classes": {0: "sad", 1: "very glad", 2: "mad"}})
    with pytest.raises(ConfigError, match="classes: '2' is 'mad', but names.txt has no such class"):
        with_class_names(more, data_dir=folder)
