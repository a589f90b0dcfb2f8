"""Checks a model folder before anything is loaded from it: no code, no pickle, no file elsewhere.

A model comes from other people. `transformers` can run code that a folder brings along or names, and
reads pickles, which can run code too. A folder that asks for either is refused here, in words. Imports
the standard library alone, so that a stage can check a folder without loading torch.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import TrainingError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Names the files of weights that are stored in several parts."""
SOURCE_REMEDY = "set model.source in params.yaml to a folder as `save_pretrained` writes it"
_CONFIGS = ("config*.json", "tokenizer_config.json", "generation_config.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_ELSEWHERE = {
    "auto_map": "names Python code of its own, and code that comes with a model is never run",
    "configuration_files": "names other configuration files",
    "transformers_weights": "names another file of weights",
}
"""Keys that make `transformers` run or read something else, and what each does."""


def check_configs(folder: Path) -> None:
    """Refuse a folder whose configuration files name code, or files that are read in their place.

    Raises:
        TrainingError: One does, at any depth, or is not JSON.
    """
    for path in sorted({path for pattern in _CONFIGS for path in folder.glob(pattern)}):
        value = _read(path)
        for key in sorted(set(_keys(value)) & _ELSEWHERE.keys()):
            raise TrainingError(
                f"'{key}' {_ELSEWHERE[key]}",
                where=str(path),
                expected=f"a model whose code is part of transformers, without '{key}'",
                remedy=f"take another model, or, where transformers has this architecture itself, "
                f"delete '{key}' in a copy of the folder",
            )


def check_model_folder(folder: Path) -> None:
    """Check that a folder holds a whole model that can be read without running foreign code.

    Args:
        folder: As `save_pretrained` writes it.

    Raises:
        TrainingError: It has no `config.json`; a configuration file names code or other files; it
            holds an adapter; or its weights are pickles, missing, or outside of the folder.
    """
    if not (folder / "config.json").is_file():
        raise TrainingError("has no config.json", where=str(folder), remedy=SOURCE_REMEDY)
    check_configs(folder)
    if (folder / "adapter_config.json").exists():
        raise TrainingError(
            "holds an adapter, which is no whole model: its base would be read from another place",
            where=str(folder),
            remedy="merge the adapter into its base, save that to a folder, and name the folder",
        )
    if (folder / WEIGHTS).is_file():
        return
    if not (folder / INDEX).is_file():
        raise _no_weights(folder)
    parts = _read(folder / INDEX).get("weight_map")
    names = sorted(set(parts.values())) if isinstance(parts, dict) else [parts]
    for name in names:
        if not _is_part(folder, name):
            raise TrainingError(
                f"names {name!r} as a file of weights",
                where=str(folder / INDEX),
                expected="*.safetensors files of the same folder",
                remedy=SOURCE_REMEDY,
            )


def _no_weights(folder: Path) -> TrainingError:
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if not pickles:
        return TrainingError(f"has no {WEIGHTS}", where=str(folder), remedy=SOURCE_REMEDY)
    return TrainingError(
        f"its weights are in {pickles[0]}, a pickle, which can run code and is not read",
        where=str(folder),
        expected=WEIGHTS,
        remedy="take a revision of the model that has safetensors files; or, where you trust the file, "
        "load it once with transformers and save it to a new folder with `save_pretrained`",
    )


def _is_part(folder: Path, name: object) -> bool:
    if not isinstance(name, str) or not name.endswith(".safetensors"):
        return False
    return Path(name).name == name and (folder / name).is_file()


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"not JSON: {error}", where=str(path), remedy=SOURCE_REMEDY) from error
    if not isinstance(value, dict):
        raise TrainingError(
            f"holds {type(value).__name__}, not an object", where=str(path), remedy=SOURCE_REMEDY
        )
    return value


def _keys(value: object) -> Iterator[str]:
    """Yield the keys of all objects inside a JSON value that have something in them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from (key for key, inner in one.items() if inner)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
