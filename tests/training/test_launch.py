import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.training.launch import die_with_parent, let_waiting_threads_sleep

ROOT = Path(__file__).parents[2]

# a parent that starts a child as the stage does, says its id, and waits
PARENT = """
import os, subprocess, sys, time
environment = os.environ | {"TASKLOOM_PARENT": str(os.getpid())}
code = "import time; from pipeline.training.launch import die_with_parent; die_with_parent();"
code += "print('ready', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid):
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] in "ZX"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_killed_parent_leaves_no_trainer_behind():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    child = int(parent.stdout.readline())
    assert not gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child)


def test_a_trainer_hears_nobody():
    """As `python -m pipeline.training` does first: whatever is typed or piped in, nothing is read."""
    code = "from pipeline.training.launch import close_stdin; close_stdin();"
    code += "import sys; print(repr(sys.stdin.read()))"
    done = subprocess.run(
        [sys.executable, "-c", code], input="y\n", capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "''\n"


def test_waiting_threads_sleep_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


def test_a_process_started_by_hand_is_left_alone(monkeypatch):
    monkeypatch.delenv("TASKLOOM_PARENT", raising=False)
    die_with_parent()
    assert os.getpid()


def test_a_process_whose_parent_is_gone_already_ends_at_once():
    code = "from pipeline.training.launch import die_with_parent; die_with_parent(); print('lived')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TASKLOOM_PARENT": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
