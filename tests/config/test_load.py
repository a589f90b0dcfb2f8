"""YAML errors name file, key and value, and say what would be right."""

from pathlib import Path

import pytest

from pipeline.config.load import check, load, read_yaml, write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError
from tests.trainings import TRAININGS

CARD = {
    "task": "sums",
    "family": "toy",
    "source": {"kind": "files", "folder": "sums"},
    "splits": {"train": "train.jsonl"},
    "fields": {"form": "classification", "context": "text", "label": "y", "classes": ["a", "b"]},
    "licence": "MIT",
}

MIXTURE = {
    "name": "toy",
    "tasks": {"sums": {}, "odds": {}},
    "sampling": {"strategy": "proportional", "epochs": 1},
    "trainings": TRAININGS,
    "tailor": {"target": "sums"},
}


def complaint(model, value):
    with pytest.raises(ConfigError) as caught:
        check(model, value, where="x.yaml")
    return str(caught.value)


def test_a_good_card_loads_and_is_frozen():
    card = check(TaskCard, CARD, where="x.yaml")
    assert card.fields.form == "classification"
    with pytest.raises(ValueError, match="frozen"):
        card.task = "other"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"famly": "x"}, "x.yaml: famly: unknown key, did you mean 'family'?"),
        (
            {"fields": CARD["fields"] | {"lable": "y"}},
            "x.yaml: fields.lable: unknown key, did you mean 'label'?",
        ),
        (
            {"source": {"kind": "files", "folder": "s", "encodin": "x"}},
            "x.yaml: source.encodin: unknown key, did you mean 'encoding'?",
        ),
        ({"zzz": 1}, "x.yaml: zzz: unknown key"),
        ({"splits": {"validation": "v"}}, "x.yaml: splits: 'train' is required"),
        (
            {"splits": {"train": "a", "test": "a"}},
            "x.yaml: splits: 'train' and 'test' both read 'a'; leave one out rather than report on "
            "what was trained or tuned on, or say with source.split_by which records are whose",
        ),
        ({"hidden": ["test"]}, "x.yaml: hidden: test is not among the splits"),
        (
            {"task": "Sums"},
            "x.yaml: task: string should match pattern '^[a-z][a-z0-9_]*$', not 'Sums'",
        ),
        (
            {"splits": {"train": "a", "dev": "b"}},
            "x.yaml: splits.dev: input should be 'train', 'validation' or 'test', not 'dev'",
        ),
    ],
)
def test_a_broken_card_is_worded(change, message):
    assert complaint(TaskCard, CARD | change) == message


def test_all_offending_keys_are_named_at_once():
    value = {k: v for k, v in CARD.items() if k != "licence"} | {"famly": "x", "note": 3}
    message = complaint(TaskCard, value)
    assert "licence: is required" in message
    assert "famly: unknown key" in message
    assert "note: input should be a valid string, not 3" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tailor": {"target": "none"}}, "tailor.target: 'none' is not among the tasks"),
        (
            {"sampling": {"strategy": "weights", "rows": 10}},
            "tasks.odds: strategy 'weights' needs a weight for every task",
        ),
        (
            {"sampling": {"strategy": "counts"}},
            "tasks.odds: strategy 'counts' needs a count for every task",
        ),
        (
            {"sampling": {"strategy": "equal"}},
            "sampling: give exactly one of 'rows' and 'epochs'",
        ),
        (
            {"sampling": {"strategy": "temperature", "rows": 5}},
            "sampling: strategy 'temperature' needs 'temperature'",
        ),
        (
            {"sampling": {"strategy": "counts", "rows": 5}},
            "sampling: 'rows' does not go with strategy 'counts', which fixes the rows",
        ),
        (
            {"sampling": {"strategy": "equal", "rows": 5, "cap": 3}},
            "sampling: 'cap' goes with strategy 'proportional' or 'temperature'",
        ),
        (
            {"tasks": {"sums": {"weight": float("nan")}}},
            "tasks.sums.weight: input should be a finite number, not nan",
        ),
        (
            {"tasks": {"sums": {"weight": -1}}},
            "tasks.sums.weight: input should be greater than 0, not -1",
        ),
        (
            {"tasks": {"sums": {"count": 3}, "odds": {}}},
            "tasks.sums: 'count' goes with strategy 'counts' only",
        ),
        ({"tasks": {}}, "tasks: dictionary should have at least 1 item after validation"),
    ],
)
def test_a_broken_mixture_is_worded(change, message):
    assert message in complaint(MixtureCard, MIXTURE | change)


def test_params_have_ranges():
    message = complaint(Params, {"seed": -1, "data_dir": "d", "train": {"batch": 0}})
    assert "seed: input should be greater than or equal to 0, not -1" in message
    assert "train.batch: input should be greater than 0, not 0" in message


def test_heads_must_divide_the_width():
    value = {"seed": 1, "data_dir": "d", "model": {"width": 10, "heads": 4}}
    assert complaint(Params, value) == "x.yaml: model: heads: 4 does not divide width 10"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml: the file is empty\n  expected: a mapping of keys"),
        ("- a\n", "x.yaml: the file is a list\n  expected: a mapping of keys"),
        ("a: 1\na: 2\n", 'x.yaml, line 2: not YAML: found duplicate key "a" with value'),
        ("a: [1\n", "not YAML"),
        ("a: !!python/object:os.system x\n", "not YAML: could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_mapping_is_worded(tmp_path: Path, text: str, message: str):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert message in str(caught.value)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path):
    (tmp_path / "demo.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match="no file named 'dmo'\n  to do: did you mean 'demo'?"):
        load(MixtureCard, tmp_path / "dmo.yaml")


def test_invalid_utf8_is_worded(tmp_path: Path):
    (tmp_path / "x.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8: invalid start byte at byte 3"):
        read_yaml(tmp_path / "x.yaml")


def test_numbers_and_words_are_read_as_dvc_reads_them(tmp_path: Path):
    (tmp_path / "x.yaml").write_text("rate: 1e-5\nanswer: no\n")
    assert read_yaml(tmp_path / "x.yaml") == {"rate": 1e-5, "answer": "no"}


def test_what_is_written_reads_back_in_its_order(tmp_path: Path):
    value = {"z": 1, "a": {"k": ["x", "y"], "b": "no: yes"}}
    write_yaml(value, tmp_path / "y.yaml", comment="made by a test\ntwo lines")
    assert (tmp_path / "y.yaml").read_text().startswith("# made by a test\n# two lines\nz: 1\n")
    assert read_yaml(tmp_path / "y.yaml") == value
