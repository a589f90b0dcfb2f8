"""Token shards of the text view: one Arrow file a task and role, and the manifest of a role.

`start` numbers the rows of all tasks through, in task order, as in the choice view. Knows no text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.contract.files import sha256, write_arrow, write_json
from pipeline.contract.ragged import Ragged
from pipeline.contract.shards import IDS
from pipeline.contract.text import SUPERVISED_EXTRAS, TEXT_SHARD, VIEW
from pipeline.schema import Role
from pipeline.tokens.text_fit import TextFitted, TextRule
from pipeline.tokens.vocabulary import Vocabulary

VERSION = 1


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEntry:
    """One shard.

    Attributes:
        task: Name.
        form: Of its rows.
        rows: Number of rows.
        start: Mixture row of its first row.
        options_max: Most options of a row; 0 where none has any.
        tokens: That a model reads of all rows: inputs, targets and `extras` for each.
        supervised: That the loss is taken of: targets and their ends.
        input_cut: Rows whose input lost tokens.
        target_cut: Rows whose target lost tokens.
        options_cut: Options that lost tokens.
        tokens_lost: Tokens of inputs and targets that were cut.
        dropped: Rows left out because they were too long.
        untargeted: Train rows left out because their target is hidden.
        prompts: What the `prompt` column counts in, in the mixture's order.
        draw: `all` where each row was seen through all of them, `one` where through one.
        prefix_id: Id of its prefix token.
        sha256: Of its file.
    """

    task: str
    form: str
    rows: int
    start: int
    options_max: int
    tokens: int
    supervised: int
    input_cut: int
    target_cut: int
    options_cut: int
    tokens_lost: int
    dropped: int
    untargeted: int
    prompts: tuple["PromptEntry", ...]
    draw: str
    prefix_id: int
    sha256: str


def text_entry(value: Mapping[str, Any]) -> TextEntry:
    """Return the entry that a manifest, or a note of a finished task, holds as JSON."""
    prompts = tuple(PromptEntry(**prompt) for prompt in value["prompts"])
    return TextEntry(**{**value, "prompts": prompts})


def text_table(fitted: TextFitted, view: pl.DataFrame, prompts: Sequence[str]) -> pa.Table:
    """Return rows as a table of `TEXT_SHARD`.

    Args:
        fitted: The rows.
        view: `label`, `row` and `prompt` of the same rows.
        prompts: Tokens that the column `prompt` counts in.
    """
    place = {prompt: index for index, prompt in enumerate(prompts)}
    codes = view["prompt"].replace_strict(place, return_dtype=pl.UInt16)
    label = view["label"]
    columns = {
        "input": _ids(fitted.input),
        "target": _ids(fitted.target),
        "options": pa.LargeListArray.from_arrays(
            pa.array(fitted.first), _ids(fitted.options), type=TEXT_SHARD.field("options").type
        ),
        "label": pa.array(
            label.fill_null(0).to_numpy(), pa.int32(), mask=label.is_null().to_numpy()
        ),
        "row": pa.array(view["row"].cast(pl.UInt32).to_numpy()),
        "prompt": pa.array(codes.to_numpy(), pa.uint16()),
    }
    return pa.Table.from_pydict(columns, schema=TEXT_SHARD)


def write_text_shard(
    path: Path,
    fitted: TextFitted,
    view: pl.DataFrame,
    rule: TextRule,
    *,
    task: str,
    form: str,
    prefix_id: int,
    left_out: Mapping[str, int],
    prompts: Sequence[PromptEntry],
    draw: str,
) -> TextEntry:
    """Write one task's shard and return its entry, with `start` 0 until `write_text_manifest` sets it."""
    table = text_table(fitted, view, [prompt.id for prompt in prompts])
    write_arrow(table, path)
    made = np.bincount(table["prompt"].to_numpy(), minlength=len(prompts)).tolist()
    rows = len(fitted.input)
    targets = len(fitted.target.values)
    return TextEntry(
        task=task,
        form=form,
        rows=rows,
        start=0,
        options_max=int(np.diff(fitted.first).max(initial=0)),
        tokens=len(fitted.input.values) + targets + rule.extras * rows,
        supervised=targets + SUPERVISED_EXTRAS * rows,
        input_cut=fitted.input_cut,
        target_cut=fitted.target_cut,
        options_cut=fitted.options_cut,
        tokens_lost=fitted.tokens_lost,
        **left_out,
        prompts=tuple(replace(one, rows=n) for one, n in zip(prompts, made, strict=True)),
        draw=draw,
        prefix_id=prefix_id,
        sha256=sha256(path),
    )


def text_recipe(role: Role, rule: TextRule, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the part of a manifest that holds for all tasks: what the ids depend on beside the rows."""
    return {
        "version": VERSION,
        "view": VIEW,
        "role": role,
        **asdict(rule),
        "extras": rule.extras,
        "supervised_extras": SUPERVISED_EXTRAS,
        "vocabulary": vocabulary.size,
        "special": vocabulary.special,
        "tokenizer_sha256": vocabulary.sha256,
        "tokenizer_files": vocabulary.files,
    }


def write_text_manifest(
    folder: Path,
    entries: Iterable[TextEntry],
    *,
    role: Role,
    rule: TextRule,
    vocabulary: Vocabulary,
) -> None:
    """Number the rows through in task order and write `manifest.json`, the last file of the folder."""
    tasks, start = [], 0
    for entry in sorted(entries, key=lambda entry: entry.task):
        tasks.append(asdict(entry) | {"start": start})
        start += entry.rows
    manifest = text_recipe(role, rule, vocabulary)
    write_json(manifest | {"tasks": tasks}, folder / "manifest.json")


def _ids(rows: Ragged) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.values), type=IDS)
