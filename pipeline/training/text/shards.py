"""Token shards of the text view: one memory-mapped Arrow file a task, read by mixture row.

Opens what docs/text-view.md calls tokens and checks it; gathers the rows of a batch with whole-array
operations. Knows nothing of orders, models or losses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pipeline.contract.files import REMEDY, check_sha256, read_arrow, read_manifest
from pipeline.contract.ragged import Ints, Ragged, joined, offsets_of, spread
from pipeline.contract.shards import RoleShards, TaskShard, ragged_column
from pipeline.contract.text import TEXT_SHARD, VIEW
from pipeline.errors import ArtefactError

VERSION = 1
_KEYS = (
    "view",
    "model",
    "max_tokens",
    "begins",
    "prefix",
    "vocabulary",
    "special",
    "tokenizer_sha256",
    "tasks",
)


@dataclass(frozen=True, slots=True)
class TextSpecial:
    """Ids of the special tokens; `bos` is None where a text does not begin with a token of its own."""

    bos: int | None
    eos: int
    pad: int
    prefix: bool = True
    """Whether the task's prefix stands in front of every input."""


@dataclass(frozen=True, slots=True)
class TextRows:
    """R rows with O options in all: a whole task's, memory-mapped, or those gathered for a batch."""

    task: Ints
    """Index of each row's task among the manifest's, (R,)."""
    prefix: Ints
    """Token id of each row's prefix, (R,)."""
    input: Ragged
    target: Ragged
    options: Ragged
    """All options of all rows, O segments."""
    option_offsets: Ints
    """Row i has options `option_offsets[i]` to `option_offsets[i + 1]`, (R + 1,)."""
    label: Ints
    """Gold option; -1 where hidden and where there are no options, (R,)."""
    source: Ints
    """Row of the curated table, (R,)."""

    def __len__(self) -> int:
        return len(self.task)

    @property
    def counts(self) -> Ints:
        """Options of each row."""
        return np.diff(self.option_offsets)

    def take(self, rows: Ints) -> "TextRows":
        """Return the named rows, in that order."""
        starts = self.option_offsets[rows]
        counts = self.option_offsets[rows + 1] - starts
        return TextRows(
            task=self.task[rows],
            prefix=self.prefix[rows],
            input=self.input.take(rows),
            target=self.target.take(rows),
            options=self.options.take(spread(starts, counts)),
            option_offsets=offsets_of(counts),
            label=self.label[rows].astype(np.int64),
            source=self.source[rows].astype(np.int64),
        )


