"""Whole trainings: outputs, resume, ranks, failures on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import ArtefactError, TrainingError
from pipeline.training import loop
from pipeline.training.export import load_model, load_prefixes
from pipeline.training.session import run_session

ROOT = Path(__file__).parents[2]
DROPOUT = {"dropout": 0.1}


@pytest.fixture(autouse=True)
def settings_of_the_process():
    """Trainings set threads and determinism for their process, which here is pytest's."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


BARE = """
import sys
for name in ("datasets", "dvc", "dvclive", "polars", "pydantic", "ruamel"):
    sys.modules[name] = None
"""


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """Started processes find only what a container for training has."""
    (tmp_path / "sitecustomize.py").write_text(BARE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", "import polars"], capture_output=True, check=False)
    assert b"import of polars halted" in done.stderr


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
        "config.json", "head.safetensors", "log.csv", "model.safetensors", "prefixes.safetensors",
        "run.json", "select.json", "tasks.csv", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    log = table(done / "out" / "log.csv")
    assert [int(row["step"]) for row in log] == list(range(1, 11))
    assert int(log[-1]["examples"]) == 78
    tasks = table(done / "out" / "tasks.csv")
    assert [row["task"] for row in tasks] == ["alpha", "beta", "gamma"]
    assert sum(int(row["examples"]) for row in tasks) == 78
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
    for name in ("log.csv", "tasks.csv", "select.json"):
        assert (killed / name).read_bytes() == (done / "out" / name).read_bytes()
    ours, theirs = (load_file(out / "model.safetensors") for out in (killed, done / "out"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("stop", [1, 2, 5, 9])
def test_resume_is_exact_from_any_step(done, shared_folders, monkeypatch, stop):
    name = f"stop{stop}"
    run = shared_folders.run(
        model=DROPOUT, name=name, train={"checkpoint_every": 3}
    )  # the same recipe
    path = shared_folders.write(run, name)
    step = loop.one_step

    def interrupted(training):
        if training.step == stop:
            loop._save(training, Path(run["resume"]), marks)
            raise KeyboardInterrupt
        return step(training)

    from pipeline.training.fingerprint import fingerprint

    marks = fingerprint(run)
    monkeypatch.setattr(loop, "one_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_session(path)
    monkeypatch.setattr(loop, "one_step", step)
    run_session(path)
    assert (Path(run["out"]) / "log.csv").read_bytes() == (done / "out" / "log.csv").read_bytes()


def test_a_checkpoint_of_another_recipe_is_refused(done, shared_folders):
    run = shared_folders.run(model=DROPOUT, name="done", train={"learning_rate": 1e-4})
    with pytest.raises(TrainingError, match="train.learning_rate: 0.003 there, 0.0001 here"):
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


def test_two_ranks_lose_what_one_loses(shared_folders, bare):
    run = shared_folders.run(name="one")
    run_session(shared_folders.write(run, "one"))
    run_2 = shared_folders.run(name="two")
    process = start("pipeline.training.launch", 2, shared_folders.write(run_2, "two"))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    for name, places in (("log.csv", 1e-5), ("tasks.csv", 1e-5)):
        one, two = (table(Path(r["out"]) / name) for r in (run, run_2))
        for ours, theirs in zip(one, two, strict=True):
            assert ours.pop("task", "") == theirs.pop("task", "")
            for key, value in ours.items():
                assert float(value) == pytest.approx(float(theirs[key]), abs=places), key
    one, two = (json.loads((Path(r["out"]) / "select.json").read_text()) for r in (run, run_2))
    assert one["accuracy"] == two["accuracy"]


def test_a_loss_that_is_not_finite_is_an_error_and_keeps_the_checkpoint(shared_folders):
    wild = {"clip": 1e30, "learning_rate": 1e30, "warmup": 0, "checkpoint_every": 1}
    run = shared_folders.run(name="nan", train=wild)
    with pytest.raises(TrainingError, match="of step 2 is not finite") as error:
        run_session(shared_folders.write(run, "nan"))
    assert error.value.remedy.endswith("the checkpoint of step 1 is intact")
    assert [path.name for path in sorted(Path(run["resume"]).iterdir())] == ["step-00000001"]
    assert not Path(run["out"]).exists()


def test_damaged_artefacts_end_before_anything_is_written(folders):
    built = folders().build()
    shard = built.root / "tokens" / "train" / "beta.arrow"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(ArtefactError, match="beta.arrow: has SHA-256"):
        run_session(built.write(built.run()))
    assert not (built.root / "run" / "out").exists()


def test_another_tokenizer_is_refused(folders):
    built = folders().build()
    path = built.root / "tokenizer" / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ArtefactError, match="tokenizer.json: has SHA-256"):
        run_session(built.write(built.run()))


def test_the_command_words_its_errors_and_returns_2(tmp_path):
    process = start("pipeline.training", tmp_path / "none.json")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == f"error: {tmp_path}/none.json: does not exist\n  expected: a run.json\n"
