"""Outputs appear whole; one run at a time; orphans of killed runs are ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import ArtefactError
from pipeline.stages import publish

HOLD = """
import sys, time
from pathlib import Path
from pipeline.stages.publish import stage_lock
with stage_lock(Path(sys.argv[1]), "mix"):
    print("held", flush=True)
    time.sleep(60)
"""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_folder_appears_when_its_block_succeeds(tmp_path: Path):
    target = tmp_path / "out"
    with publish.new_folder(target) as folder:
        (folder / "a").write_text("new")
        assert not target.exists()
    assert (target / "a").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failing_block_leaves_the_old_folder(tmp_path: Path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(RuntimeError), publish.new_folder(target) as folder:  # noqa: PT012
        (folder / "a").write_text("half")
        raise RuntimeError
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "stale").write_text("old")
    with publish.new_folder(target) as folder:
        (folder / "a").write_text("new")
    assert [p.name for p in target.iterdir()] == ["a"]


def test_litter_of_a_killed_run_is_swept(tmp_path: Path):
    (tmp_path / ".out.0123456789ab.tmp").mkdir()
    with publish.new_folder(tmp_path / "out"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_second_run_is_refused_while_the_first_lives(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(publish, "_PATIENCE_S", 0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(ArtefactError) as caught, publish.stage_lock(tmp_path, "mix"):
            pass
        holder.kill()
    assert str(caught.value) == (
        f"{tmp_path}: stage 'mix' is already running (process {holder.pid})\n"
        "  to do: wait for that run to end, or stop it"
    )


def test_another_stage_is_not_held_up(tmp_path: Path):
    with publish.stage_lock(tmp_path, "mix"), publish.stage_lock(tmp_path, "plan"):
        pass


def test_an_orphan_of_a_killed_run_is_ended(tmp_path: Path, capsys):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), HOLD], stdout=subprocess.PIPE
    )
    orphan = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    start = time.monotonic()
    with publish.stage_lock(tmp_path, "mix"):
        assert not publish._alive(orphan)
    assert time.monotonic() - start < 8
    assert f"mix: ending process {orphan}, left over" in capsys.readouterr().err


def test_the_lock_is_free_again_afterwards(tmp_path: Path):
    for _ in range(2):
        with publish.stage_lock(tmp_path, "normalize/apples"):
            pass
