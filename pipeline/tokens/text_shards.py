"""Fitted rows as token shards of the text view."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.rows import list_column
from pipeline.contract.text import SUPERVISED_EXTRAS, TEXT_SHARD, PromptEntry, TextEntry, TextRule
from pipeline.tokens.choice_shards import gold_column
from pipeline.tokens.text_fit import TextFitted

_COUNTED = ("input_cut", "target_cut", "options_cut", "tokens_lost")


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
    """Write one task's shard and return its entry.

    Args:
        path: File to write.
        fitted: The rows.
        view: `label`, `row` and `prompt` of the same rows.
        rule: That they were fitted by.
        task: Name.
        form: Of its rows.
        prefix_id: Id of its prefix token.
        left_out: Rows that were `dropped` and `untargeted`.
        prompts: That made the rows; their own `rows` are counted here.
        draw: `all` where each row was seen through all of them, `one` where through one.
    """
    table = text_table(fitted, view, [prompt.id for prompt in prompts])
    write_arrow(table, path)
    return TextEntry(
        task=task,
        form=form,
        **_counts(fitted, rule),
        **left_out,
        prompts=_counted(prompts, table),
        draw=draw,
        prefix_id=prefix_id,
        sha256=sha256(path),
    )


def _counts(fitted: TextFitted, rule: TextRule) -> dict[str, int]:
    """Return the numbers of a shard's rows, options and tokens, by the fields of its entry."""
    rows, targets = len(fitted.input), len(fitted.target.values)
    return {
        "rows": rows,
        "options_max": int(np.diff(fitted.first).max(initial=0)),
        "tokens": len(fitted.input.values) + targets + rule.beside * rows,
        "supervised": targets + SUPERVISED_EXTRAS * rows,
        **{name: getattr(fitted, name) for name in _COUNTED},
    }


def _counted(prompts: Sequence[PromptEntry], table: pa.Table) -> tuple[PromptEntry, ...]:
    """Return prompts with the number of rows that each made."""
    made = np.bincount(table["prompt"].to_numpy(), minlength=len(prompts)).tolist()
    return tuple(replace(one, rows=n) for one, n in zip(prompts, made, strict=True))


def text_table(fitted: TextFitted, view: pl.DataFrame, prompts: Sequence[str]) -> pa.Table:
    """Return rows as a table of `TEXT_SHARD`.

    Args:
        fitted: The rows.
        view: `label`, `row` and `prompt` of the same rows.
        prompts: Ids that the column `prompt` counts in.
    """
    place = {prompt: index for index, prompt in enumerate(prompts)}
    codes = view["prompt"].replace_strict(place, return_dtype=pl.UInt16)
    options = pa.LargeListArray.from_arrays(
        pa.array(fitted.first),
        list_column(fitted.options),
        type=TEXT_SHARD.field("options").type,
    )
    columns = {
        "input": list_column(fitted.input),
        "target": list_column(fitted.target),
        "options": options,
        "label": gold_column(view["label"]),
        "row": pa.array(view["row"].cast(pl.UInt32).to_numpy()),
        "prompt": pa.array(codes.to_numpy(), pa.uint16()),
    }
    return pa.Table.from_pydict(columns, schema=TEXT_SHARD)
