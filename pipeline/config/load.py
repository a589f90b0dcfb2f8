"""YAML files to models, and the wording of what is wrong in them.

`1e-5` is a number and `no` a text, as DVC has it; duplicate keys are errors. `safe_yaml` reads.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pipeline.config import safe_yaml
from pipeline.errors import ConfigError, nearest, unknown_name

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML file that holds a mapping.

    Raises:
        ConfigError: The file is missing, empty, not UTF-8, not YAML, or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        siblings = [p.stem for p in path.parent.glob(f"*{path.suffix}")]
        what, remedy = unknown_name("file", path.stem, siblings)
        raise ConfigError(what, where=str(path), remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8: {error.reason} at byte {error.start}", where=str(path)
        ) from error
    return parse_yaml(text, where=str(path))


def parse_yaml(text: str, *, where: str) -> dict[str, Any]:
    """Parse a YAML text that holds a mapping.

    Args:
        text: Of a file, of any revision.
        where: What the errors name.

    Raises:
        ConfigError: It is empty, not YAML, or not a mapping.
    """
    value = safe_yaml.parse(text, where=where)
    if not isinstance(value, dict):
        kind = "empty" if value is None else f"a {type(value).__name__}"
        raise ConfigError(f"the file is {kind}", where=where, expected="a mapping of keys")
    return value


def write_yaml(value: Mapping[str, Any], path: Path, *, comment: str = "") -> None:
    """Write a mapping as block-style YAML, keys in their own order, after a comment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    path.write_text(lines + safe_yaml.dump(dict(value)), encoding="utf-8")


def load(model: type[Model], path: Path) -> Model:
    """Read and check one YAML file.

    Raises:
        ConfigError: Naming every offending key of the file, each with its value.
    """
    return check(model, read_yaml(path), where=str(path))


def check(model: type[Model], value: Mapping[str, Any], *, where: str) -> Model:
    """Check a mapping that was already read; see `load`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        complaints = [_complaint(model, item, value) for item in error.errors()]
        raise ConfigError("; ".join(complaints), where=where) from None


def _complaint(model: type[BaseModel], item: Any, written: Any) -> str:
    """Word one pydantic error: the key as its author wrote it, the value, what was expected."""
    path = _written_path(item["loc"], written)
    if item["type"] == "missing":
        path.append(item["loc"][-1])
    key = ".".join(str(part) for part in path)
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        guess = nearest(str(path[-1]), _siblings(model, path[:-1]))
        return f"{key}: unknown key" + (f", did you mean '{guess}'?" if guess else "")
    if kind == "missing":
        return f"{key}: is required"
    message = item["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{key}: {message}" if key else message
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return f"{key}: {message[:1].lower()}{message[1:]}, not {shown}"


def _written_path(location: Iterable[str | int], written: Any) -> list[str | int]:
    """Return a location without what pydantic puts into it to name a member of a union."""
    path: list[str | int] = []
    for part in location:
        is_index = isinstance(written, list | tuple) and isinstance(part, int)
        if is_index or (isinstance(written, Mapping) and part in written):
            path.append(part)
            written = written[part]
    return path


def _siblings(model: type[BaseModel], path: Iterable[str | int]) -> set[str]:
    """Keys that may stand where `path` leads; of all members where it leads into a union."""
    models: set[type[BaseModel]] = {model}
    for part in path:
        inner = {m for owner in models if part in owner.model_fields
                 for m in _models_in(owner.model_fields[str(part)].annotation)}  # fmt: skip
        models = inner or models
    return {name for owner in models for name in owner.model_fields}


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for inner in get_args(annotation) for model in _models_in(inner)}
