"""Checkpoints: whole or absent, refused by a run that they do not belong to.

A checkpoint is a folder `step-N` with `model.safetensors`, `optimizer.safetensors` and `state.json`,
written under another name, flushed to disk and renamed. No generator's state is in it: every draw of a
training belongs to a position, so the step is all that there is to know. Knows tensors by name and
plain JSON; knows no model.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.errors import TrainingError
from pipeline.training.fingerprint import Fingerprint, differences

VERSION = 1
KEEP = 2
"""Checkpoints that stay; the older one is for a disk that loses the newer."""
_PREFIX = "step-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after `step` steps."""

    step: int
    model: dict[str, Tensor]
    """Weights of the encoder and the heads, and the prefixes' initial rows."""
    optimizer: dict[str, Tensor]
    progress: dict[str, Any]
    """`Progress.state()`."""


def save(folder: Path, checkpoint: Checkpoint, fingerprint: Fingerprint) -> None:
    """Write a checkpoint into `folder`, then remove all but the `KEEP` newest.

    Raises:
        TrainingError: The disk is full or not writable; earlier checkpoints are intact.
    """
    final = folder / f"{_PREFIX}{checkpoint.step:08d}"
    temporary = folder / f".{final.name}.{uuid.uuid4().hex[:12]}.tmp"
    state = {
        "version": VERSION,
        "step": checkpoint.step,
        "fingerprint": fingerprint,
        "progress": checkpoint.progress,
    }
    try:
        temporary.mkdir(parents=True)
        save_file(_plain(checkpoint.model), temporary / "model.safetensors")
        save_file(_plain(checkpoint.optimizer), temporary / "optimizer.safetensors")
        (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
        for file in sorted(temporary.iterdir()):
            _flush(file)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        _flush(folder)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"checkpoint cannot be written: {error}",
            where=str(folder),
            remedy="make room on the disk and run again; the checkpoint before this one is intact",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in stored(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in sorted(tensors.items())}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stored(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, oldest first; leftovers of killed runs are not among them."""
    return sorted(folder.glob(f"{_PREFIX}*")) if folder.is_dir() else []


def newest(folder: Path, fingerprint: Fingerprint) -> Checkpoint | None:
    """Load the newest checkpoint of a folder; None where there is none.

    Raises:
        TrainingError: It belongs to another run (the message says what differs) or is damaged.
    """
    found = stored(folder)
    if not found:
        return None
    state = read_state(found[-1])
    foreign = differences(state["fingerprint"], fingerprint)
    if foreign:
        shown = [*foreign[:8], f"and {len(foreign) - 8} more"] if len(foreign) > 8 else foreign
        raise TrainingError(
            "belongs to another run: " + "; ".join(shown),
            where=str(found[-1]),
            expected="a checkpoint of this run.json over these tokens and this order",
            remedy=f"delete {folder} to start afresh, or name another folder as 'resume'",
        )
    try:
        model = load_file(found[-1] / "model.safetensors")
        optimizer = load_file(found[-1] / "optimizer.safetensors")
    except (OSError, SafetensorError) as error:
        raise _damaged(found[-1], error) from error
    return Checkpoint(state["step"], model, optimizer, state["progress"])


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint's `state.json`.

    Raises:
        TrainingError: It is missing, not JSON or of another version.
    """
    try:
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        known = state["version"] == VERSION and {"step", "fingerprint", "progress"} <= state.keys()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(checkpoint, error) from error
    if not known:
        raise _damaged(checkpoint, f"version {state['version']!r}, expected {VERSION}")
    result: dict[str, Any] = state
    return result


def _damaged(checkpoint: Path, error: object) -> TrainingError:
    return TrainingError(
        f"not a readable checkpoint: {error}",
        where=str(checkpoint),
        remedy="delete it; the run goes on from the one before it, or starts afresh",
    )
