"""Checkpoints: whole or absent, refused by a run that they do not belong to.

A checkpoint is a folder `step-N` with `model.safetensors`, `optimizer.safetensors` and `state.json`,
written under another name, flushed to disk and renamed. No generator's state is in it: every draw of a
training belongs to a position, so the step is all that there is to know. Beside it lies `best-N`, the
model that did best on `select` rows so far, where a run asks for that.
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
from pipeline.training.fingerprint import Fingerprint, differences, recipe

VERSION = 4
RANDOMNESS = "every draw is keyed by (seed, position): there is no generator's state to keep"
"""What stands in a checkpoint in place of generators."""
_STEP = "step-"
_BEST = "best-"
_SHOWN = 12
"""Differences that an error names."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after `step` steps."""

    step: int
    model: dict[str, Tensor]
    """Weights of the encoder and the heads, and the prefixes' initial rows."""
    optimizer: dict[str, Tensor]
    progress: dict[str, Any]
    """`Progress.state()`."""
    looks: dict[str, Any]
    """`Looks.state()`; `best_step` names the folder of the best model, null = none yet."""
    balance: dict[str, Any]
    """`Balance.state()`."""


def save(folder: Path, checkpoint: Checkpoint, fingerprint: Fingerprint, *, keep: int) -> None:
    """Write a checkpoint into `folder`, then remove all but the newest.

    Args:
        folder: Holds the run's checkpoints and nothing else of worth.
        checkpoint: The training.
        fingerprint: Of the run.
        keep: Checkpoints that stay, 1 or more; a second one is for a disk that loses the newest.

    Raises:
        TrainingError: The disk is full or not writable; earlier checkpoints are intact.
    """
    state = {
        "version": VERSION,
        "step": checkpoint.step,
        "randomness": RANDOMNESS,
        "fingerprint": fingerprint,
        "progress": checkpoint.progress,
        "looks": checkpoint.looks,
        "balance": checkpoint.balance,
    }
    tensors = {"model": checkpoint.model, "optimizer": checkpoint.optimizer}
    _write(folder / f"{_STEP}{checkpoint.step:08d}", tensors, state)
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    _tidy(folder, checkpoint.looks["best_step"])


def save_best(folder: Path, step: int, model: Mapping[str, Tensor]) -> None:
    """Write the model of `step` as the best so far; those that no checkpoint knows are removed.

    Raises:
        TrainingError: The disk is full or not writable; all that lay there is intact.
    """
    _write(_best(folder, step), {"model": model}, {"version": VERSION, "step": step})
    _tidy(folder, step)


def load_best(folder: Path, step: int) -> dict[str, Tensor]:
    """Load the model that `save_best` wrote at `step`.

    Raises:
        TrainingError: It is missing or damaged.
    """
    return _tensors(_best(folder, step), "model")


def _best(folder: Path, step: int) -> Path:
    return folder / f"{_BEST}{step:08d}"


def _tidy(folder: Path, best_step: int | None) -> None:
    """Remove the best models that neither the run nor a stored checkpoint would come back to."""
    needed = {read_state(path)["looks"]["best_step"] for path in list_checkpoints(folder)} | {
        best_step
    }
    keep = {_best(folder, step).name for step in needed if step is not None}
    for path in folder.glob(f"{_BEST}*"):
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def _write(final: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: object) -> None:
    """Write a folder of safetensors and a `state.json`, whole or not at all."""
    folder = final.parent
    for stale in folder.glob(".*.tmp"):  # of a run that was killed while it wrote
        shutil.rmtree(stale, ignore_errors=True)
    temporary = folder / f".{final.name}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        temporary.mkdir(parents=True)
        for name, values in tensors.items():
            save_file(_plain(values), temporary / f"{name}.safetensors")
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


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in sorted(tensors.items())}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, oldest first; leftovers of killed runs are not among them."""
    return sorted(folder.glob(f"{_STEP}*")) if folder.is_dir() else []


def load_newest(folder: Path, fingerprint: Fingerprint) -> Checkpoint | None:
    """Load the newest checkpoint of a folder; None where there is none.

    Raises:
        TrainingError: It belongs to another run (the message says what differs) or is damaged.
    """
    found = list_checkpoints(folder)
    if not found:
        return None
    state = read_state(found[-1])
    foreign = differences(state["fingerprint"], fingerprint)
    if foreign:
        raise _foreign(found[-1], state, fingerprint, foreign)
    model, optimizer = (_tensors(found[-1], name) for name in ("model", "optimizer"))
    best = state["looks"]["best_step"]
    if best is not None and not _best(folder, best).is_dir():
        raise _damaged(found[-1], f"the best model so far, {_best(folder, best)}, is not there")
    parts = (state[key] for key in ("progress", "looks", "balance"))
    return Checkpoint(state["step"], model, optimizer, *parts)


def _foreign(
    path: Path, state: Mapping[str, Any], here: Fingerprint, foreign: list[str]
) -> TrainingError:
    """Word what two recipes are and where they part."""
    hidden = len(foreign) - _SHOWN
    lines = [*foreign[:_SHOWN], f"and {hidden} more"] if hidden > 0 else foreign
    told = [
        "belongs to another recipe",
        f"there: {recipe(state['fingerprint'])}, step {state['step']}",
        f"here:  {recipe(here)}",
        *(f"- {line}" for line in lines),
    ]
    return TrainingError(
        "\n  ".join(told),
        where=str(path),
        expected="a checkpoint of this run.json over these tokens and this order",
        remedy=f"set back what differs to go on from it, delete {path.parent} to start afresh, "
        "or name another folder as 'resume'",
    )


def _tensors(folder: Path, name: str) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(folder / f"{name}.safetensors")
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    return tensors


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint's `state.json`.

    Raises:
        TrainingError: It is missing, not JSON or of another version.
    """
    try:
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        keys = {"step", "fingerprint", "progress", "looks", "balance"}
        known = state["version"] == VERSION and keys <= state.keys()
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
