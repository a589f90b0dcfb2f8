"""The stage reads exactly its tasks, writes every file whole, and words what is wrong."""

import json
from pathlib import Path

import polars as pl
import pytest
import xxhash

from pipeline.config.mixture_card import Limits
from pipeline.config.params import CurateParams
from pipeline.config.settings import CurateSettings
from pipeline.contract.files import sha256
from pipeline.errors import ArtefactError
from pipeline.schema import DROP, EXAMPLE, REJECT, ROLES, SPLITS, prefix_token
from pipeline.stages import curate
from pipeline.tables import read_parquet, write_parquet

OUTPUTS = ("curated", "curation")


def write_examples(root: Path, task: str, split: str, texts: list[str]) -> Path:
    frame = pl.DataFrame(
        {
            "example_id": [f"{task}/{split}/{i}" for i in range(len(texts))],
            "task": [task] * len(texts),
            "form": ["classification"] * len(texts),
            "context": texts,
            "question": [""] * len(texts),
            "choices": [["no", "yes"]] * len(texts),
            "label": [1] * len(texts),
            "target": ["yes"] * len(texts),
            "labels": [None] * len(texts),
            "prefix": [prefix_token(task)] * len(texts),
            "content_hash": [xxhash.xxh3_128_digest(text.encode()) for text in texts],
        },
        schema_overrides={
            "label": pl.Int32,
            "labels": pl.List(pl.Int32),
            "choices": pl.List(pl.String),
        },
    )
    path = root / "data" / "toy" / "examples" / task / f"{split}.parquet"
    write_parquet(frame, path, EXAMPLE)
    write_origin(path.parent)
    return path


def write_origin(folder: Path, rejected: int = 0) -> None:
    """Write the account of a task's splits; the first `rejected` records of train are rejects."""
    counts = {path.stem: pl.read_parquet(path).height for path in folder.glob("t*.parquet")}
    counts |= {path.stem: pl.read_parquet(path).height for path in folder.glob("v*.parquet")}
    splits = {split: {"read": rows, "rejected": 0} for split, rows in counts.items()}
    splits["train"] = {"read": counts["train"] + rejected, "rejected": rejected}
    (folder / "origin.json").write_text(json.dumps({"splits": splits}))
    rejects = [
        ("train", row, ("odd", "even")[row % 2], f"value {row % 4}") for row in range(rejected)
    ]
    frame = pl.DataFrame(rejects, schema=["split", "row", "reason", "detail"], orient="row")
    write_parquet(frame if rejected else REJECT.empty_table(), folder / "rejects.parquet", REJECT)


