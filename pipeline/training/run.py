"""run.json: all that the trainer is told, read into frozen dataclasses and checked.

The trainer must run without pydantic, so the checks are here once more, in plain Python. Opens
run.json and nothing that it names.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pipeline.errors import ConfigError, unknown_name

VERSION = 1
_REQUIRED = object()


def _number(
    low: float, high: float = math.inf, *, above: bool = False, default: Any = _REQUIRED
) -> Any:
    """A field in [low, high], or in (low, high] where `above` is set."""
    metadata = {"low": low, "high": high, "above": above, "default": default}
    return field(metadata=metadata)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The encoder (`model` of params.yaml). Size counts for a `small` one only."""

    source: str
    revision: str | None
    layers: int = _number(1)
    width: int = _number(1)
    heads: int = _number(1)
    vocabulary: int = _number(1)
    dropout: float = _number(0, 1)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """The training (`train` of params.yaml). Nothing here depends on the number of processes."""

    layout: Literal["ragged", "shared_context", "padded", "compassmtl"]
    readout: Literal["own_cls", "last_sep"]
    """Where a choice is scored in the shared-context layout."""
    mlm_pass: Literal["second", "same"]
    mask_prefix: Literal["never", "like_any_token", "always"]
    prefix_init: Literal["shared", "random"]
    precision: Literal["fp32", "bf16"]
    gradient_checkpointing: bool
    compile: bool
    best: bool
    """Whether the result is the best model on `select` rows; otherwise it is the last."""
    max_options: int | None = _number(2)
    batch: int = _number(1)
    token_budget: int = _number(1)
    learning_rate: float = _number(0, above=True)
    warmup: float = _number(0, 1)
    weight_decay: float = _number(0)
    clip: float = _number(0, above=True)
    mlm_weight: float = _number(0)
    mlm_probability: float = _number(0, 1)
    threads: int = _number(1)
    log_every: int = _number(1)
    checkpoint_every: int = _number(1)
    keep_last: int = _number(1)
    """Checkpoints that stay."""
    select_every: int | None = _number(1)
    """Steps between two looks at the `select` rows; None: at the end only, or, where the best model is
    asked for, with every checkpoint."""


@dataclass(frozen=True, slots=True)
class TextSettings:
    """The text view (`text` of params.yaml), as far as it concerns training."""

    model: Literal["causal", "seq2seq"]
    attention: Literal["mask", "flex"]
    score: Literal["sum", "mean"]
    """What ranks the options of a row."""
    pack_tokens: int | None = _number(1)
    """Tokens of a line of packed rows; None where rows are not packed."""
    pack_window: int = _number(1)
    """Positions that were packed together."""


@dataclass(frozen=True, slots=True)
class TokenPaths:
    """Folders of token shards."""

    train: str
    select: str


@dataclass(frozen=True, slots=True)
class Track:
    """An experiment tracker to tell of the run; without one there is log.csv alone."""

    kind: Literal["dvclive"]
    folder: str


@dataclass(frozen=True, slots=True)
class Run:
    """One training. Paths are relative to the folder that the trainer runs in, or absolute."""

    version: int
    name: str
    which: str
    seed: int
    tokens: TokenPaths
    mix: str
    tokenizer: str
    model: ModelSettings
    model_path: str | None
    """Folder of a pretrained encoder; None for a `small` one."""
    init: str | None
    """Output folder of another run, whose encoder and heads are the start."""
    train: TrainSettings
    out: str
    resume: str
    track: Track | None = field(metadata={"default": None})
    """May be left out."""
    kind: Literal["whole"] = field(metadata={"default": "whole"})
    """What of the model is trained; may be left out."""
    view: Literal["choice", "text"] = field(metadata={"default": "choice"})
    """May be left out."""
    text: TextSettings | None = field(metadata={"default": None})
    """Of the text view; null, or left out, in the choice view."""
    licences: dict[str, str] | None = field(metadata={"default": None})
    """Licence of each task's data, for the model card; may be left out."""
    held_out: list[str] | None = field(metadata={"default": None})
    """Tasks that are looked at and never drawn; may be left out."""


