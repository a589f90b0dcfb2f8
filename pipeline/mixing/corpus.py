"""What a mixture is drawn from: the tasks of a token folder, their rows and each row's tokens.

Reads the manifest and the offsets of the shards, never a token. Knows nothing of rates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import ArtefactError
from pipeline.tables import read_arrow, read_json, sha256

SEQUENCE_EXTRAS = 4
"""Tokens of a sequence besides its context and choice: `[CLS] prefix context [SEP] choice [SEP]`."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The tasks of one token folder, by name in name order."""

    folder: Path
    tasks: Mapping[str, CorpusTask]
    sha256: str
    """Of the manifest, which holds the shards' own hashes."""

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
    try:
        tasks = {entry["task"]: _task(entry) for entry in manifest["tasks"]}
    except KeyError as error:
        raise ArtefactError(f"lacks the key {error}", where=str(path), remedy=_REMEDY) from None
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
    return Corpus(
        folder=folder, tasks={name: tasks[name] for name in sorted(tasks)}, sha256=sha256(path)
    )


def _task(entry: Mapping[str, Any]) -> CorpusTask:
    return CorpusTask(
        task=entry["task"], start=entry["start"], rows=entry["rows"], tokens=entry["tokens"]
    )


def row_tokens(corpus: Corpus, task: str) -> NDArray[np.int64]:
    """Return the tokens of each row of a task, all sequences of all its choices together.

    Raises:
        ArtefactError: The shard is missing, or does not hold what the manifest says of it.
    """
    shard = read_arrow(corpus.shard(task))
    context = shard.column("context").combine_chunks()
    choices = shard.column("choices").combine_chunks()
    num_choices = _lengths(choices)
    # sums of the choices' lengths per row, as differences of their running sum
    running = np.concatenate(([0], np.cumsum(_lengths(pc.list_flatten(choices)))))
    ends = np.cumsum(num_choices)
    choice_tokens = running[ends] - running[ends - num_choices]
    tokens: NDArray[np.int64] = num_choices * (_lengths(context) + SEQUENCE_EXTRAS) + choice_tokens
    said = corpus.tasks[task]
    if (len(tokens), int(tokens.sum())) != (said.rows, said.tokens):
        raise ArtefactError(
            f"holds {len(tokens)} rows and {int(tokens.sum())} tokens",
            where=str(corpus.shard(task)),
            expected=f"{said.rows} rows and {said.tokens} tokens, as the manifest says",
            remedy=_REMEDY,
        )
    return tokens


def _lengths(lists: pa.Array) -> NDArray[np.int64]:
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return np.asarray(lengths, dtype=np.int64)
