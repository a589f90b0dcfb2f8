"""Resolve checks everything first, and writes to each stage just what it needs."""

import json
from pathlib import Path

import pytest

from pipeline.contract.files import sha256
from pipeline.errors import ConfigError, SourceError, TrainingError
from pipeline.stages import resolve

TRAIN = {"train/compass", "train/tailored"}


def files(project: Path) -> dict[str, str]:
    return {
        f"{path.parent.name}/{path.stem}": sha256(path)
        for folder in ("settings", "sources", "recipes/all")
        for path in sorted((project / "data/toy" / folder).rglob("*.*"))
    }


def changed_by(project: Path, path: str, old: str, new: str) -> set[str]:
    """Names of the files that an edit changes."""
    resolve.main(["toy"])
    before = files(project)
    text = (project / path).read_text()
    assert old in text
    (project / path).write_text(text.replace(old, new, 1))
    resolve.main(["toy"])
    after = files(project)
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_each_stage_gets_its_settings(project: Path):
    resolve.main(["toy"])
    settings = project / "data/toy/settings"
    assert sorted(path.stem for path in settings.glob("*.json")) == [
        "curate", "evaluate", "features", "mix", "relate", "report", "tailor", "tokenize", "tokenizer",
    ]  # fmt: skip
    for stage in ("plan", "train"):
        names = sorted(path.stem for path in (settings / stage).glob("*.json"))
        assert names == ["compass", "tailored"]
    tokenize = json.loads((settings / "tokenize.json").read_text())
    assert tokenize["prefixes"] == {"apples": "[task: apples]", "pears": "[task: pears]"}


def test_the_text_view_changes_settings_of_its_own_mixtures_only(project: Path):
    resolve.main(["toy"])
    settings = project / "data/toy/settings"
    before = {path.name: path.read_bytes() for path in settings.glob("*.json")}
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("pack_tokens: 512", "pack_tokens: 1024"))
    resolve.main(["toy"])
    assert before == {path.name: path.read_bytes() for path in settings.glob("*.json")}
    card = project / "mixtures/toy.yaml"
    card.write_text(card.read_text() + "view: text\n")
    resolve.main(["toy"])
    packs = json.loads((settings / "mix.json").read_text())
    assert (packs["batch"], packs["text"]["pack_tokens"]) == (32, 1024)
    told = json.loads((settings / "tokenize.json").read_text())["text"]
    assert told["pack_tokens"] == 512  # the default: a change re-runs no tokenising
    assert json.loads((settings / "tokenizer.json").read_text())["view"] == "text"


def test_a_source_file_holds_the_card_and_its_files_hashes(project: Path):
    resolve.main(["toy"])
    source = json.loads((project / "data/toy/sources/apples.json").read_text())
    raw = project / "data/external/apples/train.jsonl"
    assert source["files"]["apples/train.jsonl"] == sha256(raw)
    assert source["card"]["fields"]["classes"] == ["bad", "good"]
    assert source["revision"] is None


@pytest.mark.parametrize(
    ("path", "old", "new", "changed"),
    [
        ("mixtures/toy.yaml", "apples: {}", "apples: {weight: 2}", {"all/all"}),
        ("mixtures/toy.yaml", "tasks:", "# a comment\ntasks:", set()),
        ("mixtures/tasks/pears.yaml", "family: toy", "# why\nfamily: toy", set()),
        ("mixtures/tasks/pears.yaml", "family: toy", "family: toy\ndescription: Pears", set()),
        ("mixtures/toy.yaml", "start: compass", "start: base", {"tailor", "train/tailored"}),
        ("mixtures/tasks/pears.yaml", "classes: [bad, good]", "classes: [good, bad]", {"pears"}),
        ("data/external/pears/train.jsonl", "rotten", "spoilt", {"pears"}),
        ("params.yaml", "learning_rate: ", "learning_rate: 1e-4 # ", TRAIN),
        ("params.yaml", "max_tokens: ", "max_tokens: 99 # ", {"tokenize", "evaluate"}),
        ("params.yaml", "dropout: ", "dropout: 0.05 # ", TRAIN),
    ],
)
def test_an_edit_changes_only_what_depends_on_it(project: Path, path, old, new, changed):
    found = changed_by(project, path, old, new)
    assert {name.removeprefix("settings/").removeprefix("sources/") for name in found} == changed