TextShard: TypeAlias = TaskShard[TextRows]
"""One task of the text view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShards(RoleShards[TextRows]):
    """All tasks of one role, in name order."""

    model: str
    """`causal` or `seq2seq`."""
    special: TextSpecial

    def gather(self, mixture_rows: Ints) -> TextRows:
        """Return the named rows, given in any order; one loop turn for each task among them."""
        turn = np.argsort(mixture_rows, kind="stable")
        parts = self.parts(mixture_rows[turn])
        back = np.empty_like(turn)
        back[turn] = np.arange(len(turn))
        return _stacked(parts).take(back)


def _stacked(parts: list[TextRows]) -> TextRows:
    if len(parts) == 1:
        return parts[0]
    return TextRows(
        task=np.concatenate([part.task for part in parts]),
        prefix=np.concatenate([part.prefix for part in parts]),
        input=joined([part.input for part in parts]),
        target=joined([part.target for part in parts]),
        options=joined([part.options for part in parts]),
        option_offsets=offsets_of(np.concatenate([part.counts for part in parts])),
        label=np.concatenate([part.label for part in parts]),
        source=np.concatenate([part.source for part in parts]),
    )


def open_text_shards(folder: Path, *, verify: bool = True) -> TextShards:
    """Memory-map the token shards of one role and check that they are what the manifest says.

    Args:
        folder: `tokens/<role>`.
        verify: Whether the files' hashes are compared too.

    Raises:
        ArtefactError: A file is missing, truncated, changed, of another version or view, or holds a
            label outside its options or a sequence longer than `max_tokens`.
    """
    manifest = read_manifest(folder, version=VERSION, keys=_KEYS)
    where = str(folder / "manifest.json")
    if manifest["view"] != VIEW:
        raise _bad(f"holds tokens of the view '{manifest['view']}'", where, f"'{VIEW}'")
    special = TextSpecial(
        manifest["special"]["bos"] if manifest["begins"] else None,
        manifest["special"]["eos"],
        manifest["special"]["pad"],
        manifest["prefix"],
    )
    opened = TextShards(
        role=manifest["role"],
        model=manifest["model"],
        max_tokens=manifest["max_tokens"],
        vocabulary=manifest["vocabulary"],
        special=special,
        tokenizer_sha256=manifest["tokenizer_sha256"],
        shards=tuple(_opened(folder, manifest, verify=verify)),
    )
    opened.check_places(folder)
    return opened


def _opened(folder: Path, manifest: dict[str, Any], *, verify: bool) -> Iterator[TextShard]:
    for index, entry in enumerate(manifest["tasks"]):
        path = folder / f"{entry['task']}.arrow"
        if verify:
            check_sha256(path, entry["sha256"])
        rows = _map_rows(path, index, entry["prefix_id"])
        _check(rows, entry, manifest, where=str(path))
        yield TaskShard(entry["task"], entry["form"], entry["prefix_id"], entry["start"], rows)


def _map_rows(path: Path, task: int, prefix: int) -> TextRows:
    batch = read_arrow(path, TEXT_SHARD)
    options = batch.column("options")
    return TextRows(
        task=np.broadcast_to(np.int64(task), batch.num_rows),
        prefix=np.broadcast_to(np.int64(prefix), batch.num_rows),
        input=ragged_column(batch.column("input")),
        target=ragged_column(batch.column("target")),
        options=ragged_column(options.values),
        option_offsets=options.offsets.to_numpy(),
        label=batch.column("label").fill_null(-1).to_numpy(),
        source=batch.column("row").to_numpy(),
    )


def _check(rows: TextRows, entry: dict[str, Any], manifest: dict[str, Any], *, where: str) -> None:
    """Compare a shard with its manifest entry and with itself."""
    if len(rows) != entry["rows"]:
        raise _bad(f"holds {len(rows)} rows", where, str(entry["rows"]))
    targets = len(rows.target.values) + len(rows)
    if targets != entry["supervised"]:
        raise _bad(f"holds {targets} supervised tokens", where, str(entry["supervised"]))
    outside = np.flatnonzero(rows.label >= rows.counts)
    if len(outside):
        raise _bad(
            f"row {outside[0]} has a label outside its options",
            where,
            "an index into the row's options",
        )
    front = manifest["prefix"] + (manifest["begins"] if manifest["model"] == "causal" else 1)
    longest = _longest(rows, causal=manifest["model"] == "causal", front=front)
    if longest > manifest["max_tokens"]:
        raise _bad(
            f"holds a sequence of {longest} tokens",
            where,
            f"at most {manifest['max_tokens']}, since the trainer cuts nothing",
        )


def _longest(rows: TextRows, *, causal: bool, front: int) -> int:
    """Return the tokens of the longest sequence that a model reads of these rows.

    Args:
        rows: Of a shard.
        causal: Whether input and text are read in one sequence.
        front: Tokens of a decoder's sequence, or of an encoder's, beside the texts.
    """
    written = rows.target.lengths.copy()
    np.maximum.at(written, np.repeat(np.arange(len(rows)), rows.counts), rows.options.lengths)
    if causal:
        return int((rows.input.lengths + written + front).max(initial=0))
    return max(int((rows.input.lengths + front).max(initial=0)), int((written + 1).max(initial=0)))


def _bad(what: str, where: str, expected: str = "") -> ArtefactError:
    return ArtefactError(what, where=where, expected=expected, remedy=REMEDY)
