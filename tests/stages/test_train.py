import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch

from pipeline.base_model import model_folder
from pipeline.config.params import EvaluateParams, ModelParams, TrainParams
from pipeline.config.settings import EvaluateSettings, TrainSettings
from pipeline.contract.files import read_json, write_json
from pipeline.errors import ConfigError, TrainingError
from pipeline.stages import evaluate, mix, plan, processes, train
from pipeline.stages.processes import run_trainer
from pipeline.training.fingerprint import fingerprint
from pipeline.training.session import run_session

ROOT = Path(__file__).parents[2]
MODEL = ModelParams(layers=1, width=16, heads=2)
TRAIN = TrainParams(batch=16, threads=1, checkpoint_every=2, log_every=1)


@pytest.fixture(autouse=True)
def own_process(monkeypatch):
    """The trainer's process must find the package, whichever folder a test runs in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TASKLOOM_PROCESSES", "1")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def planned(mixture):
    """A mixture up to its order, with a tailored one of the same rows."""
    shutil.rmtree(mixture.layout.model("compass"))
    plan.main([mixture.layout.name, "compass"])
    mix.main([mixture.layout.name, "compass"])
    shutil.copytree(mixture.layout.mix("compass"), mixture.layout.mix("tailored"))
    tell(mixture)
    return mixture


def tell(mixture, **changes):
    parameters = TRAIN.model_copy(update=changes)
    told = []
    starts = {"compass": "base", "tailored": "compass"}
    for training, start in starts.items():
        settings = TrainSettings(
            name=mixture.layout.name,
            seed=3,
            model=MODEL,
            train=parameters,
            start=start,
            kind="whole",
        )
        path = mixture.layout.settings(f"train/{training}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(settings.model_dump_json())
        told.append(settings)
    return told[0]


def checkpoints(folder):
    return sorted(path.name for path in folder.glob("step-*"))


def wait_for(check, process):
    deadline = time.monotonic() + 90
    while not check():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


def gone(pid):
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] in "ZX"


def children(pid):
    done = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in done.stdout.split()]


def test_both_passes_train_and_are_evaluated(planned, capfd):
    layout = planned.layout
    train.main([layout.name, "compass"])
    assert not layout.resume("compass").exists()
    run = read_json(layout.model("compass") / "run.json")
    assert (run["which"], run["seed"], run["init"]) == ("compass", 3, None)
    assert str(Path.cwd()) not in (layout.model("compass") / "run.json").read_text()
    train.main([layout.name, "tailored"])
    assert read_json(layout.model("tailored") / "run.json")["init"] == str(layout.model("compass"))
    assert "Traceback" not in capfd.readouterr().err
    check_evaluation(planned)


def check_evaluation(planned):
    layout, tasks = planned.layout, tuple(sorted(planned.sizes))
    settings = EvaluateSettings(
        name=layout.name, seed=3, tasks=tasks, families=planned.families, target="apples",
        trainings=("compass", "tailored"),
        evaluate=EvaluateParams(), max_tokens=32,
    )  # fmt: skip
    layout.settings("evaluate").write_text(settings.model_dump_json())
    evaluate.main([layout.name])
    folder = layout.evaluation
    first = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert list(first) == ["metrics.json", "per_task.csv", "predictions.parquet"]
    figures = read_json(folder / "metrics.json")
    assert figures["target"] == "apples"
    assert list(figures["compass"]["tasks"]) == list(tasks)
    apples = figures["tailored"]["tasks"]["apples"]["accuracy"]
    assert figures["tailored"]["accuracy_target"] == apples
    table = pl.read_csv(folder / "per_task.csv")
    assert table.columns == [
        "task", "family", "rows", "choices", "chance", "majority", "choice_only", "compass",
        "tailored", "compass_macro_f1", "tailored_macro_f1", "compass_ece", "tailored_ece", "held_out",
    ]  # fmt: skip
    assert table["chance"].to_list() == [0.395833] * 4  # choices 2, 3, 4, 2
    assert table["majority"].to_list() == [0.5] * 4
    predictions = pl.read_parquet(folder / "predictions.parquet")
    assert predictions.columns == [
        "model", "task", "row", "label", "predicted", "probability", "choices",
    ]  # fmt: skip
    right = predictions.filter(pl.col("model") == "compass").group_by("task").agg(
        (pl.col("label") == pl.col("predicted")).mean()
    )  # fmt: skip
    assert dict(right.iter_rows()) == dict(table.select("task", "compass").iter_rows())
    evaluate.main([layout.name])
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == first


def test_a_killed_stage_leaves_no_trainer_and_goes_on_where_it_was(planned):
    layout = planned.layout
    whole = planned.layout.root / "whole"
    run = train.run_json(layout, tell(planned), "compass", whole) | {"resume": "apart"}
    write_json(run, Path("apart/run.json"))
    run_session(Path("apart/run.json"))
    code = f"from pipeline.stages.train import main; main(['{layout.name}', 'compass'])"
    stage = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    wait_for(lambda: checkpoints(layout.resume("compass")), stage)
    trainer = children(stage.pid)
    assert len(trainer) == 1
    stage.send_signal(signal.SIGKILL)
    stage.wait()
    deadline = time.monotonic() + 20
    while not gone(trainer[0]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not layout.model("compass").exists()
    assert checkpoints(layout.resume("compass"))
    train.main([layout.name, "compass"])
    for name in ("log.csv", "tasks.csv", "model.safetensors", "select.json"):
        assert (layout.model("compass") / name).read_bytes() == (whole / name).read_bytes(), name


def test_checkpoints_of_other_settings_are_cleared_with_a_word(planned, capsys):
    layout = planned.layout
    resume = layout.resume("compass")
    run = train.run_json(layout, tell(planned), "compass", Path("out"))
    write_json({"fingerprint": fingerprint(run)}, resume / "step-00000002" / "state.json")
    train.clear_foreign(resume, run)
    assert checkpoints(resume) == ["step-00000002"]
    other = train.run_json(layout, tell(planned, batch=8), "compass", Path("out"))
    train.clear_foreign(resume, other)
    assert not resume.exists()
    said = capsys.readouterr().err
    assert "clears the checkpoint" in said
    assert "train.batch: 16 there, 8 here" in said
    write_json({"fingerprint": 3}, resume / "step-00000002" / "state.json")
    train.clear_foreign(resume, run)
    assert "it cannot be read" in capsys.readouterr().err


def test_an_error_of_two_ranks_comes_through_once_and_leaves_nothing_half_written(
    planned, capfd, monkeypatch
):
    layout = planned.layout
    tell(planned, learning_rate=1e30, clip=1e30, warmup=0.0, checkpoint_every=1)
    monkeypatch.setenv("TASKLOOM_PROCESSES", "2")
    worded = processes._error
    ranks = {}

    def kept(error_file, code, held):
        for path in error_file.parent.iterdir():
            ranks[path.name] = read_json(path)["what"]
        ranks["held"] = held.decode()
        return worded(error_file, code, held)

    monkeypatch.setattr(processes, "_error", kept)
    with pytest.raises(TrainingError, match="is not finite") as error:
        train.main([layout.name, "compass"])
    assert "checkpoint of step 1 is intact" in error.value.remedy
    assert ranks["error.0"] == ranks["error.1"] == error.value.what
    assert "ChildFailedError" in ranks["held"]
    assert "Traceback" not in capfd.readouterr().err
    assert [p.name for p in layout.model("compass").parent.iterdir()] == [".resume-compass"]
    assert checkpoints(layout.resume("compass")) == ["step-00000001"]


def test_a_trainer_that_dies_says_how(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TrainingError, match="the trainer ended with exit code 1"):
        run_trainer(tmp_path / "run.json", processes=1)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_trainer_behind_a_terminal_is_told_so(tmp_path, monkeypatch, terminal):
    """It prints into a pipe, and could not see that a person watches."""
    given = {}

    def popen(command, *, env, stdin, stderr):
        given.update(env)
        assert stdin == subprocess.DEVNULL
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.delenv("TASKLOOM_TERMINAL", raising=False)
    with pytest.raises(KeyboardInterrupt):
        run_trainer(tmp_path / "run.json", processes=1)
    assert given.get("TASKLOOM_TERMINAL") == ("1" if terminal else None)


def test_the_model_card_s_licences_are_told_and_make_no_other_recipe(planned):
    settings = tell(planned)
    licensed = settings.model_copy(update={"licences": {"apples": "CC0-1.0"}})
    plain, told = (
        train.run_json(planned.layout, s, "compass", Path("out")) for s in (settings, licensed)
    )
    assert told["licences"] == {"apples": "CC0-1.0"}
    assert fingerprint(told) == fingerprint(plain)


@pytest.mark.parametrize("wanted", ["0", "two", "-1", ""])
def test_a_wrong_number_of_processes_is_refused(monkeypatch, wanted):
    monkeypatch.setenv("TASKLOOM_PROCESSES", wanted)
    with pytest.raises(ConfigError, match=f"TASKLOOM_PROCESSES: is '{wanted}'"):
        train.processes()


def test_processes_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TASKLOOM_PROCESSES", "3")
    assert train.processes() == 3
    monkeypatch.delenv("TASKLOOM_PROCESSES")
    monkeypatch.setattr(train, "usable_gpus", lambda: 0)
    assert train.processes() == 1


def test_models_are_found_in_folders_and_packages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    assert model_folder("small", None) is None
    assert model_folder("./mine", None) == Path("./mine")
    assert model_folder("package:json", None) == Path(json.__file__).parent
    with pytest.raises(TrainingError, match="'./other' is no folder"):
        model_folder("./other", None)


def test_a_hub_model_that_cannot_be_had_is_worded(tmp_path, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked = {}

    def fetch(name, *, revision, allow_patterns):
        asked.update(name=name, revision=revision, patterns=allow_patterns)
        raise LocalEntryNotFoundError("An error happened while trying to locate the files")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    with pytest.raises(TrainingError) as error:
        model_folder("some/model", "abc")
    assert "model 'some/model' cannot be fetched: An error happened" in str(error.value)
    assert "works offline" in error.value.remedy
    assert asked["revision"] == "abc"
    assert not [p for p in asked["patterns"] if p.endswith((".bin", ".py", ".pt"))]