def write_settings(root: Path, *tasks: str, **limits: int) -> None:
    settings = CurateSettings(
        name="toy", seed=1, tasks=tasks, limits=Limits(**limits), curate=CurateParams(select_min=5)
    )
    path = root / "data" / "toy" / "settings" / "curate.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings.model_dump_json())


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tasks; five train rows of `pears` stand in the test split of `apples`."""
    shared = [f"a fruit that both know, number {i}" for i in range(5)]
    own = {
        task: [f"one of many {task}, number {i}" for i in range(40)] for task in ("apples", "pears")
    }
    for task, train, test in (
        ("apples", own["apples"], shared),
        ("pears", own["pears"] + shared, []),
    ):
        write_examples(tmp_path, task, "train", train)
        write_examples(tmp_path, task, "validation", [f"the last of the {task}"])
        write_examples(tmp_path, task, "test", test)
    write_settings(tmp_path, "apples", "pears")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "toy"


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path)
        for output in OUTPUTS
        for path in sorted((folder / output).rglob("*"))
        if path.is_file()
    }


def test_every_role_of_every_task_and_the_reports_are_written(toy: Path, capsys):
    curate.main(["toy"])
    assert sorted(hashes(toy)) == [
        *(f"curated/{task}/{role}.parquet" for task in ("apples", "pears") for role in sorted(ROLES)),
        "curation/drops.parquet", "curation/overlap.parquet", "curation/rejects.parquet",
        "curation/summary.json",
    ]  # fmt: skip
    drops = read_parquet(toy / "curation" / "drops.parquet", DROP)
    assert drops["example_id"].to_list() == [f"pears/train/{i}" for i in range(40, 45)]
    assert drops["detail"].to_list() == [f"apples/test/{i}" for i in range(5)]
    total = json.loads((toy / "curation" / "summary.json").read_text())["total"]
    assert total["kept"] | {"train": 0, "select": 0} == {"train": 0, "select": 0, "report": 6}
    assert total["kept"]["train"] + total["kept"]["select"] == 80
    kept = total["kept"]
    assert capsys.readouterr().out.splitlines()[:2] == [
        "92 records = 92 examples + 0 rejects",
        f"92 examples = {kept['train']} train, {kept['select']} select, 6 report, 1 unused, "
        "0 over limits, 5 dropped (5 overlap)",
    ]


def test_rejects_are_counted_by_reason_with_examples(toy: Path, capsys):
    write_origin(toy / "examples" / "pears", rejected=9)
    curate.main(["toy"])
    table = read_parquet(toy / "curation" / "rejects.parquet")
    assert table.rows() == [
        ("pears", "train", "odd", 5, 5 / 54, "value 0 | value 2"),
        ("pears", "train", "even", 4, 4 / 54, "value 1 | value 3"),
    ]
    assert "101 records = 92 examples + 9 rejects" in capsys.readouterr().out


def test_records_that_are_neither_examples_nor_rejects_are_an_error(toy: Path):
    origin = toy / "examples" / "pears" / "origin.json"
    origin.write_text(origin.read_text().replace('"read": 45', '"read": 46'))
    with pytest.raises(ArtefactError, match="46 records are not 45 examples and 0 rejects"):
        curate.main(["toy"])


def test_what_the_validation_split_serves_as_is_said(toy: Path, capsys):
    for task in ("apples", "pears"):
        texts = [f"held out from {task}, number {i}" for i in range(9)]
        write_examples(toy.parent.parent, task, "validation", texts)
    curate.main(["toy"])
    out = capsys.readouterr().out
    assert "validation splits serve as: report (pears); select (apples)" in out


@pytest.mark.parametrize("known", [True, False])
def test_the_words_of_a_template_hide_no_overlap(toy: Path, known: bool):
    """Every text of `pears` has a carrier; without it, five rows stand in the test split of `apples`."""
    folder = toy / "examples" / "pears"
    plain = pl.read_parquet(folder / "train.parquet")["context"].to_list()
    worded = [f"Is this what they call good or rather what they call bad: {text}" for text in plain]
    write_examples(toy.parent.parent, "pears", "train", worded)
    if known:
        ids = [f"pears/train/{i}" for i in range(len(plain))] + ["pears/validation/0"]
        texts = [*plain, "the last of the pears"]
        frame = pl.DataFrame({"example_id": ids, "context": texts, "question": [""] * len(ids)})
        frame.write_parquet(folder / "identity.parquet")
    curate.main(["toy"])
    drops = read_parquet(toy / "curation" / "drops.parquet", DROP)
    expected = [f"pears/train/{i}" for i in range(40, 45)] if known else []
    assert drops["example_id"].to_list() == expected


def test_the_rows_keep_schema_and_order(toy: Path):
    curate.main(["toy"])
    train = read_parquet(toy / "curated" / "apples" / "train.parquet", EXAMPLE)
    numbers = [int(name.split("/")[2]) for name in train["example_id"]]
    assert numbers == sorted(numbers)
    assert train["task"].cast(pl.String).unique().to_list() == ["apples"]


def test_two_runs_write_the_same_bytes(toy: Path):
    curate.main(["toy"])
    first = hashes(toy)
    curate.main(["toy"])
    assert hashes(toy) == first


def test_tasks_that_left_the_mixture_leave_nothing_behind(toy: Path):
    curate.main(["toy"])
    write_settings(toy.parent.parent, "pears", train=7)
    curate.main(["toy"])
    assert [path.name for path in (toy / "curated").iterdir()] == ["pears"]
    assert (toy / "examples" / "apples").exists()
    assert read_parquet(toy / "curated" / "pears" / "train.parquet").height == 7
    assert read_parquet(toy / "curation" / "drops.parquet", DROP).height == 0


def test_a_task_without_evaluation_rows_is_named(toy: Path, capsys):
    write_examples(toy.parent.parent, "pears", "validation", [])
    curate.main(["toy"])
    assert read_parquet(toy / "curated" / "pears" / "report.parquet", EXAMPLE).height == 0
    assert "no report rows, so no figure for it: pears" in capsys.readouterr().out


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_shard_is_named_and_nothing_is_written(toy: Path, split: str):
    (toy / "examples" / "pears" / f"{split}.parquet").unlink()
    with pytest.raises(ArtefactError) as error:
        curate.main(["toy"])
    assert str(error.value).splitlines() == [
        f"data/toy/examples/pears/{split}.parquet: task 'pears' has no {split} examples",
        "  expected: a file for each split, without rows where the split does not exist",
        "  to do: run `dvc repro normalize@pears`, which writes it",
    ]
    assert not any((toy / output).exists() for output in OUTPUTS)


def test_a_truncated_shard_leaves_the_old_output(toy: Path):
    curate.main(["toy"])
    before = hashes(toy)
    path = toy / "examples" / "pears" / "train.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtefactError, match=r"pears/train\.parquet: not a readable Parquet file"):
        curate.main(["toy"])
    assert hashes(toy) == before


def test_rows_of_another_task_are_refused(toy: Path):
    path = toy / "examples" / "pears" / "train.parquet"
    path.write_bytes((toy / "examples" / "apples" / "train.parquet").read_bytes())
    with pytest.raises(ArtefactError) as error:
        curate.main(["toy"])
    assert str(error.value).splitlines()[:2] == [
        "data/toy/examples/pears/train.parquet: holds example 'apples/train/0'",
        "  expected: ids that begin with 'pears/train/'",
    ]


def test_missing_settings_name_the_stage_that_writes_them(toy: Path):
    (toy / "settings" / "curate.json").unlink()
    with pytest.raises(ArtefactError, match="run `dvc repro resolve`"):
        curate.main(["toy"])
