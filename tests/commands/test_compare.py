"""The comparison from the door; above all, that no report row is read before selections are frozen."""

import json
import shutil
from contextlib import chdir, suppress

import pytest

from pipeline.__main__ import main as door
from pipeline.commands import compare, feature_pools
from pipeline.errors import ArtefactError
from pipeline.tailoring import experiment
from pipeline.tailoring.arms import ALONE, RANDOM, SHUFFLED, TAILOR, train_arms
from tests.commands.featured import build
from tests.stages.conftest import NAME

ARGUMENTS = [NAME, "--targets", "apples,pears", "--seeds", "2", "--rows", "12"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("compare")
    with chdir(root):
        build()
    return root


@pytest.fixture(scope="module")
def done(built, tmp_path_factory):
    """A comparison that ran to its end."""
    root = tmp_path_factory.mktemp("done") / "project"
    shutil.copytree(built, root)
    with chdir(root):
        compare.main(ARGUMENTS)
    return root


def project(source, tmp_path, monkeypatch):
    shutil.copytree(source, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def report_files(root):
    """Everything that holds report rows: tokens, curated rows, features."""
    data = root / "data" / NAME
    return [data / "tokens" / "report", *sorted(data.glob("curated/*/report.parquet"))]


def test_no_report_row_is_read_before_selections_are_frozen(built, tmp_path, monkeypatch):
    """Report rows are away until the file of selections lies there with its hash."""
    root = project(built, tmp_path, monkeypatch)
    away = tmp_path / "away"
    for path in report_files(root):
        (away / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        path.rename(away / path.relative_to(root))
    with pytest.raises(ArtefactError, match="report"):
        compare.main(ARGUMENTS)
    # all of the choosing is done: report rows were missed only after selections were frozen
    folder = root / "data" / NAME / "comparison"
    frozen = (folder / "selections.sha256").read_text()
    assert not (folder / "outcomes.jsonl").exists()
    shutil.copytree(away, root, dirs_exist_ok=True)
    # and with them there, nothing is chosen anew
    monkeypatch.setattr(experiment, "choose", None)
    compare.main(ARGUMENTS)
    assert (folder / "selections.sha256").read_text() == frozen


def test_without_frozen_selections_report_rows_stay_closed(built, tmp_path, monkeypatch):
    root = project(built, tmp_path, monkeypatch)
    opened = []
    monkeypatch.setattr(feature_pools, "encode", lambda *a, **k: opened.append(a))
    said = {"targets": {"apples": {}}}
    monkeypatch.setattr(experiment, "select", lambda *a, folder, **k: (
        compare.Frozen(folder=folder, sha256="0" * 64, selections=said), {}
    ))  # fmt: skip
    with pytest.raises(ArtefactError, match="not frozen, so no report row is opened"):
        compare.main(ARGUMENTS)
    assert opened == []
    assert not (root / "data" / NAME / "comparison" / "report_features").exists()


def test_selections_that_were_changed_open_nothing(done, tmp_path, monkeypatch):
    root = project(done, tmp_path, monkeypatch)
    folder = root / "data" / NAME / "comparison"
    path = folder / "selections.json"
    path.write_text(path.read_text().replace('"ratio": 1.0', '"ratio": 2.0'))
    opened = []
    monkeypatch.setattr(feature_pools, "encode", lambda *a, **k: opened.append(a))
    with pytest.raises(ArtefactError, match="not those that were frozen"):
        compare.main(ARGUMENTS)
    assert opened == []


def test_other_selections_do_not_replace_frozen_ones(done, tmp_path, monkeypatch):
    root = project(done, tmp_path, monkeypatch)
    with pytest.raises(ArtefactError, match="other selections are frozen here") as error:
        compare.main([NAME, "--targets", "apples", "--seeds", "2", "--rows", "12"])
    assert "--out" in str(error.value)
    assert (root / "data" / NAME / "comparison" / "compare.json").is_file()


def test_what_is_written(done):
    folder = done / "data" / NAME / "comparison"
    result = json.loads((folder / "compare.json").read_text())
    assert result["targets"] == ["apples", "pears"]
    assert set(result["train_rows"].values()) == {10, 12}
    arms = result["outcomes"]["accuracy"]["apples"]
    assert {TAILOR, ALONE, RANDOM, SHUFFLED} < set(arms)
    assert all(len(values) == 2 for values in arms.values())
    against = [(row["arm"], row["against"]) for row in result["accuracy"]["differences"]]
    assert len(against) == 8
    assert against[-1] == (SHUFFLED, RANDOM)
    selections = json.loads((folder / "selections.json").read_text())
    assert set(selections["targets"]) == {"apples", "pears"}
    for target, entry in selections["targets"].items():
        tasks = entry["choice"]["tasks"]
        assert set(entry["arms"][TAILOR][0]) == {target, *tasks}
        assert {len(shares) for shares in entry["arms"][RANDOM]} == {1 + len(tasks)}
    assert result["chosen"] == {
        t: entry["choice"]["tasks"] for t, entry in selections["targets"].items()
    }
    said = (folder / "selections.sha256").read_text()
    assert said.split() == [result["selections_sha256"], "selections.json"]


def test_the_table_is_in_words(done, capsys, tmp_path, monkeypatch):
    project(done, tmp_path, monkeypatch)
    assert door(["compare", *ARGUMENTS, "--jobs", "2"]) == 0  # done already: nothing is trained
    out = capsys.readouterr().out
    assert "at most " in out
    assert "2 targets, 2 paired seeds; accuracy on report rows" in out
    assert "tailor minus random k" in out
    assert "Tailor took no task for " in out


def stop_at_pears(pool, report, arms, recipe, seeds, target):
    if target == "pears":
        raise KeyboardInterrupt
    return train_arms(pool, report, arms, recipe, seeds, target)


def test_a_stopped_run_goes_on(built, done, tmp_path, monkeypatch):
    root = project(built, tmp_path, monkeypatch)
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(experiment, "train_arms", stop_at_pears)
        compare.main(ARGUMENTS)
    folder = root / "data" / NAME / "comparison"
    assert len((folder / "outcomes.jsonl").read_text().splitlines()) == 1
    compare.main(ARGUMENTS)
    one, two = (
        json.loads((it / "data" / NAME / "comparison" / "compare.json").read_text())
        for it in (root, done)
    )
    assert one == two


def test_ablations_are_arms_of_their_own(built, tmp_path, monkeypatch):
    root = project(built, tmp_path, monkeypatch)
    compare.main([NAME, "--targets", "apples", "--seeds", "1", "--rows", "8", "--ablations"])
    result = json.loads((root / "data" / NAME / "comparison" / "compare.json").read_text())
    assert {"without guard", "without race, k = 4"} < set(result["accuracy"]["arms"])


def test_another_encoder_than_that_of_the_train_features_is_refused(built, tmp_path, monkeypatch):
    root = project(built, tmp_path, monkeypatch)
    config = root / "models" / NAME / "compass" / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(ArtefactError, match="another one than that of the train features"):
        compare.main(ARGUMENTS)


def test_the_median_of_an_even_number_of_targets_lies_between_two():
    result = {
        "accuracy": {"arms": {TAILOR: 0.5}, "differences": []},
        "targets": ["a", "b"],
        "seeds": 1,
        "chosen": {"a": [], "b": ["x"]},
        "claims": {"share_below_alone": 0.0},
    }
    assert "took no task for 1 targets, 0.5 in the median, 1 at most" in compare.table(result)
