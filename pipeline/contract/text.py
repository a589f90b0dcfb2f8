"""Tokens of the text view: the columns of a shard, its rows, and the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.contract.manifest import Manifest, TaskEntry, read_manifest, refused
from pipeline.contract.ragged import Ints, Ragged
from pipeline.contract.rows import IDS, RowTable, blocks, lists_of, ragged_column
from pipeline.contract.shards import RoleShards, TaskShard, open_role

SUPERVISED_EXTRAS = 1
"""The end of the text: a token that the loss is taken of, beside the target's."""

TEXT_SHARD = pa.schema(
    [
        pa.field("input", IDS, nullable=False),
        pa.field("target", IDS, nullable=False),  # without the end; empty where hidden
        pa.field("options", lists_of(IDS), nullable=False),
        pa.field("label", pa.int32()),  # gold option; null = hidden, or there are none
        pa.field("row", pa.uint32(), nullable=False),  # of `curated/<task>/<role>.parquet`
        pa.field("prompt", pa.uint16(), nullable=False),  # index into the manifest's prompts
    ],
    metadata={"schema": "taskloom.tokens.text", "version": "1"},
)


@dataclass(frozen=True, kw_only=True)
class TextRule:
    """How rows become sequences, and what becomes of rows that are too long.

    Attributes:
        model: Kind of model: a decoder, or an encoder with a decoder.
        max_tokens: Longest sequence: of a decoder; or of an encoder, and of its decoder.
        target_tokens: A target is not cut below this.
        cut: The end of an input that is lost.
        long_rows: `truncate` cuts them, `drop` leaves them out, `error` refuses them.
        begins: Whether a decoder's sequence begins with a token of its own.
        prefix: Whether the task's prefix stands in front of every input.
    """

    model: Literal["causal", "seq2seq"]
    max_tokens: int
    target_tokens: int
    cut: Literal["input_start", "input_end"]
    long_rows: Literal["truncate", "drop", "error"]
    begins: bool
    prefix: bool = True

    @property
    def beside(self) -> int:
        """Tokens that the model reads for a row beside its input and target."""
        return self.prefix + (self.begins if self.model == "causal" else 2)

    @property
    def input_room(self) -> int:
        """Most tokens of an input."""
        return self.max_tokens - (self.beside if self.model == "causal" else self.prefix + 1)


