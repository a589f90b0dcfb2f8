"""Looks at the select rows: exact, free of draws, and the best of them kept across kills."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import TrainingError
from pipeline.training.choice.view import ChoiceView
from pipeline.training.looks import Looks, steps_between_looks
from pipeline.training.session import run_session


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def seen(macro):
    return {"accuracy_macro": macro, "accuracy": {"a": macro}}


def test_the_earliest_of_equals_is_the_best():
    watch = Looks(2, wants_best=True)
    assert [step for step in range(1, 9) if watch.due(step)] == [2, 4, 6, 8]
    taken = [
        watch.add(step, seen(macro)) for step, macro in ((2, 0.5), (4, 0.7), (6, 0.7), (8, 0.6))
    ]
    assert taken == [True, True, False, False]
    assert (watch.best_step, watch.best) == (4, seen(0.7))
    assert watch.csv() == "step,accuracy_macro\n2,0.5\n4,0.7\n6,0.7\n8,0.6\n"


def test_without_a_figure_there_is_no_best():
    watch = Looks(1, wants_best=True)
    assert not watch.add(1, seen(None))
    assert watch.best_step is None
    assert watch.add(2, seen(0.0))
    assert watch.csv().splitlines()[1:] == ["1,", "2,0"]


@pytest.mark.parametrize(
    ("best", "select_every", "every"),
    [(False, None, None), (True, None, 5), (False, 3, 3), (True, 3, 3)],
)
def test_how_often_there_are_looks(best, select_every, every):
    settings = SimpleNamespace(best=best, select_every=select_every, checkpoint_every=5)
    found = steps_between_looks(settings)
    assert found == every
    assert Looks(found, best).due(15) == (every is not None)


def test_the_state_goes_through_json():
    watch = Looks(1, wants_best=True)
    watch.add(1, seen(1 / 3))
    other = Looks(1, wants_best=True)
    other.load_state(json.loads(json.dumps(watch.state())))
    assert other == watch


TRAIN = {"learning_rate": 2e-2, "warmup": 0, "select_every": 2, "mlm_weight": 0}
"""A rate so high that the macro accuracy rises and falls."""


def trained(folders, name, **train):
    run = folders.run(name=name, train=TRAIN | train)
    run_session(folders.write(run, name))
    return folders.root / name / "out"


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def best(shared_folders):
    return trained(shared_folders, "best", best=True)


@pytest.fixture(scope="module")
def last(shared_folders):
    return trained(shared_folders, "last")


def test_looks_change_no_step(best, last, shared_folders):
    plain = trained(shared_folders, "plain", select_every=None)
    assert (plain / "log.csv").read_bytes() == (last / "log.csv").read_bytes()
    assert (plain / "model.safetensors").read_bytes() == (last / "model.safetensors").read_bytes()
    assert (plain / "log.csv").read_bytes() == (best / "log.csv").read_bytes()
    assert not (plain / "select.csv").exists()
    assert [row["step"] for row in table(last / "select.csv")] == ["2", "4", "6", "8", "10"]


def test_the_best_model_is_the_one_of_its_step(best, shared_folders, monkeypatch):
    """What is exported equals the weights that the model had after that step."""
    kept = {}
    select = ChoiceView.select

    def watched(self, ranks):
        figures = select(self, ranks)
        weights = {k: v.clone() for k, v in self.model.encoder.state_dict().items()}
        kept[len(kept)] = (figures, weights)
        return figures

    monkeypatch.setattr(ChoiceView, "select", watched)
    out = trained(shared_folders, "watched", best=True)
    macros = [figures["accuracy_macro"] for figures, _ in kept.values()]
    place = macros.index(max(macros))
    assert 0 < place < len(macros) - 1, "the case needs a best model in the middle"
    recorded = json.loads((out / "select.json").read_text())
    assert recorded["step"] == 2 * (place + 1)
    assert recorded["accuracy_macro"] == max(macros)
    ours = load_file(out / "model.safetensors")
    assert all(torch.equal(ours[name], value) for name, value in kept[place][1].items())
    assert not torch.equal(
        ours["embeddings.word_embeddings.weight"],
        kept[len(macros) - 1][1]["embeddings.word_embeddings.weight"],
    )
    assert (
        f"after step {recorded['step']}, the best on the `select` rows"
        in (out / "README.md").read_text()
    )


def test_kills_twice_in_a_row_change_nothing(best, shared_folders, trainers):
    """With looks between the checkpoints: killed after the best was kept, and again soon after."""
    run = shared_folders.run(
        name="killed-best", train=TRAIN | {"best": True, "checkpoint_every": 3}
    )
    path = shared_folders.write(run, "killed-best")
    resume = Path(run["resume"])
    for mark in ("step-00000003", "step-00000006"):
        process = trainers.start(path)
        process.wait_for(resume / mark)
        process.kill()
        assert not Path(run["out"]).exists()
    assert trainers.start(path).end() == 0
    for file in sorted(best.iterdir()):
        if file.name != "run.json":
            assert (Path(run["out"]) / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_best_model_that_is_gone_is_said_before_the_training_goes_on(shared_folders):
    out = trained(shared_folders, "gone", best=True, checkpoint_every=9)
    resume = out.parent / "resume"
    state = json.loads((resume / "step-00000009" / "state.json").read_text())
    step = state["looks"]["best_step"]
    assert sorted(path.name for path in resume.iterdir()) == [f"best-{step:08d}", "step-00000009"]
    shutil.rmtree(resume / f"best-{step:08d}")
    with pytest.raises(TrainingError, match=f"best-{step:08d}, is not there"):
        trained(shared_folders, "gone", best=True, checkpoint_every=9)
