"""A folder of tokens of any view: its tasks, and how many tokens each of their rows holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.contract.choice import ChoiceManifest
from pipeline.contract.files import read_json, sha256
from pipeline.contract.manifest import FILE, Manifest, TaskEntry, read_manifest, refused
from pipeline.contract.ragged import Ints
from pipeline.contract.shards import open_rows
from pipeline.contract.text import TextManifest

MANIFESTS: Mapping[str, type[Manifest]] = {"choice": ChoiceManifest, "text": TextManifest}
"""The manifest of each view."""


@dataclass(frozen=True)
class TokenFolder:
    """A folder `tokens/<role>`.

    Attributes:
        folder: Where it lies.
        manifest: Of the folder.
        sha256: Of the manifest's file, which holds the shards' own hashes.
    """

    folder: Path
    manifest: Manifest
    sha256: str

    @cached_property
    def tasks(self) -> Mapping[str, TaskEntry]:
        """Entries by task, in name order."""
        return {entry.task: entry for entry in self.manifest.tasks}

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each task."""
        return {entry.task: entry.rows for entry in self.manifest.tasks}

    def shard(self, task: str) -> Path:
        """Return the file of a task's tokens."""
        return self.folder / f"{task}.arrow"

    def rows(self, task: str) -> Any:
        """Memory-map the rows of a task; see `shards.open_rows`."""
        return open_rows(self.folder, self.manifest, list(self.tasks).index(task))

    def row_tokens(self, task: str) -> Ints:
        """Return the tokens that a model reads of each row of a task, special ones included.

        Raises:
            ArtefactError: The shard is missing, damaged, or does not hold what the manifest says.
        """
        tokens = self.manifest.row_tokens(self.rows(task))
        return self._checked(task, tokens, self.tasks[task].tokens, "tokens")

    def row_supervised(self, task: str) -> Ints:
        """Return the tokens of each row of a task that a loss is taken of.

        Raises:
            ArtefactError: As `row_tokens`; or the view has no such tokens.
        """
        tokens = self.manifest.row_supervised(self.rows(task))
        said = self.tasks[task].supervised_tokens
        if tokens is None or said is None:
            raise refused(
                f"holds tokens of the view '{self.manifest.view}'",
                self.folder,
                "a view with supervised tokens",
            )
        return self._checked(task, tokens, said, "supervised tokens")

    def _checked(self, task: str, lengths: Ints, said: int, what: str) -> Ints:
        if int(lengths.sum()) != said:
            raise refused(
                f"holds {int(lengths.sum())} {what}",
                self.shard(task),
                f"{said}, as the manifest says",
            )
        return lengths


def read_tokens(folder: Path) -> TokenFolder:
    """Read the manifest of a folder of tokens, of whatever view.

    Raises:
        ArtefactError: It is missing, damaged, or of another version of the code.
    """
    path = folder / FILE
    value = read_json(path)
    view = value.get("view") if isinstance(value, dict) else None
    manifest = read_manifest(folder, MANIFESTS.get(str(view), ChoiceManifest))
    return TokenFolder(folder, manifest, sha256(path))


def shard_hashes(folder: Path) -> dict[str, str]:
    """Return the hash of each task's shard of a token folder, as its manifest has it.

    Raises:
        ArtefactError: See `read_tokens`.
    """
    return {entry.task: entry.sha256 for entry in read_tokens(folder).manifest.tasks}
