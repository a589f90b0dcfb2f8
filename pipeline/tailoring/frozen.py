"""Selections are frozen before report rows are opened: written, hashed, read back, and only then used.

`open_report` is the one way to report rows in a comparison, and asks for a folder of frozen selections:
as long as they are not there, or not what their hash says, no report row is read.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contract.files import read_json, sha256, whole_file, write_json
from pipeline.errors import ArtefactError
from pipeline.relationships.proxy.tasks import Pool

FILE, HASH = "selections.json", "selections.sha256"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frozen:
    """Selections as they lie in their file."""

    folder: Path
    sha256: str
    selections: Mapping[str, Any]


def freeze(selections: Mapping[str, Any], folder: Path) -> Frozen:
    """Write selections with their hash, and read them back.

    Selections that are frozen already stay: report rows may have been seen since.

    Raises:
        ArtefactError: Other selections are frozen in the folder, or they cannot be written.
    """
    path = folder / FILE
    # the hash comes last: without it nothing was frozen, and no report row was opened
    if (folder / HASH).exists():
        there = read_back(folder)
        if there.selections != json.loads(json.dumps(selections)):
            raise ArtefactError(
                "other selections are frozen here, and report rows may have been opened since",
                where=str(path),
                remedy="give another folder with --out, so that both comparisons can be reported",
            )
        return there
    write_json(dict(selections), path)
    with whole_file(folder / HASH) as temporary:
        temporary.write_text(f"{sha256(path)}  {FILE}\n", encoding="utf-8")
    return read_back(folder)


def read_back(folder: Path) -> Frozen:
    """Return frozen selections.

    Raises:
        ArtefactError: They are not there, or not those that were frozen.
    """
    path, mark = folder / FILE, folder / HASH
    if not path.is_file() or not mark.is_file():
        raise ArtefactError(
            "the selections are not frozen, so no report row is opened",
            where=str(path if not path.is_file() else mark),
            expected=f"{FILE} and {HASH}",
        )
    said, found = mark.read_text(encoding="utf-8").split()[:1], sha256(path)
    if said != [found]:
        raise ArtefactError(
            "the selections are not those that were frozen, so no report row is opened",
            where=str(path),
            expected=f"the hash that {HASH} has",
            remedy="compare again with another --out",
        )
    return Frozen(folder=folder, sha256=found, selections=read_json(path))


def open_report(folder: Path, read: Callable[[Frozen], Pool]) -> Pool:
    """Return report rows, for selections that are frozen.

    Args:
        folder: Of the frozen selections.
        read: Reads the rows; it is called with what was frozen, or not at all.

    Raises:
        ArtefactError: There are no frozen selections.
    """
    return read(read_back(folder))