def test_examples_of_a_task_that_left_are_removed(project: Path):
    for task in ("apples", "gone"):
        (project / "data/toy/examples" / task).mkdir(parents=True)
    resolve.main(["toy"])
    assert [p.name for p in (project / "data/toy/examples").iterdir()] == ["apples"]


def test_overrides_of_a_mixture_are_said_aloud(project: Path, capsys):
    mixture = project / "mixtures/toy.yaml"
    mixture.write_text(mixture.read_text() + "params: {train: {batch: 7}}\n")
    resolve.main(["toy"])
    assert "mixture 'toy' sets train.batch = 7 (params.yaml: " in capsys.readouterr().out
    train = json.loads((project / "data/toy/settings/train/compass.json").read_text())
    assert train["train"]["batch"] == 7


def test_a_failure_leaves_the_old_settings(project: Path):
    resolve.main(["toy"])
    before = files(project)
    (project / "data/external/pears/train.jsonl").unlink()
    with pytest.raises(SourceError, match=r"train\.jsonl"):
        resolve.main(["toy"])
    assert files(project) == before


def test_another_mixture_than_dvc_s_is_refused(project: Path):
    (project / "mixtures/other.yaml").write_text((project / "mixtures/toy.yaml").read_text())
    with pytest.raises(ConfigError, match="other.yaml: name: is 'toy'\n  expected: 'other'"):
        resolve.main(["other"])


def test_a_commit_is_recorded_at_the_first_fetch(project: Path, monkeypatch):
    card = project / "mixtures/tasks/pears.yaml"
    text = card.read_text()
    text = text.replace("{kind: files, folder: pears}", "{kind: hub, id: owner/pears}")
    card.write_text(text.replace("train.jsonl", "train").replace("validation.jsonl", "validation"))
    commit = "0123456789" * 4
    monkeypatch.setattr("pipeline.sources.hub.resolve_revision", lambda source: commit)
    resolve.main(["toy"])
    assert f"owner/pears: {commit}" in (project / "mixtures/revisions.lock").read_text().replace(
        "'", ""
    )
    monkeypatch.setattr(
        "pipeline.sources.hub.resolve_revision", lambda source: pytest.fail("asked")
    )
    resolve.main(["toy"])
    source = json.loads((project / "data/toy/sources/pears.json").read_text())
    assert (source["revision"], source["files"]) == (commit, {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("./nowhere", "'./nowhere' is no folder"),
        ("package:no_such_package/model", "no_such_package"),
    ],
)
def test_a_model_that_is_not_there_is_named(project: Path, source: str, message: str):
    mixture = project / "mixtures/toy.yaml"
    mixture.write_text(mixture.read_text() + f"params: {{model: {{source: '{source}'}}}}\n")
    with pytest.raises((TrainingError, SourceError), match=message):
        resolve.main(["toy"])


def test_a_plan_depends_on_the_strategies_that_its_recipe_uses(project: Path):
    card = project / "mixtures/toy.yaml"
    text = card.read_text()
    groups = "groups: {fruit: {strategy: unimax, max_epochs: 2, tasks: [apples, pears]}}"
    card.write_text(f"{text}{groups}\n")
    resolve.main(["toy"])
    found = {}
    for training in ("compass", "tailored"):
        path = project / f"data/toy/settings/plan/{training}.json"
        names = [name.rpartition(".") for name in json.loads(path.read_text())["code"]]
        found[training] = {n for folder, _, n in names if folder == "pipeline.config.strategies"}
    assert found == {
        "compass": {"base", "by_size", "unimax"},
        "tailored": {"base", "fixed_rows"},
    }