def read_run(path: Path) -> tuple[Run, dict[str, Any]]:
    """Read and check run.json.

    Returns:
        The run, and the JSON that it came from.

    Raises:
        ConfigError: The file is missing, not JSON, of another version, lacks a key, has an unknown
            one, or a value out of its range.
    """
    value = _read(path)
    return _build(Run, value, where=str(path), key=""), value


def _read(path: Path) -> Any:
    where = str(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("does not exist", where=where, expected="a run.json") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not JSON: {error}", where=where) from error
    if isinstance(value, dict) and value.get("version") != VERSION:
        raise ConfigError(
            f"version: is {value.get('version')!r}", where=where, expected=str(VERSION)
        )
    return value


def recorded_run(folder: Path, *, model_path: str | None) -> Run:
    """Read the run.json that a training left, which says no path of the machine that it ran on.

    Args:
        folder: Of the trained model.
        model_path: Folder of the pretrained encoder that it started from; None for a `small` one.

    Raises:
        ConfigError: See `read_run`.
    """
    path = folder / "run.json"
    told = _read(path)
    return _build(
        Run,
        told | {"model_path": model_path, "out": str(folder), "resume": str(folder)},
        where=str(path),
        key="",
    )


_Settings = TypeVar("_Settings")


def _build(model: type[_Settings], value: Any, *, where: str, key: str) -> _Settings:
    """Build a dataclass from a JSON object, field by field."""
    if not isinstance(value, dict):
        name = key.rstrip(".") or "the file"
        raise ConfigError(f"{name}: is {value!r}", where=where, expected="an object")
    known = {item.name: item for item in fields(model)}  # type: ignore[arg-type]
    for name in value:
        if name not in known:
            what, remedy = unknown_name("key", f"{key}{name}", [f"{key}{k}" for k in known])
            raise ConfigError(what, where=where, remedy=remedy)
    result = {}
    for name, item in known.items():
        given = value.get(name, item.metadata.get("default", _REQUIRED))
        if given is _REQUIRED:
            raise ConfigError(f"{key}{name}: is missing", where=where)
        result[name] = _checked(item.type, given, item.metadata, where=where, key=f"{key}{name}")
    return model(**result)


def _checked(kind: Any, value: Any, limits: Mapping[str, Any], *, where: str, key: str) -> Any:
    """Return `value` as the annotation `kind` wants it, or say what is wrong with it."""
    options = get_args(kind)
    if type(None) in options:
        if value is None:
            return None
        kind = next(option for option in options if option is not type(None))
        options = get_args(kind)
    if get_origin(kind) in _HOLDS_TEXTS:
        expected, is_one = _HOLDS_TEXTS[get_origin(kind)]
        _require(is_one(value), key, value, expected, where)
        return value
    if hasattr(kind, "__dataclass_fields__"):
        return _build(kind, value, where=where, key=f"{key}.")
    if options:
        _require(value in options, key, value, " or ".join(map(repr, options)), where)
        return value
    if kind is str:
        _require(isinstance(value, str) and bool(value), key, value, "a text", where)
        return value
    if kind is bool:
        _require(isinstance(value, bool), key, value, "true or false", where)
        return value
    whole = kind is int
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    name = "a whole number" if whole else "a number"
    _require(right and math.isfinite(value), key, value, name, where)
    low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
    inside = (low < value if limits.get("above") else low <= value) and value <= high
    _require(inside, key, value, f"{name} {_range(low, high, limits.get('above'))}", where)
    return value if whole else float(value)


def _named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


_HOLDS_TEXTS = {list: ("a list of texts", _texts), dict: ("an object of texts", _named_texts)}


def _range(low: float, high: float, above: bool | None) -> str:
    start = f"above {low:g}" if above else f"from {low:g}"
    return start if high == math.inf else f"{start} to {high:g}"


def _require(right: bool, key: str, value: Any, expected: str, where: str) -> None:
    if not right:
        raise ConfigError(f"{key}: is {value!r}", where=where, expected=expected)
