"""What a checkpoint belongs to: one value for each thing that decides a training's numbers.

Standard library only, so that a stage can compare fingerprints without torch. Paths count by what
they hold; `out`, `resume`, the tracker and how often checkpoints are written do not count, and the
number of processes does not: global batches are the same for any.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

VERSION = 1
"""Of the trainer's arithmetic; raised when the same run.json gives other numbers than before."""

Fingerprint = dict[str, str]
"""Value by key, all text: settings by dotted name, hashes of files, versions of packages."""

_WITHOUT_EFFECT = ("out", "resume", "track", "licences")
_CONTENTS = {
    "mix": "other rows, or the same in another order",
    "tokens.train": "other token shards to train on",
    "tokens.select": "other token shards to look at",
    "tokenizer": "another tokenizer",
    "model_path": "other weights of the pretrained model",
    "init": "other weights to start from",
    "torch": "another version of torch, whose sums may differ",
    "transformers": "another version of transformers",
    "trainer": "another version of the trainer's arithmetic",
}
"""What it means that such a key differs; the others are settings, and speak for themselves."""


def fingerprint(run: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint of a run.json, whose paths must exist as far as they are named.

    A file that is missing has the hash `missing`: opening it says so in better words.
    """
    parts = {"trainer": str(VERSION)}
    for package in ("torch", "transformers"):
        parts[package] = _version(package)
    for key, value in sorted(run.items()):
        if key in ("model", "train"):
            settings = _decisive(value) if key == "train" else value
            parts |= {f"{key}.{name}": json.dumps(v) for name, v in sorted(settings.items())}
        elif key == "tokens":
            for role, folder in sorted(value.items()):
                parts[f"tokens.{role}"] = _hash(Path(folder) / "manifest.json")
        elif key in ("mix", "tokenizer", "model_path", "init"):
            parts[key] = json.dumps(None) if value is None else _content(key, Path(value))
        elif key not in _WITHOUT_EFFECT:
            parts[key] = json.dumps(value)
    return parts


def _decisive(train: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that decide numbers: how often and how many checkpoints are not among them."""
    settings = dict(train)
    every = settings.pop("checkpoint_every", None)
    settings.pop("keep_last", None)
    if settings.get("best") and settings.get("select_every") is None:
        settings["select_every"] = every
    return settings


def _content(key: str, folder: Path) -> str:
    """Hash what a named folder gives to the training."""
    names = {"mix": ("order.arrow",), "tokenizer": ("tokenizer.json",)}.get(key)
    files = [folder / name for name in names] if names else sorted(folder.glob("*.safetensors"))
    if not names:
        files = [folder / "config.json", *files]
    joined = "".join(f"{file.name} {_hash(file)}\n" for file in files)
    return hashlib.sha256(joined.encode()).hexdigest()


def _hash(path: Path) -> str:
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def mixture_sha256(marks: Mapping[str, str]) -> str:
    """Return one hash over the tokens and the order: which rows were read, and in which order."""
    joined = "".join(f"{key} {marks[key]}\n" for key in ("mix", "tokens.train"))
    return hashlib.sha256(joined.encode()).hexdigest()


def recipe(marks: Mapping[str, str]) -> str:
    """Word whose fingerprint this is: mixture, pass, seed and model."""
    name, which, seed, model = (
        marks.get(key, "unknown").strip('"') for key in ("name", "which", "seed", "model.source")
    )
    return f"mixture '{name}', pass '{which}', seed {seed}, model '{model}'"


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Word what differs between a checkpoint's fingerprint and a run's; empty where nothing does."""
    lines = []
    for key in sorted({*there, *here}):
        old, new = there.get(key, "absent"), here.get(key, "absent")
        if old != new:
            means = f"{_CONTENTS[key]}, " if key in _CONTENTS else ""
            lines.append(f"{key}: {means}{_short(old)} there, {_short(new)} here")
    return lines


def _short(value: str) -> str:
    return f"{value[:12]}..." if len(value) == 64 else value
