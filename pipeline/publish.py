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

from pipeline.contract.files import writing
from pipeline.errors import ArtefactError

_PATIENCE_S = 10.0


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block succeeds it becomes `path`, replacing what was there.

    Killed at any point, either the old folder or the new one is there whole, at the latest when the
    next run begins. Call it under the lock of a stage: it removes what earlier runs left behind.

    Raises:
        ArtefactError: The folder cannot be written (see `tables.writing`); the old one is still there.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path)
        temporary = _beside(path, "tmp")
        temporary.mkdir()
        try:
            yield temporary
            _replace(path, temporary)
        except ArtefactError as error:
            raise _placed(error, temporary, path) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _placed(error: ArtefactError, temporary: Path, path: Path) -> ArtefactError:
    """Return an error about a temporary file as one about the file that it was to be."""
    where = error.where.replace(str(temporary), str(path))
    return ArtefactError(error.what, where=where, expected=error.expected, remedy=error.remedy)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.{kind}")


def _tidy(path: Path) -> None:
    """Put back an old folder that a killed run had moved aside; remove all else that it left."""
    for old in path.parent.glob(f".{path.name}.*.old"):
        if not path.exists():
            os.replace(old, path)
    for kind in ("tmp", "old"):
        for stale in path.parent.glob(f".{path.name}.*.{kind}"):
            shutil.rmtree(stale, ignore_errors=True)


def _replace(path: Path, new: Path) -> None:
    """Move the old folder aside, the new one in, and remove the old one."""
    if not path.exists():
        os.replace(new, path)
        return
    aside = _beside(path, "old")
    os.replace(path, aside)
    try:
        os.replace(new, path)
    except OSError:
        os.replace(aside, path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def stage_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of one stage of one mixture; end an orphan that still holds it.

    Args:
        folder: The mixture's data folder; locks lie in its `.locks/`.
        name: Stage, with the task where there are several.

    Raises:
        ArtefactError: Another run, whose parent is alive, holds the lock, or the folder cannot be
            written.
    """
    path = folder / ".locks" / name.replace("/", ".")
    with writing(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    with file:
        _acquire(file.fileno(), path, name)
        with writing(folder):
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()} {os.getppid()}")
            file.flush()
        yield


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`, and wait for no one.

    Args:
        path: The file; its folder is made.
        what: What it is that runs alone, for the message.

    Raises:
        ArtefactError: Another process holds it.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    with file:
        if not _try_lock(file.fileno()):
            raise ArtefactError(
                f"{what} is already running",
                where=str(path.parent.parent),
                remedy="wait for that run to end, or stop it",
            )
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
