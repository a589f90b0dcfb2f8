"""The files that people write, as they stand now or as they stood in a commit. Knows no card."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.comparison import git


class Files(Protocol):
    """One state of a project's files; paths are relative to its root, the current folder."""

    def read(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the texts of those of `paths` that exist; what is no UTF-8 keeps a mark in its place."""

    def names(self, folder: str, suffix: str) -> list[str]:
        """Return the names, without suffix, of the files right in a folder, sorted."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files as they stand now."""

    def read(self, paths: Iterable[str]) -> dict[str, str]:
        """See `Files`."""
        there = [path for path in paths if Path(path).is_file()]
        return {path: Path(path).read_text("utf-8", errors="replace") for path in there}

    def names(self, folder: str, suffix: str) -> list[str]:
        """See `Files`."""
        return sorted(path.stem for path in Path(folder).glob(f"*{suffix}"))


@dataclass(frozen=True, slots=True)
class Commit:
    """The files of a commit."""

    sha: str

    def read(self, paths: Iterable[str]) -> dict[str, str]:
        """See `Files`."""
        found = git.read_files(self.sha, paths)
        return {path: content.decode("utf-8", errors="replace") for path, content in found.items()}

    def names(self, folder: str, suffix: str) -> list[str]:
        """See `Files`."""
        paths = map(Path, git.files_below(self.sha, f"{folder}/"))
        return sorted(p.stem for p in paths if p.suffix == suffix and p.parent == Path(folder))
