"""Outputs appear whole; one run at a time; orphans of killed runs are ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import publish
from pipeline.errors import ArtefactError

HOLD = """
import sys, time
from pathlib import Path
from pipeline.publish import stage_lock
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


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline import publish
calls, point = [], int(sys.argv[2])
real = os.replace

def replace(*paths):
    calls.append(paths)
    if len(calls) == point:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*paths)
    if len(calls) == point - 10:
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = replace
with publish.new_folder(Path(sys.argv[1])) as folder:
    (folder / "a").write_text("new")
"""
"""Killed before the n-th rename, or after it where 10 is added."""


@pytest.mark.parametrize(
    ("point", "left"), [(1, "old"), (2, "old"), (11, "old"), (12, "new")],
)  # fmt: skip
def test_killed_while_it_swaps_the_old_folder_or_the_new_one_is_there_whole(
    tmp_path: Path, point: int, left: str
):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a").write_text("old")
    (target / "b").write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(target), str(point)], check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(RuntimeError), publish.new_folder(target):  # noqa: PT012
        # the next run has tidied up before it does anything of its own
        there = {p.name: p.read_text() for p in target.iterdir()}
        assert there == ({"a": "old", "b": "old"} if left == "old" else {"a": "new"})
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert {p.name: p.read_text() for p in target.iterdir()} == there


def test_a_folder_that_cannot_be_swapped_in_leaves_the_old_one(tmp_path: Path, monkeypatch):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a").write_text("old")
    real = os.replace

    def replace(source, destination):
        if Path(destination) == target and ".tmp" in str(source):
            raise OSError(28, "No space left on device")
        real(source, destination)

    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(ArtefactError, match="out: cannot be written: No space left"),
        publish.new_folder(target) as folder,
    ):
        (folder / "a").write_text("new")
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_error_in_a_new_folder_names_the_file_that_was_to_be(tmp_path: Path):
    target = tmp_path / "out"
    with (
        pytest.raises(ArtefactError) as caught,
        publish.new_folder(target) as folder,
    ):
        raise ArtefactError(
            "is odd", where=str(folder / "a.json"), expected="even", remedy="halve it"
        )
    assert str(caught.value) == f"{target / 'a.json'}: is odd\n  expected: even\n  to do: halve it"


def test_what_runs_alone_waits_for_no_one(tmp_path: Path):
    path = tmp_path / "out/.export/lock"
    with publish.alone(path, "an export"):
        with pytest.raises(ArtefactError) as caught, publish.alone(path, "an export"):
            pass
        assert str(caught.value) == (
            f"{tmp_path / 'out'}: an export is already running\n"
            "  to do: wait for that run to end, or stop it"
        )
    with publish.alone(path, "an export"):
        pass


def test_a_place_that_takes_no_lock_is_worded(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtefactError, match="cannot be written: Not a directory"),
        publish.stage_lock(tmp_path / "file" / "toy", "mix"),
    ):
        pass


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
