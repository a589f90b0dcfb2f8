"""Names of classes from a file beside the data."""

import json
from pathlib import Path
from typing import Any

from pipeline.config.forms.base import ClassKey
from pipeline.errors import SourceError
from pipeline.sources.rawtext import read_bytes, utf8


def read_classes(path: Path) -> dict[ClassKey, str]:
    """Read the names of classes.

    Args:
        path: Lines of one name each, in class order from 0, or of a value, a tab and its name; or
            JSON: a list of names, an object of names by value, or of values by name.

    Returns:
        Names by value. Where the file gives no values, a class has two: its number and its name.

    Raises:
        SourceError: The file is none of these.
    """
    where = str(path)
    text = utf8(read_bytes(path), "utf-8", where=where).decode("utf-8", "replace")
    if path.suffix.lower() == ".json":
        return _of_json(json.loads(text), where)
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all("\t" in line for line in lines):
        cells = [line.split("\t") for line in lines]
        return {value.strip(): name.strip() for value, name, *_ in cells}
    return _numbered([line.strip() for line in lines])


def _of_json(value: Any, where: str) -> dict[ClassKey, str]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return _numbered(value)
    if isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
        return {str(key): name for key, name in value.items()}
    if isinstance(value, dict) and all(isinstance(number, int) for number in value.values()):
        return {number: name for name, number in sorted(value.items(), key=lambda pair: pair[1])}
    raise SourceError(
        "holds no names of classes", where=where, expected="a list of names, or names by value"
    )


def _numbered(names: list[str]) -> dict[ClassKey, str]:
    by_number: dict[ClassKey, str] = dict(enumerate(names))
    return by_number | {name: name for name in names}
