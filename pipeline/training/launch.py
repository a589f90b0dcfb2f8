"""Trainer processes that end together with the process that started them.

`python -m pipeline.training.launch N RUN.json` becomes torchrun with N processes. Imports the standard
library only.
"""

import ctypes
import os
import signal
import sys

PARENT = "TASKLOOM_PARENT"
"""Process id of the starter, for a process that is to end with it."""
ERROR_FILE = "TASKLOOM_ERROR_FILE"
"""File (with `.RANK` appended) that takes the worded error of a trainer process."""
TERMINAL = "TASKLOOM_TERMINAL"
"""Set by a starter that passes on to a terminal what a trainer process prints."""
_SET_PARENT_DEATH_SIGNAL = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, if the parent asked for that.

    Does nothing where the environment has no `TASKLOOM_PARENT`, or where there is no Linux: there
    an orphan lives on until the stage's lock ends it.
    """
    parent = os.environ.get(PARENT)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        os._exit(1)  # it ended before the request was made


def close_stdin() -> None:
    """Put an empty standard input in place of this process's own: a trainer asks nobody."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def let_waiting_threads_sleep() -> None:
    """Make OpenMP threads that wait for others sleep; call it before torch is loaded.

    By default they spin. On cores that other processes use too, a step of the small encoder then took
    1,557 ms instead of 223 (two threads, two cores, load 5). Results do not change.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main(arguments: list[str]) -> None:
    """Turn this process into torchrun; its processes end with it."""
    processes, run = arguments
    die_with_parent()
    environment = os.environ | {PARENT: str(os.getpid())}
    environment.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # torchrun's own choice, made without its warning
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", processes, "-m", "pipeline.training", run]
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter


if __name__ == "__main__":
    close_stdin()
    main(sys.argv[1:])
