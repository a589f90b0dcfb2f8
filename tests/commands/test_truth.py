"""Own truth from the door, on features of a real small encoder."""

import json
import shutil
from contextlib import chdir

import numpy as np
import polars as pl
import pytest

from pipeline.__main__ import main as door
from pipeline.commands import truth
from pipeline.errors import ArtefactError, ConfigError
from pipeline.relationships.agreement.truth import read_truth
from pipeline.relationships.features import read_features
from tests.commands.featured import TASKS, build
from tests.stages.conftest import NAME


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("truth")
    with chdir(root):
        build()
    return root


@pytest.fixture
def project(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_every_pair_is_measured_and_agree_reads_it(project, capsys):
    for role in ("tokens/report", "curated/apples/report.parquet"):
        path = project / "data" / NAME / role
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert door(["truth", NAME, "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert "32 small trainings, about " in out.splitlines()[0]
    assert "12 pairs: " in out
    folder = project / "data" / NAME / "truth"
    table = pl.read_csv(folder / "gains.csv")
    assert table.columns[:4] == ["target", "source", "gain", "se"]
    assert len(table) == 12
    runs = read_truth(folder / "gains_runs.csv")
    assert (runs.sources, runs.targets, runs.runs) == (TASKS, TASKS, 2)
    means = read_truth(folder / "gains.csv")
    assert means.mean_ST == pytest.approx(runs.mean_ST, abs=2e-6, nan_ok=True)
    said = json.loads((folder / "truth.json").read_text())
    assert said["judged_on"] == "select"
    assert said["tasks"] == {"apples": 20, "pears": 20, "plums": 10, "stars": 20}
    assert set(said["alone"]) == set(TASKS)


def test_a_run_goes_on_where_it_was_and_several_processes_say_the_same(project, monkeypatch):
    truth.main([NAME, "--seeds", "1", "--targets", "apples"])
    folder = project / "data" / NAME / "truth"
    line = (folder / "done.jsonl").read_text()
    truth.main([NAME, "--seeds", "1"])
    lines = (folder / "done.jsonl").read_text()
    assert lines.startswith(line)
    assert len(lines.splitlines()) == 4
    monkeypatch.setattr(truth, "measure_gains", None)  # nothing is left to be measured
    truth.main([NAME, "--seeds", "1"])
    monkeypatch.undo()
    monkeypatch.chdir(project)
    truth.main([NAME, "--seeds", "1", "--jobs", "2", "--out", "other"])
    one, two = (pl.read_csv(f / "gains.csv") for f in (folder, project / "other"))
    assert np.allclose(one["loss_gain"], two["loss_gain"], atol=1e-5)


def test_other_rows_are_another_truth(project):
    truth.main([NAME, "--seeds", "1", "--targets", "apples,pears"])
    truth.main([NAME, "--seeds", "1", "--targets", "apples", "--rows", "8"])
    folder = project / "data" / NAME / "truth"
    assert len((folder / "done.jsonl").read_text().splitlines()) == 3
    said = json.loads((folder / "truth.json").read_text())
    assert (said["rows"], said["tasks"]["stars"]) == (8, 8)


def test_what_is_wrong_is_said(project, capsys):
    with pytest.raises(ConfigError, match="no task named 'aples'") as error:
        truth.main([NAME, "--targets", "aples"])
    assert "did you mean 'apples'?" in str(error.value)
    with pytest.raises(SystemExit):
        truth.main([NAME, "--role", "report"])  # rows for reporting are not on offer
    assert "unrecognized arguments: --role report" in capsys.readouterr().err
    path = project / "data" / NAME / "features" / "select" / "pears.safetensors"
    path.unlink()
    with pytest.raises(ArtefactError, match="there are no features of task 'pears'") as error:
        truth.main([NAME])
    assert "dvc repro features" in str(error.value)


def test_a_mixture_without_features_is_told_why(project):
    folder = project / "data" / NAME / "features"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "manifest.json").write_text('{"version": 1, "why_none": "the mixture is of toys"}')
    with pytest.raises(ArtefactError, match="there are no features: the mixture is of toys"):
        truth.main([NAME])


def without_gold(path):
    """Take the gold choice from every row of a file of features."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(str(path), framework="numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file(tensors | {"gold": np.full_like(tensors["gold"], -1)}, path, metadata=metadata)
    assert len(read_features(path, path.stem).task) == 0


def test_without_any_target_nothing_is_measured(project):
    folder = project / "data" / NAME
    for task in TASKS:
        without_gold(folder / "features" / "select" / f"{task}.safetensors")
    with pytest.raises(ArtefactError, match="no task has a select row of one known gold choice"):
        truth.main([NAME, "--seeds", "1"])
    assert not (folder / "truth").exists()


def test_a_task_without_a_row_to_judge_on_is_no_target(project, capsys):
    without_gold(project / "data" / NAME / "features" / "select" / "plums.safetensors")
    truth.main([NAME, "--seeds", "1"])
    assert "plums: no select row of one known gold choice, so no target" in capsys.readouterr().out
    table = pl.read_csv(project / "data" / NAME / "truth" / "gains.csv")
    assert "plums" not in table["target"].to_list()
    assert "plums" in table["source"].to_list()
    with pytest.raises(ConfigError, match="'plums' has no select row"):
        truth.main([NAME, "--targets", "plums"])
