"""Outputs of a stage that appear whole or not at all.

A stage builds into a uniquely named folder beside its output and renames it at the end. It holds a
lock for as long as it runs: where DVC was killed and its child lived on, the next run ends that
orphan before it starts, so that no one else can write over its result.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ArtefactError

_PATIENCE_S = 10.0


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block succeeds it becomes `path`, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def stage_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of one stage of one mixture; end an orphan that still holds it.

    Args:
        folder: The mixture's data folder; locks lie in its `.locks/`.
        name: Stage, with the task where there are several.

    Raises:
        ArtefactError: Another run, whose parent is alive, holds the lock.
    """
    locks = folder / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name.replace("/", ".")).open("a+") as file:
        _acquire(file.fileno(), locks / name.replace("/", "."), name)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()} {os.getppid()}")
        file.flush()
        yield


def _acquire(handle: int, path: Path, name: str) -> None:
    if _try_lock(handle):
        return
    pid, parent = _holder(path)
    if pid and parent and not _alive(parent):
        print(f"{name}: ending process {pid}, left over from a killed run", file=sys.stderr)
        _end(pid)
    deadline = time.monotonic() + _PATIENCE_S
    while not _try_lock(handle):
        if time.monotonic() > deadline:
            raise ArtefactError(
                f"stage '{name}' is already running (process {pid})",
                where=str(path.parent.parent),
                remedy="wait for that run to end, or stop it",
            )
        time.sleep(0.1)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> tuple[int, int]:
    """Process that holds the lock and its parent; zeros where that cannot be read."""
    parts = path.read_text().split()
    return (int(parts[0]), int(parts[1])) if len(parts) == 2 else (0, 0)


def _alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie that waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
        return _signals(pid)
    return state not in "ZX"


def _signals(pid: int) -> bool:
    """`_alive` where there is no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(pid: int) -> None:
    for kind in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(50):
            if not _alive(pid):
                return
            try:
                os.kill(pid, kind)
            except ProcessLookupError:
                return
            time.sleep(0.1)