@dataclass(frozen=True, slots=True)
class TextSpecial:
    """Ids of the special tokens; `bos` is None where a text does not begin with a token of its own."""

    bos: int | None
    eos: int
    pad: int
    prefix: bool = True
    """Whether the task's prefix stands in front of every input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRows(RowTable):
    """R rows with O options in all."""

    LISTS: ClassVar[Mapping[str, str]] = {"options": "option_offsets"}

    input: Ragged
    target: Ragged
    options: Ragged
    """All options of all rows, O segments."""
    option_offsets: Ints
    """Row i has options `option_offsets[i]` to `option_offsets[i + 1]`, (R + 1,)."""
    prompt: Ints
    """Index into the prompts of the row's task, (R,)."""

    @property
    def counts(self) -> Ints:
        """Options of each row."""
        return np.diff(self.option_offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEntry:
    """A prompt that rows of a shard were made through.

    Attributes:
        id: Stable; `plain` of the built-in format.
        name: As people call it.
        rows: Of the shard.
        asked: Curated rows that it was to render.
        skipped: Of these, those that it gives no input or no single target for.
        foreign: Of the rest, those whose target is none of their options: they have no label.
        fallen: Of the asked, those that were too odd for its compiled program and rendered slowly.
    """

    id: str
    name: str
    rows: int = 0
    asked: int
    skipped: int = 0
    foreign: int = 0
    fallen: int = 0


@dataclass(frozen=True, kw_only=True)
class TextEntry(TaskEntry):
    """One shard.

    Attributes:
        options_max: Most options of a row; 0 where none has any.
        supervised: Tokens that the loss is taken of: targets and their ends.
        input_cut: Rows whose input lost tokens.
        target_cut: Rows whose target lost tokens.
        options_cut: Options that lost tokens.
        untargeted: Train rows left out because their target is hidden.
        prompts: What the `prompt` column counts in, in the mixture's order.
        draw: `all` where each row was seen through all of them, `one` where through one.
    """

    options_max: int
    supervised: int
    input_cut: int
    target_cut: int
    options_cut: int
    untargeted: int
    prompts: tuple[PromptEntry, ...]
    draw: str

    @property
    def supervised_tokens(self) -> int:
        """Tokens of all rows that a loss is taken of."""
        return self.supervised

    @property
    def seen_through(self) -> tuple[int, int]:
        """Prompts that made the rows, and how many of them each example was seen through."""
        prompts = max(len(self.prompts), 1)
        return prompts, prompts if self.draw == "all" else 1


@dataclass(frozen=True, kw_only=True)
class TextManifest(TextRule, Manifest):
    """The manifest of a role, with the rule that made its sequences.

    Attributes:
        extras: Tokens read of a row beside its input and target.
        supervised_extras: Of these, the ones that a loss is taken of.
    """

    SCHEMA: ClassVar[pa.Schema] = TEXT_SHARD

    view: str = "text"
    tasks: tuple[TextEntry, ...] = ()
    extras: int = field(init=False)
    supervised_extras: int = field(init=False, default=SUPERVISED_EXTRAS)

    def __post_init__(self) -> None:
        """Derive what follows from the rule."""
        object.__setattr__(self, "extras", self.beside)

    def rows(self, batch: pa.RecordBatch, task: int) -> TextRows:
        """Return the rows of a shard; see `Manifest.rows`."""
        options = batch.column("options")
        return TextRows(
            task=np.broadcast_to(np.int64(task), batch.num_rows),
            prefix=np.broadcast_to(np.int64(self.tasks[task].prefix_id), batch.num_rows),
            input=ragged_column(batch.column("input")),
            target=ragged_column(batch.column("target")),
            options=ragged_column(options.values),
            option_offsets=options.offsets.to_numpy(),
            label=batch.column("label").fill_null(-1).to_numpy(),
            prompt=batch.column("prompt").to_numpy(),
            source=batch.column("row").to_numpy(),
        )

    def check(self, rows: TextRows, entry: Any, where: str) -> None:
        """Compare the rows of a shard with its entry and with themselves; see `Manifest.check`."""
        targets = len(rows.target.values) + SUPERVISED_EXTRAS * len(rows)
        if targets != entry.supervised:
            raise refused(f"holds {targets} supervised tokens", where, str(entry.supervised))
        outside = np.flatnonzero(rows.label >= rows.counts)
        if len(outside):
            what = f"row {outside[0]} has a label outside its options"
            raise refused(what, where, "an index into the row's options")
        longest = self._longest(rows)
        if longest > self.max_tokens:
            what = f"holds a sequence of {longest} tokens"
            raise refused(what, where, f"at most {self.max_tokens}, since the trainer cuts nothing")

    def _longest(self, rows: TextRows) -> int:
        """Return the tokens of the longest sequence that a model reads of these rows."""
        written = rows.target.lengths.copy()
        np.maximum.at(written, np.repeat(np.arange(len(rows)), rows.counts), rows.options.lengths)
        front = self.max_tokens - self.input_room
        if self.model == "causal":
            return int((rows.input.lengths + written + front).max(initial=0))
        read = int((rows.input.lengths + front).max(initial=0))
        return max(read, int((written + 1).max(initial=0)))

    def row_tokens(self, rows: TextRows) -> Ints:
        """Return the tokens of each row's input and target, and what is read beside them."""
        return self._lengths(self.beside, rows.input, rows.target)

    def row_supervised(self, rows: TextRows) -> Ints:
        """Return the tokens of each row's target, and the end."""
        return self._lengths(SUPERVISED_EXTRAS, rows.target)

    def _lengths(self, beside: int, *columns: Ragged) -> Ints:
        tokens = np.full(len(columns[0]), beside, dtype=np.int64)
        for part, edges in blocks(len(tokens)):
            for column in columns:
                tokens[part] += np.diff(column.offsets[edges])
        return tokens


TextShard: TypeAlias = TaskShard[TextRows]
"""One task of the text view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShards(RoleShards[TextRows, TextManifest]):
    """All tasks of one role of the text view, in name order."""

    @property
    def model(self) -> str:
        """Kind of model that the tokens are for."""
        return self.manifest.model

    @property
    def special(self) -> TextSpecial:
        """Ids of the special tokens."""
        ids = self.manifest.special
        bos = ids["bos"] if self.manifest.begins else None
        return TextSpecial(bos, ids["eos"], ids["pad"], self.manifest.prefix)


def open_text_shards(folder: Path, *, verify: bool = True) -> TextShards:
    """Memory-map the token shards of one role; see `shards.open_role`.

    Raises:
        ArtefactError: They are missing, damaged, or of another view.
    """
    return open_role(TextShards, folder, read_manifest(folder, TextManifest), verify=verify)
