"""Token shards of a role, of any view: one memory-mapped file a task, read by mixture row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from pipeline.contract.files import check_sha256, read_arrow
from pipeline.contract.manifest import Manifest, refused
from pipeline.contract.ragged import Ints, offsets_of
from pipeline.contract.row_index import RowIndex, row_index
from pipeline.contract.rows import RowTable, stack

Table = TypeVar("Table", bound=RowTable)
Head = TypeVar("Head", bound=Manifest)


Role = TypeVar("Role", bound="RoleShards[Any, Any]")


@dataclass(frozen=True, slots=True)
class TaskShard(Generic[Table]):
    """One task: all of its rows, memory-mapped."""

    task: str
    form: str
    prefix_id: int
    start: int
    """Mixture row of its first row."""
    rows: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleShards(Generic[Table, Head]):
    """All tasks of one role, in name order."""

    manifest: Head
    shards: tuple[TaskShard[Table], ...]
    index: RowIndex | None
    """None where it would be too large: tasks are gathered one by one then."""

    @property
    def role(self) -> str:
        """What the rows are for."""
        return self.manifest.role

    @property
    def tokenizer_sha256(self) -> str:
        """Hash of the `tokenizer.json` that made the tokens."""
        return self.manifest.tokenizer_sha256

    @property
    def vocabulary(self) -> int:
        """Rows that an embedding table needs."""
        return self.manifest.vocabulary

    @property
    def max_tokens(self) -> int:
        """Longest sequence."""
        return self.manifest.max_tokens

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return [shard.task for shard in self.shards]

    @property
    def prefixes(self) -> dict[str, int]:
        """Token id of each task's prefix."""
        return {shard.task: shard.prefix_id for shard in self.shards}

    @property
    def starts(self) -> Ints:
        """Mixture row at which each task starts, and the number of all rows at the end."""
        return offsets_of(np.array([len(shard.rows) for shard in self.shards], dtype=np.int64))

    def gather(self, mixture_rows: Ints) -> Table:
        """Return the named rows, given in any order, in that order; no loop turn for a row."""
        if (mixture_rows[1:] >= mixture_rows[:-1]).all():
            return self._gather_ascending(mixture_rows)
        turn = np.argsort(mixture_rows, kind="stable")
        back = np.empty_like(turn)
        back[turn] = np.arange(len(turn))
        return self._gather_ascending(mixture_rows[turn]).take(back)

    def _gather_ascending(self, rows: Ints) -> Table:
        if self.index is not None:
            found: Table = self.index.gather(rows)
            return found
        cuts = np.searchsorted(rows, self.starts)
        parts = [
            shard.rows.take(rows[low:high] - shard.start)
            for shard, low, high in zip(self.shards, cuts[:-1], cuts[1:], strict=True)
            if high > low
        ]
        stacked: Table = stack(parts or [self.shards[0].rows.take(rows)])
        return stacked


def open_rows(folder: Path, manifest: Manifest, task: int, *, verify: bool = False) -> Any:
    """Memory-map the rows of one task.

    Args:
        folder: `tokens/<role>`.
        manifest: Its manifest.
        task: Index of the task's entry.
        verify: Whether the file is compared with its hash.

    Raises:
        ArtefactError: The file is missing, truncated, changed, or has other columns or rows.
    """
    entry = manifest.tasks[task]
    path = folder / f"{entry.task}.arrow"
    if verify:
        check_sha256(path, entry.sha256)
    rows = manifest.rows(read_arrow(path, manifest.SCHEMA), task)
    if len(rows) != entry.rows:
        raise refused(f"holds {len(rows)} rows", path, str(entry.rows))
    return rows


def open_role(kind: type[Role], folder: Path, manifest: Any, *, verify: bool) -> Role:
    """Memory-map all shards of a role and check that they are what the manifest says.

    Args:
        kind: Of shards.
        folder: `tokens/<role>`.
        manifest: Its manifest.
        verify: Whether the files' hashes are compared too.

    Raises:
        ArtefactError: A file is missing, truncated, changed, or its rows are not sound; see
            `Manifest.check`.
    """
    shards = []
    for task, entry in enumerate(manifest.tasks):
        rows = open_rows(folder, manifest, task, verify=verify)
        manifest.check(rows, entry, str(folder / f"{entry.task}.arrow"))
        shards.append(TaskShard(entry.task, entry.form, entry.prefix_id, entry.start, rows))
    index = row_index([shard.rows for shard in shards])
    return kind(manifest=manifest, shards=tuple(shards), index=index)
