"""Finished tasks of earlier runs, so that the next run does not make them again.

Each task has at most one folder, outside what DVC removes before a run. It counts only if its note names
the same *key* (what the result depends on) and every file has the hash that the note gives. Outputs are
second names of its files (hard links), as are the objects of DVC's cache where `cache.type` begins with
`hardlink`, so that the bytes are on disk once; nothing writes into a file in place. Knows keys and
files; knows no token.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contract.files import read_json, sha256, write_json
from pipeline.errors import ArtefactError

_NOTE = "note.json"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Kept:
    """Folder of finished tasks; one process at a time uses it, under the stage's lock."""

    folder: Path

    def retain(self, tasks: Iterable[str]) -> None:
        """Delete what belongs to none of these tasks, and what a killed run left half done."""
        wanted = set(tasks)
        for path in self._folders():
            if path.name not in wanted:
                shutil.rmtree(path)

    def find(self, task: str, key: str) -> dict[str, Any] | None:
        """Return what `put` was told about a finished task; None where it must be made again."""
        folder = self.folder / task
        try:
            note = read_json(folder / _NOTE)
            same = note["key"] == key and all(
                sha256(folder / name) == digest for name, digest in note["files"].items()
            )
            about = note["about"]
        except (ArtefactError, OSError, KeyError, TypeError, AttributeError):
            return None
        return about if same and isinstance(about, dict) else None

    def put(self, task: str, key: str, make: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
        """Make a task and keep it in place of what was kept before.

        An error or a kill before the end leaves what was there.

        Args:
            task: Name.
            key: What the result depends on.
            make: Writes the files into the empty folder that it is given, and returns what is to be
                known about them, as plain JSON.

        Returns:
            What `make` returned.
        """
        partial, whole = self.folder / f"{task}{_PARTIAL}", self.folder / task
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            about: dict[str, Any] = json.loads(json.dumps(make(partial)))
            files = {path.name: sha256(path) for path in sorted(partial.iterdir())}
            write_json({"key": key, "files": files, "about": about}, partial / _NOTE)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(whole, ignore_errors=True)
        os.replace(partial, whole)
        return about

    def publish(self, task: str, name: str, path: Path) -> None:
        """Give a file of a finished task a second name, or copy it where the disk has no hard links."""
        source = self.folder / task / name
        try:
            os.link(source, path)
        except OSError:
            shutil.copyfile(source, path)

    def _folders(self) -> Iterator[Path]:
        return (path for path in sorted(self.folder.glob("*")) if path.is_dir())
