"""The manifest of a folder of tokens: what holds for all tasks, and an entry for each shard.

`start` numbers the rows of all tasks through, in task order: `start + i` is the *mixture row* that an
order counts in. The file's hash is the fingerprint of the tokens: it changes with the tokenizer's
files, the prefixes, `max_tokens`, the rule for long rows and the rows, and with nothing else.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from pipeline.contract.files import REMEDY, read_json, write_json
from pipeline.contract.ragged import Ints
from pipeline.contract.records import Reader
from pipeline.contract.rows import RowTable
from pipeline.errors import ArtefactError

VERSION = 1
FILE = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class TaskEntry:
    """One shard.

    Attributes:
        task: Name.
        form: Of its rows; `schema.Form`; empty where it has none.
        rows: Number of rows.
        start: Mixture row of its first row; `write_manifest` sets it.
        tokens: That a model reads of all rows, special tokens and prefixes included.
        tokens_lost: Tokens of the texts that no row holds.
        dropped: Rows left out as too long.
        prefix_id: Id of its prefix token.
        sha256: Of its file.
    """

    task: str
    form: str
    rows: int
    start: int = 0
    tokens: int
    tokens_lost: int
    dropped: int
    prefix_id: int
    sha256: str

    @property
    def supervised_tokens(self) -> int | None:
        """Tokens of all rows that a loss is taken of; None in a view without such."""
        return None

    @property
    def seen_through(self) -> tuple[int, int]:
        """Prompts that made the rows, and how many of them each example was seen through."""
        return 1, 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What holds for all shards of a role, and their entries.

    Attributes:
        version: Of the format.
        view: What the rows are: `choice` or `text`.
        role: What the rows are for; `schema.Role`.
        max_tokens: Longest sequence.
        vocabulary: Rows that an embedding table needs.
        special: Role of a special token -> id.
        tokenizer_sha256: Of the `tokenizer.json` that made the ids.
        tokenizer_files: Name -> SHA-256 of each file of the tokenizer folder.
        tasks: Shards, in task order.
    """

    version: int = VERSION
    view: str = ""
    role: str
    max_tokens: int
    vocabulary: int
    special: dict[str, int]
    tokenizer_sha256: str
    tokenizer_files: dict[str, str]
    tasks: tuple[TaskEntry, ...] = ()

    SCHEMA: ClassVar[pa.Schema]
    """Columns of a shard."""

    def rows(self, batch: pa.RecordBatch, task: int) -> RowTable:
        """Return the rows of a shard, whose columns are those of `SCHEMA`.

        Args:
            batch: All of the shard.
            task: Index of its entry.
        """
        raise NotImplementedError

    def check(self, rows: Any, entry: Any, where: str) -> None:
        """Compare the rows of a shard with its entry and with themselves.

        Raises:
            ArtefactError: A label is outside its row's choices, or a sequence is too long.
        """
        raise NotImplementedError

    def row_tokens(self, rows: Any) -> Ints:
        """Return the tokens that a model reads of each row, shape `(R,)`."""
        raise NotImplementedError

    def row_supervised(self, rows: Any) -> Ints | None:
        """Return the tokens of each row that a loss is taken of; None in a view without such."""
        return None


Head = TypeVar("Head", bound=Manifest)


def read_manifest(folder: Path, kind: type[Head]) -> Head:
    """Read the manifest of a folder of tokens of one view.

    Raises:
        ArtefactError: It is missing, damaged, of another version or view, or a `start` is not the sum of
            the rows before it.
    """
    path = folder / FILE
    value = read_json(path)
    version, view = (
        value.get(key) if isinstance(value, dict) else None for key in ("version", "view")
    )
    if version != VERSION:
        raise refused(f"version: is {version!r}", path, str(VERSION))
    if view != kind.view:
        raise refused(f"holds tokens of the view {view!r}", path, repr(kind.view))
    manifest = Reader(str(path), ArtefactError, REMEDY).build(kind, value)
    start = 0
    for entry in sorted(manifest.tasks, key=lambda entry: entry.task):
        if entry.start != start:
            what = f"task '{entry.task}' starts at row {entry.start}"
            raise refused(what, path, f"{start}, the rows of the tasks before it")
        start += entry.rows
    return manifest


def refused(what: str, where: object, expected: str) -> ArtefactError:
    """Return an error about tokens that are not what they should be."""
    return ArtefactError(what, where=str(where), expected=expected, remedy=REMEDY)


def write_manifest(folder: Path, manifest: Manifest, entries: Sequence[TaskEntry]) -> None:
    """Number the rows through in task order and write `manifest.json`, the last file of the folder.

    Args:
        folder: `tokens/<role>`.
        manifest: What holds for all tasks.
        entries: Of all tasks, in any order.
    """
    tasks, start = [], 0
    for entry in sorted(entries, key=lambda entry: entry.task):
        tasks.append(replace(entry, start=start))
        start += entry.rows
    write_json(asdict(replace(manifest, tasks=tuple(tasks))), folder / FILE)
