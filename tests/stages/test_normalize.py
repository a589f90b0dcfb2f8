"""One task's records become examples, rejects and an account of both, whole or not at all."""

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.config.resolved import NormalizeSource
from pipeline.config.task_card import TaskCard
from pipeline.contract.files import read_json, sha256
from pipeline.errors import ArtefactError, DataError, SourceError
from pipeline.layout import Layout
from pipeline.schema import EXAMPLE, REJECT
from pipeline.stages import normalize
from pipeline.tables import read_parquet

CARD = {
    "task": "fruit", "family": "toy", "licence": "CC0-1.0", "homepage": "https://example.org",
    "citation": "someone 2020", "hidden": ["test"],
    "source": {"kind": "files", "folder": "fruit"},
    "splits": {"train": "train.jsonl", "test": "test.jsonl"},
    "max_rejects": 0.5,
    "fields": {"form": "classification", "context": "text", "label": "gold",
               "classes": {0: "bad", 1: "good"}, "option": "it is {class}"},
}  # fmt: skip


def prepare(folder: Path, card: dict = CARD, **files: str) -> Layout:
    """Write raw files and the resolved source of a task below `folder`."""
    raw = folder / "raw" / "fruit"
    raw.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (raw / f"{name}.jsonl").write_text(text, encoding="utf-8")
    layout = Layout("toy", root=folder)
    source = NormalizeSource(
        name="toy", seed=0, card=TaskCard.model_validate(card), data_dir=str(folder / "raw"),
        files={"fruit/train.jsonl": "0" * 64}, revision=None, code={"pipeline.errors": "1" * 16},
    )  # fmt: skip
    layout.source("fruit").parent.mkdir(parents=True, exist_ok=True)
    layout.source("fruit").write_text(source.model_dump_json())
    return layout


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


GOOD = lines({"text": "ripe ", "gold": 1}, {"text": "rotten", "gold": 0}, {"text": "x", "gold": 7})
TEST = lines({"text": "unknown"}, {"text": "bell\x07"}, {"text": "more"})


def written(layout: Layout) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(layout.examples("fruit").iterdir())}


def test_each_split_is_written_and_one_that_the_card_lacks_is_empty(tmp_path):
    layout = prepare(tmp_path, train=GOOD, test=TEST)
    normalize.normalize_task(layout, "fruit")
    assert list(written(layout)) == [
        "origin.json", "rejects.parquet", "test.parquet", "train.parquet", "validation.parquet",
    ]  # fmt: skip
    folder = layout.examples("fruit")
    assert read_parquet(folder / "validation.parquet", EXAMPLE).height == 0
    train = read_parquet(folder / "train.parquet", EXAMPLE)
    assert train["example_id"].to_list() == ["fruit/train/0", "fruit/train/1"]
    assert train["target"].to_list() == ["it is good", "it is bad"]
    test = read_parquet(folder / "test.parquet", EXAMPLE)
    assert test["label"].to_list() == [None, None]


def test_rejects_of_all_splits_lie_in_one_table(tmp_path):
    layout = prepare(tmp_path, train=GOOD, test=TEST)
    normalize.normalize_task(layout, "fruit")
    rejects = read_parquet(layout.examples("fruit") / "rejects.parquet", REJECT)
    assert [tuple(map(str, row)) for row in rejects.iter_rows()] == [
        ("train", "2", "label_unknown", "7"),
        ("test", "1", "bad_encoding", "bell\x07\nit is bad | it is good"),
    ]


def test_the_origin_says_where_rows_came_from_and_what_became_of_them(tmp_path):
    layout = prepare(tmp_path, train=GOOD, test=TEST)
    normalize.normalize_task(layout, "fruit")
    assert read_json(layout.examples("fruit") / "origin.json") == {
        "schema_version": 1, "task": "fruit", "family": "toy", "form": "classification",
        "homepage": "https://example.org", "licence": "CC0-1.0", "citation": "someone 2020",
        "revision": None, "files": {"fruit/train.jsonl": "0" * 64},
        "source_sha256": sha256(layout.source("fruit")),
        "splits": {
            "train": {"read": 3, "kept": 2, "rejected": 1, "rejects": {"label_unknown": 1},
                      "labels": {"bad": 1, "good": 1}},
            "test": {"read": 3, "kept": 2, "rejected": 1, "rejects": {"bad_encoding": 1},
                     "labels": {"hidden": 2}},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "record", "labels"),
    [
        ({"form": "multiple_choice", "choices": ["a", "b"], "label": "n"},
         {"a": "x", "b": "y", "n": 1}, {"1": 2}),
        ({"form": "multi_label", "context": "a", "labels": "l", "classes": ["p", "q"], "none": "no"},
         {"a": "x", "l": ["q", "p"]}, {"p": 2, "q": 2}),
        ({"form": "text_to_text", "context": "a", "target": "b"}, {"a": "x", "b": "y"}, {}),
    ],
)  # fmt: skip
def test_labels_are_counted_by_class_or_by_place(tmp_path, fields, record, labels):
    card = {**CARD, "hidden": [], "splits": {"train": "train.jsonl"}, "fields": fields}
    layout = prepare(tmp_path, card, train=lines(record, record))
    normalize.normalize_task(layout, "fruit")
    origin = read_json(layout.examples("fruit") / "origin.json")
    assert origin["splits"]["train"]["labels"] == labels


def test_classes_that_no_row_has_are_said(tmp_path):
    fields = {**CARD["fields"], "classes": {0: "bad", 1: "good", 2: "odd", 3: "even"}}
    layout = prepare(tmp_path, {**CARD, "fields": fields}, train=GOOD, test=TEST)
    lines = normalize.normalize_task(layout, "fruit")
    assert lines[1] == "fruit/train: no row of the classes odd, even"


def test_a_second_run_writes_the_same_bytes(tmp_path):
    layout = prepare(tmp_path, train=GOOD, test=TEST)
    normalize.normalize_task(layout, "fruit")
    before = written(layout)
    normalize.normalize_task(layout, "fruit")
    assert written(layout) == before


def test_the_stage_takes_its_arguments_and_works_in_the_current_folder(
    tmp_path, monkeypatch, capsys
):
    prepare(tmp_path, train=GOOD, test=TEST)
    monkeypatch.chdir(tmp_path)
    normalize.main(["toy", "fruit"])
    assert capsys.readouterr().out.splitlines() == [
        "fruit/train: 1 of 3 records rejected (33.3%): 1 label_unknown: '7' (1 row)",
        "fruit/test: 1 of 3 records rejected (33.3%): 1 bad_encoding: "
        "'bell\\x07\\nit is bad | it is good' (1 row)",
    ]
    assert pl.read_parquet("data/toy/examples/fruit/train.parquet").height == 2


@pytest.mark.parametrize(
    ("test", "error"), [(lines({"txt": "a"}), SourceError), (lines({"text": " "}), DataError)]
)
def test_a_failure_leaves_what_was_there(tmp_path, test, error):
    layout = prepare(tmp_path, train=GOOD, test=TEST)
    normalize.normalize_task(layout, "fruit")
    before = written(layout)
    prepare(tmp_path, test=test)
    with pytest.raises(error):
        normalize.normalize_task(layout, "fruit")
    assert written(layout) == before
    assert [path.name for path in layout.examples("").iterdir()] == ["fruit"]


def test_a_task_that_was_never_resolved_says_what_to_run(tmp_path):
    with pytest.raises(ArtefactError, match="run `dvc repro resolve`, which writes it"):
        normalize.normalize_task(Layout("toy", root=tmp_path), "fruit")
