"""A file of results, one JSON line each, so that a stopped run goes on where it was.

    {"item": "sst2", "key": "9f3a...", "result": {"gain": 0.02}}

The key is a fingerprint of all that the result depends on: with another recipe or other inputs an item
counts as not done, and so does a line that a killed run left half-written.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pipeline.contract.files import writing


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the sequence of its keys.

    Raises:
        TypeError: It is no JSON.
    """
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_results(path: Path, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the results that a ledger has of items, by name.

    Args:
        path: The ledger; it may be missing.
        keys: Key of each item.
    """
    found = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
            if keys.get(entry["item"]) == entry["key"]:
                found[entry["item"]] = entry["result"]
        except (ValueError, KeyError, TypeError):
            continue  # half of a line, from a run that was killed
    return found


@contextmanager
def appending(path: Path) -> Iterator[TextIO]:
    """Open a ledger to append to; half of a line at its end is closed, so that the next stays whole.

    Raises:
        ArtefactError: It cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.is_file() and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="utf-8") as file:
            if half and path.stat().st_size:
                file.write("\n")
            yield file


def append_result(file: TextIO, item: str, key: str, result: Any) -> None:
    """Write the result of an item as one line, at once."""
    file.write(json.dumps({"key": key, "item": item, "result": result}, sort_keys=True) + "\n")
    file.flush()
