"""Whole trainings: outputs, resume, ranks, failures on the way."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import TrainingError
from pipeline.training import session
from pipeline.training.choice.export import load_model
from pipeline.training.session import run_session
from pipeline.training.track import NoTracker
from tests.training.prefixes import load_prefixes

ROOT = Path(__file__).parents[2]
DROPOUT = {"dropout": 0.1}


@pytest.fixture(autouse=True)
def settings_of_the_process():
    """Trainings set threads and determinism for their process, which here is pytest's."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def start(module, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(shared_folders):
    """A run to the end, with dropout."""
    run_session(shared_folders.write(shared_folders.run(model=DROPOUT, name="done"), "done"))
    return shared_folders.root / "done"


def test_the_folder_loads_with_transformers(done):
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(done / "out")
    model, info = AutoModel.from_pretrained(done / "out", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    batch = tokenizer("[task: alpha] w1 w2", "w3", return_tensors="pt")
    assert batch["input_ids"][0].tolist() == [2, 65, 6, 7, 3, 8, 3]
    assert batch["token_type_ids"][0].tolist() == [0, 0, 0, 0, 0, 1, 1]
    ours = load_model(done / "out", max_tokens=32)
    with torch.inference_mode():
        theirs = model.eval()(**batch).last_hidden_state[:, 0]
        score = ours.heads.scoring(theirs[:, None])
    assert torch.isfinite(score).all()


def test_the_outputs_are_those_of_the_contract(done, shared_folders):
    names = sorted(path.name for path in (done / "out").iterdir())
    assert names == [
        "README.md", "config.json", "head.safetensors", "log.csv", "model.safetensors",
        "prefixes.safetensors", "run.json", "select.json", "task_log.csv", "tasks.csv", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    log = table(done / "out" / "log.csv")
    assert [int(row["step"]) for row in log] == list(range(1, 11))
    assert int(log[-1]["examples"]) == 78
    tasks = table(done / "out" / "tasks.csv")
    assert [row["task"] for row in tasks] == ["alpha", "beta", "gamma"]
    assert sum(int(row["examples"]) for row in tasks) == 78
    task_log = table(done / "out" / "task_log.csv")
    assert {row["step"] for row in task_log} <= {row["step"] for row in log}
    for row in tasks:
        lines = [line for line in task_log if line["task"] == row["task"]]
        assert sum(int(line["examples"]) for line in lines) == int(row["examples"])
    select = json.loads((done / "out" / "select.json").read_text())
    assert list(select["accuracy"]) == ["alpha", "beta", "gamma"]
    assert list(select["thresholds"]) == ["gamma"]
    recorded = json.loads((done / "out" / "run.json").read_text())
    assert recorded["train"]["batch"] == 8
    assert not {"out", "resume", "model_path", "track"} & recorded.keys()


def test_prefixes_start_as_one_and_training_moves_each(done):
    tasks, initial, final = load_prefixes(done / "out")
    assert tasks == ["alpha", "beta", "gamma"]
    assert torch.equal(initial[0], initial[1])
    moved = (final - initial).norm(dim=1)
    assert (moved > 1e-3).all()
    assert not torch.allclose(final[0], final[1], atol=1e-4)
    assert torch.equal(final, load_model(done / "out", max_tokens=32).embeddings.weight[65:].data)


def test_training_learns_and_select_says_so(folders):
    built = folders(rows=150, positions=1200).build()
    train = {"batch": 16, "learning_rate": 1e-2, "mlm_weight": 0, "token_budget": 2000}
    run_session(built.write(built.run(train=train)))
    out = built.root / "run" / "out"
    accuracy = json.loads((out / "select.json").read_text())["accuracy"]
    assert accuracy["alpha"] > 0.9
    assert float(table(out / "tasks.csv")[0]["accuracy"]) > 0.8
    assert {row["mlm_loss"] for row in table(out / "log.csv")} == {"0"}


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_container_lacks_what_the_trainer_does_not_need(bare):
    names = (
        "datasets",
        "dvc",
        "dvclive",
        "jinja2",
        "numba",
        "polars",
        "pydantic",
        "ruamel",
        "xxhash",
    )
    code = f"from importlib.util import find_spec; print([n for n in {names} if find_spec(n)])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_a_killed_run_goes_on_with_the_identical_losses(done, shared_folders, bare):
    run = shared_folders.run(model=DROPOUT, name="killed")
    path = shared_folders.write(run, "killed")
    process = start("pipeline.training", path)
    wait_for(Path(run["resume"]) / "step-00000003", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = Path(run["out"])
    assert not killed.exists(), "the run ended before it was killed"
    run_session(path)
    for name in ("log.csv", "tasks.csv", "task_log.csv", "select.json"):
        assert (killed / name).read_bytes() == (done / "out" / name).read_bytes()
    ours, theirs = (load_file(out / "model.safetensors") for out in (killed, done / "out"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def losses(folder):
    return (folder / "out" / "log.csv").read_bytes()


def test_resume_is_exact_from_every_step(done, shared_folders):
    """Checkpoints of every step are taken once; the folder of a resumed run holds one of them."""
    every = shared_folders.run(
        model=DROPOUT, name="every", train={"checkpoint_every": 1, "keep_last": 99}
    )
    run_session(shared_folders.write(every, "every"))
    assert losses(shared_folders.root / "every") == losses(done)
    stored = sorted(Path(every["resume"]).iterdir())
    assert [int(path.name[-8:]) for path in stored] == list(range(1, 10))
    for checkpoint in stored:
        name = f"from-{checkpoint.name}"
        run = shared_folders.run(model=DROPOUT, name=name, train={"checkpoint_every": 99})
        shutil.copytree(checkpoint, Path(run["resume"]) / checkpoint.name)
        run_session(shared_folders.write(run, name))
        assert losses(shared_folders.root / name) == losses(done), checkpoint.name


def test_recomputing_activations_changes_no_number(done, shared_folders):
    train = {"gradient_checkpointing": True}
    run = shared_folders.run(model=DROPOUT, name="recomputed", train=train)
    run_session(shared_folders.write(run, "recomputed"))
    for name in ("log.csv", "task_log.csv", "select.json", "model.safetensors", "config.json"):
        ours, theirs = (path / name for path in (Path(run["out"]), done / "out"))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_trackers_hear_of_every_look(shared_folders, monkeypatch):
    heard = []

    class Listening(NoTracker):
        def log(self, step, figures):
            heard.append((step, sorted(figures)))

    monkeypatch.setattr(session, "open_tracker", lambda *_, **__: Listening())
    run = shared_folders.run(name="tracked", train={"select_every": 4, "log_every": 5})
    run_session(shared_folders.write(run, "tracked"))
    figures = ["choice_loss", "examples", "learning_rate", "loss", "mlm_loss", "step", "tokens"]
    by_task = [
        f"tasks/{task}/{what}"
        for task in ("alpha", "beta", "gamma")
        for what in ("accuracy", "examples", "loss")
    ]
    line = sorted([*figures, *by_task])
    look = ["select_accuracy_macro"]
    assert heard == [(4, look), (5, line), (8, look), (10, line), (10, look)]


def test_a_checkpoint_of_another_recipe_is_refused(done, shared_folders):
    run = shared_folders.run(model=DROPOUT, name="done", train={"learning_rate": 1e-4})
    with pytest.raises(
        TrainingError, match="train.learning_rate: 0.003 there, 0.0001 here\n  expected"
    ):
        run_session(shared_folders.write(run, "foreign"))


def test_a_run_goes_on_from_another_ones_model(done, shared_folders):
    run = shared_folders.run(
        name="second", init=str(done / "out"), which="tailored", train={"learning_rate": 1e-9}
    )
    run_session(shared_folders.write(run, "second"))
    _, initial, _ = load_prefixes(Path(run["out"]))
    _, _, final = load_prefixes(done / "out")
    assert torch.equal(initial, final)
    ours, theirs = (load_file(p / "head.safetensors") for p in (Path(run["out"]), done / "out"))
    torch.testing.assert_close(ours["scoring.score.weight"], theirs["scoring.score.weight"])


def test_bf16_trains(folders):
    built = folders(positions=16).build()
    run_session(built.write(built.run(train={"precision": "bf16"})))
    log = table(built.root / "run" / "out" / "log.csv")
    assert 0.5 < float(log[0]["choice_loss"]) < 3
    weights = load_file(built.root / "run" / "out" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_the_command_words_its_errors_and_returns_2(tmp_path):
    process = start("pipeline.training", tmp_path / "none.json")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == f"error: {tmp_path}/none.json: does not exist\n  expected: a run.json\n"
