"""One training on several processes: equal results, and a bounded end when one of them fails."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ConfigError, TrainingError
from pipeline.training.ranks import Ranks, exchange_timeout, join_ranks
from pipeline.training.session import run_session

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5
"""Of losses, absolute: ranks add up in another order, in float32."""


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def equal(ours, theirs):
    """Compare two output folders: tokens and examples of every step exactly, losses closely."""
    for name, exact in (("log.csv", ("step", "tokens", "examples")), ("tasks.csv", ("examples",))):
        one, other = table(ours / name), table(theirs / name)
        for left, right in zip(one, other, strict=True):
            assert left.pop("task", "") == right.pop("task", "")
            for key, value in left.items():
                if key in exact:
                    assert value == right[key], (name, key)
                else:
                    assert float(value) == pytest.approx(float(right[key]), abs=TOLERANCE), key
    one, other = (json.loads((path / "select.json").read_text()) for path in (ours, theirs))
    assert one["accuracy"] == other["accuracy"]


@pytest.fixture(scope="module")
def alone(shared_folders):
    """A run of one process, without dropout, and its checkpoints of all steps."""
    run = shared_folders.run(name="alone", train={"checkpoint_every": 1, "keep_last": 99})
    run_session(shared_folders.write(run, "alone"))
    return run


@pytest.mark.parametrize("world", [2, 4])
def test_many_ranks_lose_what_one_loses(alone, shared_folders, trainers, world):
    name = f"world{world}"
    run = shared_folders.run(name=name)
    ranks = trainers.ranks(shared_folders.write(run, name), world)
    assert [rank.end() for rank in ranks] == [0] * world
    equal(Path(run["out"]), Path(alone["out"]))


def test_a_run_goes_on_at_another_world_size(alone, shared_folders, trainers):
    """From one process to two, killed there, and to the end on three."""
    run = shared_folders.run(name="elastic", train={"checkpoint_every": 1})
    resume = Path(run["resume"])
    shutil.copytree(Path(alone["resume"]) / "step-00000002", resume / "step-00000002")
    path = shared_folders.write(run, "elastic")
    two = trainers.ranks(path, 2)
    two[0].wait_for(resume / "step-00000005")
    for rank in two:
        rank.kill()
    assert not Path(run["out"]).exists()
    three = trainers.ranks(path, 3)
    assert [rank.end() for rank in three] == [0, 0, 0]
    assert re.search(r"goes on from step \d+ of 10", three[0].output.read_text())
    equal(Path(run["out"]), Path(alone["out"]))


def test_under_torchrun_in_a_container(alone, shared_folders, bare):
    run = shared_folders.run(name="torchrun")
    command = [sys.executable, "-m", "pipeline.training.launch", "2"]
    done = subprocess.run(
        [*command, str(shared_folders.write(run, "torchrun"))],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    equal(Path(run["out"]), Path(alone["out"]))


def test_more_ranks_than_rows_wait_for_each_other(folders, trainers):
    built = folders(positions=17).build()
    run = built.run(train={"batch": 2})
    ranks = trainers.ranks(built.write(run), 4)
    assert [rank.end() for rank in ranks] == [0] * 4
    assert [row["examples"] for row in table(Path(run["out"]) / "log.csv")][-2:] == ["16", "17"]


def test_a_killed_rank_ends_the_others_with_a_word(shared_folders, trainers):
    run = shared_folders.run(name="lost", train={"checkpoint_every": 1, "batch": 1})
    ranks = trainers.ranks(shared_folders.write(run, "lost"), 3)
    ranks[0].wait_for(Path(run["resume"]) / "step-00000002")
    ranks[1].kill()
    assert [rank.end(20) for rank in ranks] == [2, -signal.SIGKILL, 2]
    for rank in (ranks[0], ranks[2]):
        said = rank.output.read_text()
        assert "another process of this training ended or stopped answering" in said
        assert "Traceback" not in said
    assert not Path(run["out"]).exists()
    assert sorted(Path(run["resume"]).glob("step-*"))


def test_a_rank_that_stops_answering_is_waited_for_a_bounded_time(shared_folders, trainers):
    run = shared_folders.run(name="silent", train={"checkpoint_every": 1, "batch": 1})
    path = shared_folders.write(run, "silent")
    ranks = trainers.ranks(path, 2, TASKLOOM_TIMEOUT="2")
    ranks[0].wait_for(Path(run["resume"]) / "step-00000002")
    os.kill(ranks[1].process.pid, signal.SIGSTOP)
    started = time.monotonic()
    assert ranks[0].end(20) == 2
    assert time.monotonic() - started < 10
    assert "set TASKLOOM_TIMEOUT to more seconds" in ranks[0].output.read_text()
    ranks[1].kill()


def test_a_failure_of_one_rank_ends_all_of_them(folders, trainers):
    """Only the first process of a machine compares hashes: the other one hears of it."""
    built = folders().build()
    manifest = built.root / "mix" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"sha256": "0" * 64}))
    ranks = trainers.ranks(built.write(built.run()), 2)
    assert [rank.end() for rank in ranks] == [2, 2]
    assert "order.arrow: has SHA-256" in ranks[0].output.read_text()
    assert "another process of this training failed" in ranks[1].output.read_text()
    assert not (built.root / "run" / "out").exists()


def test_a_rank_that_never_comes_is_worded(monkeypatch):
    meeting = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in meeting.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TASKLOOM_TIMEOUT", "0.2")
    with (
        pytest.raises(
            TrainingError, match="process 1 of 2: cannot meet the other processes"
        ) as error,
        join_ranks(),
    ):
        pass
    assert "MASTER_ADDR" in error.value.expected


def test_one_process_is_a_world_of_its_own(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_ranks() as ranks:
        assert (ranks.rank, ranks.world, ranks.first) == (0, 1, True)
        figures = np.array([1.0, 2.0])
        assert ranks.total(figures) is figures
        assert ranks.together(lambda: 3) == 3


def test_an_own_failure_comes_before_that_of_the_others(monkeypatch):
    """Where the others are gone already, what happened here is still said."""
    ranks = Ranks(0, 0, 2, torch.device("cpu"))

    def gone(values):
        raise RuntimeError(
            "[gloo/pair.cc:1] Connection closed by peer [10.0.0.1]:2. This is a guess"
        )

    monkeypatch.setattr(torch.distributed, "all_reduce", gone)
    with pytest.raises(TrainingError, match="mine"):
        ranks.together(lambda: (_ for _ in ()).throw(TrainingError("mine")))
    with pytest.raises(
        TrainingError, match=r"stopped answering \(Connection closed by peer \[10.0.0.1\]:2\)"
    ):
        ranks.together(lambda: 3)


@pytest.mark.parametrize("wanted", ["0", "-3", "soon", "nan", ""])
def test_a_wrong_time_out_is_refused(monkeypatch, wanted):
    monkeypatch.setenv("TASKLOOM_TIMEOUT", wanted)
    with pytest.raises(ConfigError, match=f"TASKLOOM_TIMEOUT: is '{wanted}'"):
        exchange_timeout()


def test_the_time_out_has_a_default(monkeypatch):
    monkeypatch.delenv("TASKLOOM_TIMEOUT", raising=False)
    assert exchange_timeout() == timedelta(minutes=10)
