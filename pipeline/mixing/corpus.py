"""What a mixture is drawn from: the tasks of a token folder, their rows and the tokens of each row.

Reads the manifest and the offsets of the shards, never a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contract.choice import FRAME
from pipeline.contract.files import read_arrow, read_json, sha256
from pipeline.errors import ArtefactError

_BLOCK = 1 << 20
"""Rows whose lengths are computed at once."""

_REMEDY = "delete the folder and run `dvc repro tokenize`"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTask:
    """One task of the token manifest."""

    task: str
    start: int
    """Mixture row of its first row."""
    rows: int
    tokens: int
    """Of all sequences of all choices of all rows."""
    supervised: int | None = None
    """Of all rows, the tokens that a loss is taken of; null in the choice view."""
    prompts: int = 1
    """Through which the rows were made."""
    draw: str = "all"
    """Whether each row was seen through `all` of them, or through `one`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The tasks of one token folder, by name in name order."""

    folder: Path
    tasks: Mapping[str, CorpusTask]
    sha256: str
    """Of the manifest, which holds the shards' own hashes."""
    view: str = "choice"
    extras: int = FRAME
    """Tokens of a sequence besides its segments."""
    supervised_extras: int = 0
    """Supervised tokens of a sequence besides its target; of the text view."""

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each task."""
        return {name: task.rows for name, task in self.tasks.items()}

    def shard(self, task: str) -> Path:
        """Return the file of a task's tokens."""
        return self.folder / f"{task}.arrow"


def read_corpus(folder: Path) -> Corpus:
    """Read the manifest of a token folder.

    Raises:
        ArtefactError: It is missing, of another version, or its `start`s are not the sums of rows.
    """
    path = folder / "manifest.json"
    manifest = read_json(path)
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if version != 1:
        raise ArtefactError(
            f"version is {version!r}", where=str(path), expected="1", remedy=_REMEDY
        )
    text = manifest.get("view", "choice") == "text"
    try:
        tasks = {entry["task"]: _task(entry, text=text) for entry in manifest["tasks"]}
        extras = manifest["extras"] if text else FRAME
        supervised_extras = manifest["supervised_extras"] if text else 0
    except KeyError as error:
        raise ArtefactError(f"lacks the key {error}", where=str(path), remedy=_REMEDY) from None
    _check_starts(tasks, path)
    return Corpus(
        folder=folder,
        tasks={name: tasks[name] for name in sorted(tasks)},
        sha256=sha256(path),
        view="text" if text else "choice",
        extras=extras,
        supervised_extras=supervised_extras,
    )


def _check_starts(tasks: Mapping[str, CorpusTask], path: Path) -> None:
    start = 0
    for name in sorted(tasks):
        if tasks[name].start != start:
            raise ArtefactError(
                f"task '{name}' starts at row {tasks[name].start}",
                where=str(path),
                expected=f"{start}, the rows of the tasks before it",
                remedy=_REMEDY,
            )
        start += tasks[name].rows


def _task(entry: Mapping[str, Any], *, text: bool) -> CorpusTask:
    return CorpusTask(
        task=entry["task"],
        start=entry["start"],
        rows=entry["rows"],
        tokens=entry["tokens"],
        supervised=entry["supervised"] if text else None,
        prompts=max(len(entry["prompts"]), 1) if text else 1,
        draw=entry["draw"] if text else "all",
    )


def row_tokens(corpus: Corpus, task: str) -> NDArray[np.int64]:
    """Return the tokens of each row of a task: of the sequences of all choices, or input and target.

    Raises:
        ArtefactError: The shard is missing, lacks a column, or does not hold what the manifest says.
    """
    shard = read_arrow(corpus.shard(task))
    if corpus.view == "text":
        tokens = np.full(shard.num_rows, corpus.extras, dtype=np.int64)
        for column in ("input", "target"):
            _add_lengths(tokens, _offsets(_lists(corpus, task, shard, column)))
    else:
        tokens = _choice_tokens(corpus, task, shard)
    said = corpus.tasks[task]
    _check_sums(corpus, task, tokens, said.tokens, "tokens")
    return tokens


def row_supervised(corpus: Corpus, task: str) -> NDArray[np.int64]:
    """Return the supervised tokens of each row of a task of the text view.

    Raises:
        ArtefactError: As `row_tokens`; or the folder is of the choice view, which has none.
    """
    said = corpus.tasks[task].supervised
    if said is None:
        raise ArtefactError(
            f"holds tokens of view '{corpus.view}'", where=str(corpus.folder), expected="text"
        )
    targets = _offsets(_lists(corpus, task, read_arrow(corpus.shard(task)), "target"))
    supervised = np.full(len(targets) - 1, corpus.supervised_extras, dtype=np.int64)
    _add_lengths(supervised, targets)
    _check_sums(corpus, task, supervised, said, "supervised tokens")
    return supervised


def _choice_tokens(corpus: Corpus, task: str, shard: pa.RecordBatch) -> NDArray[np.int64]:
    """Return each row's tokens block by block: beside the result, only views into the file are held."""
    choices = _lists(corpus, task, shard, "choices")
    if not pa.types.is_large_list(choices.values.type):
        raise _other_type(corpus, task, "choices", choices.type)
    context_M = _offsets(_lists(corpus, task, shard, "context"))  # M = rows + 1
    first_M, inner = _offsets(choices), _offsets(choices.values)
    tokens = np.empty(shard.num_rows, dtype=np.int64)
    for start in range(0, len(tokens), _BLOCK):
        stop = min(start + _BLOCK, len(tokens))
        first = first_M[start : stop + 1]
        frames = np.diff(context_M[start : stop + 1]) + corpus.extras
        tokens[start:stop] = np.diff(first) * frames + np.diff(inner[first])
    return tokens


def _add_lengths(tokens_N: NDArray[np.int64], offsets_M: NDArray[np.int64]) -> None:
    for start in range(0, len(tokens_N), _BLOCK):
        stop = min(start + _BLOCK, len(tokens_N))
        tokens_N[start:stop] += np.diff(offsets_M[start : stop + 1])


def _lists(corpus: Corpus, task: str, shard: pa.RecordBatch, column: str) -> pa.Array:
    if column not in shard.schema.names:
        raise ArtefactError(
            f"lacks the column '{column}'",
            where=str(corpus.shard(task)),
            expected=f"the columns of view '{corpus.view}'",
            remedy=_REMEDY,
        )
    lists = shard.column(column)
    if not pa.types.is_large_list(lists.type):
        raise _other_type(corpus, task, column, lists.type)
    return lists


def _other_type(corpus: Corpus, task: str, column: str, kind: pa.DataType) -> ArtefactError:
    return ArtefactError(
        f"column '{column}' is of type {kind}",
        where=str(corpus.shard(task)),
        expected="large lists, as the stage `tokenize` writes them",
        remedy=_REMEDY,
    )


def _check_sums(
    corpus: Corpus, task: str, lengths: NDArray[np.int64], said: int, what: str
) -> None:
    rows = corpus.tasks[task].rows
    if (len(lengths), int(lengths.sum())) != (rows, said):
        raise ArtefactError(
            f"holds {len(lengths)} rows and {int(lengths.sum())} {what}",
            where=str(corpus.shard(task)),
            expected=f"{rows} rows and {said} {what}, as the manifest says",
            remedy=_REMEDY,
        )


def _offsets(lists: pa.LargeListArray) -> NDArray[np.int64]:
    return np.asarray(lists.offsets.to_numpy(), dtype=np.int64)
