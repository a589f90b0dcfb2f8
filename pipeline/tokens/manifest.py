"""The manifest of a role's token shards of the choice view, and typed access to both.

`start` numbers the rows of all tasks through, in task order: `start + i` is the *mixture row* that an
order counts in. The file's hash is the fingerprint of the tokens: it changes with the tokenizer's
files, the prefixes, `max_tokens`, the rule for long rows and the rows, and with nothing else. Knows no
text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.contract.choice import CHOICE_SHARD, VIEW
from pipeline.contract.files import read_arrow, read_json, sha256, write_arrow, write_json
from pipeline.errors import ArtefactError, unknown_name
from pipeline.schema import Role
from pipeline.tokens.fit import Fitted
from pipeline.tokens.long_rows import LongRows
from pipeline.tokens.shards import Shard, shard_arrays
from pipeline.tokens.vocabulary import Vocabulary

VERSION = 1

_COUNTED = ("long_rows", "context_cut", "choices_cut", "dropped", "split", "tokens_lost")

_REMEDY = "run `dvc repro tokenize`"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One shard.

    Attributes:
        task: Name.
        form: Of its rows.
        rows: Number of rows.
        curated_rows: Rows of the curated table that they came of.
        start: Mixture row of its first row.
        choices_max: Most choices of a row; 0 without rows.
        tokens: Of all sequences of all choices, specials and prefixes included.
        long_rows: Curated rows of which a sequence is longer than `max_tokens`, uncut.
        context_cut: Rows whose context lost tokens.
        choices_cut: Choices that lost tokens.
        dropped: Curated rows left out as too long.
        split: Curated rows whose context became several rows.
        tokens_lost: Tokens of contexts and choices that no row holds; dropped rows' included.
        prefix_id: Id of its prefix token.
        sha256: Of its file.
        curated_sha256: Of the curated table.
    """

    task: str
    form: str
    rows: int
    curated_rows: int
    start: int
    choices_max: int
    tokens: int
    long_rows: int
    context_cut: int
    choices_cut: int
    dropped: int
    split: int
    tokens_lost: int
    prefix_id: int
    sha256: str
    curated_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleTokens:
    """A folder `tokens/<role>`.

    Attributes:
        folder: Where it lies.
        view: `choice`.
        role: What the rows are for.
        max_tokens: Longest sequence.
        long_rows: The rule for longer rows, as it applied to this role.
        vocabulary: Rows that an embedding table needs.
        special: `cls`, `sep`, `pad`, `mask` -> id.
        tokenizer_sha256: Of the `tokenizer.json` that made the ids.
        tokenizer_files: Name -> SHA-256 of each file of the tokenizer folder.
        tasks: Shards, in task order.
    """

    folder: Path
    view: str
    role: Role
    max_tokens: int
    long_rows: LongRows
    vocabulary: int
    special: dict[str, int]
    tokenizer_sha256: str
    tokenizer_files: dict[str, str]
    tasks: tuple[TaskEntry, ...]

    @property
    def rows(self) -> int:
        """Rows of all tasks."""
        return sum(entry.rows for entry in self.tasks)

    def entry(self, task: str) -> TaskEntry:
        """Return the entry of one task.

        Raises:
            ArtefactError: There is none of that name.
        """
        for entry in self.tasks:
            if entry.task == task:
                return entry
        what, remedy = unknown_name("task", task, (entry.task for entry in self.tasks))
        raise ArtefactError(what, where=str(self.folder / "manifest.json"), remedy=remedy)

    def shard(self, task: str) -> Shard:
        """Memory-map one task's rows.

        Raises:
            ArtefactError: The file is missing, truncated, or not what the manifest says.
        """
        entry, path = self.entry(task), self.folder / f"{task}.arrow"
        table = read_arrow(path)
        if table.schema.names != CHOICE_SHARD.names or table.num_rows != entry.rows:
            raise ArtefactError(
                f"holds {table.num_rows} rows of {', '.join(table.schema.names)}",
                where=str(path),
                expected=f"{entry.rows} rows of {', '.join(CHOICE_SHARD.names)}",
                remedy=_REMEDY,
            )
        return shard_arrays(table)


def write_shard(
    path: Path,
    table: pa.Table,
    fitted: Fitted,
    *,
    task: str,
    form: str,
    prefix_id: int,
    curated: tuple[int, str],
) -> TaskEntry:
    """Write one task's shard and return its entry, with `start` 0 until `write_manifest` sets it.

    Args:
        path: File to write.
        table: Its rows, of `CHOICE_SHARD`.
        fitted: What the table was made of.
        task: Name.
        form: Of its rows.
        prefix_id: Id of its prefix token.
        curated: Rows of the curated table, and its SHA-256.
    """
    write_arrow(table, path)
    counts = np.diff(fitted.first)
    return TaskEntry(
        task=task,
        form=form,
        rows=len(counts),
        curated_rows=curated[0],
        start=0,
        choices_max=int(counts.max(initial=0)),
        tokens=fitted.tokens,
        **{name: getattr(fitted, name) for name in _COUNTED},
        prefix_id=prefix_id,
        sha256=sha256(path),
        curated_sha256=curated[1],
    )


def write_manifest(
    folder: Path,
    entries: Iterable[TaskEntry],
    *,
    role: Role,
    max_tokens: int,
    long_rows: LongRows,
    vocabulary: Vocabulary,
) -> None:
    """Number the rows through in task order and write `manifest.json`, the last file of the folder."""
    tasks, start = [], 0
    for entry in sorted(entries, key=lambda entry: entry.task):
        tasks.append(asdict(entry) | {"start": start})
        start += entry.rows
    manifest = recipe(role=role, max_tokens=max_tokens, long_rows=long_rows, vocabulary=vocabulary)
    write_json(manifest | {"tasks": tasks}, folder / "manifest.json")


def recipe(
    *, role: Role, max_tokens: int, long_rows: LongRows, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return the part of a manifest that holds for all tasks: what the ids depend on beside the rows."""
    return {
        "version": VERSION,
        "view": VIEW,
        "role": role,
        "max_tokens": max_tokens,
        "long_rows": asdict(long_rows),
        "vocabulary": vocabulary.size,
        "special": vocabulary.special,
        "tokenizer_sha256": vocabulary.sha256,
        "tokenizer_files": vocabulary.files,
    }


def read_role(folder: Path) -> RoleTokens:
    """Read the manifest of a folder `tokens/<role>`; shards are opened when asked for.

    Raises:
        ArtefactError: It is missing, or of another version of the code.
    """
    path = folder / "manifest.json"
    manifest = read_json(path)
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if version != VERSION:
        raise ArtefactError(
            f"version is {version}", where=str(path), expected=str(VERSION), remedy=_REMEDY
        )
    try:
        return _role(folder, manifest)
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"incomplete: {error}", where=str(path), remedy=_REMEDY) from error


def _role(folder: Path, manifest: Mapping[str, Any]) -> RoleTokens:
    known = {field.name for field in fields(RoleTokens)} - {"folder", "tasks", "long_rows"}
    return RoleTokens(
        folder=folder,
        long_rows=LongRows(**manifest["long_rows"]),
        tasks=tuple(TaskEntry(**entry) for entry in manifest["tasks"]),
        **{name: manifest[name] for name in sorted(known)},
    )
