"""From records to examples and rejects, for any form: the one entry of `pipeline.normalize`.

Knows no file and no source; a record that could not be read comes here as a reject already.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import polars as pl

from pipeline.config.task_card import TaskCard
from pipeline.normalize.bad_encoding import damaged_rows
from pipeline.normalize.content_hash import digests, encode
from pipeline.normalize.draft import ROW
from pipeline.normalize.rejects import describe, refuse_systematic
from pipeline.schema import Split, prefix_token

_ROWS = 65_536
"""Rows worked on together; what comes out is the same for any number of them."""


class Form(Protocol):
    """What the module of a form has to offer."""

    def draft(
        self, records: pl.DataFrame, fields: Any, *, hidden: bool, where: str
    ) -> pl.DataFrame:
        """Map N records of one split onto the N rows of a draft (see `draft`), in their order."""


@dataclass(frozen=True)
class Normalized:
    """One split of a task.

    Attributes:
        examples: Columns of `schema.EXAMPLE`, in the order of the records.
        rejects: Columns of `schema.REJECT`, in the order of the records, those that could not be
            read among them.
    """

    examples: pl.DataFrame
    rejects: pl.DataFrame


def normalize(
    frame: pl.DataFrame, unread: pl.DataFrame, card: TaskCard, split: Split
) -> Normalized:
    """Turn the records of one split into examples and rejects.

    Pure: reads no file, draws no random number, keeps the order of rows. Every record ends up in
    exactly one of the two.

    Args:
        frame: Records as the source has them, with their number in `__row__` (Int64).
        unread: `row`, `reason`, `detail` of the records that could not be read.
        card: The task's card.
        split: Which split this is; where the card calls it hidden, its labels are not looked at.

    Raises:
        ConfigError: The card lacks a key that these records need.
        DataError: Every record is a reject, or more than half are, for one and the same reason.
        SourceError: The records lack a column that the card names.
    """
    where = f"{card.task}/{split}"
    part = partial(_part, card=card, split=split, where=where)
    starts = range(0, max(frame.height, 1), _ROWS)
    # While one part is hashed, which holds the interpreter's lock, others are in polars, which does not.
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        parts = list(pool.map(part, [frame.slice(start, _ROWS) for start in starts]))
    rejects = describe(pl.concat([rejected for _, rejected in parts]), unread, split)
    refuse_systematic(rejects, frame.height + unread.height, card.fields, where)
    return Normalized(pl.concat([examples for examples, _ in parts], rechunk=True), rejects)


def _part(
    records: pl.DataFrame, *, card: TaskCard, split: Split, where: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the examples among some records, and the drafts of the others."""
    drafts = _draft(records, card, hidden=split in card.hidden, where=where)
    encodings = encode(drafts, card.fields.fixed_options)
    is_damaged = damaged_rows(encodings)
    if is_damaged is not None:
        reason = pl.when(is_damaged).then(pl.lit("bad_encoding")).otherwise("reason")
        drafts = drafts.with_columns(reason.alias("reason"))
    is_example = drafts["reason"].is_null()
    kept, hashes = drafts.filter(is_example), digests(encodings["encoding"].filter(is_example))
    return _examples(kept, hashes, card, split), drafts.filter(~is_example)


def draft_module(form: str) -> str:
    """Return the name of the module that turns records into examples of a form."""
    return f"pipeline.normalize.{form}"


def _draft(records: pl.DataFrame, card: TaskCard, *, hidden: bool, where: str) -> pl.DataFrame:
    form: Form = import_module(draft_module(card.fields.form))
    return form.draft(records, card.fields, hidden=hidden, where=where)


def _examples(kept: pl.DataFrame, hashes: pl.Series, card: TaskCard, split: Split) -> pl.DataFrame:
    """Return drafts without a reason as rows of `schema.EXAMPLE`."""
    return kept.select(
        pl.concat_str(pl.lit(f"{card.task}/{split}/"), ROW).alias("example_id"),
        pl.lit(card.task).alias("task"),
        pl.lit(card.fields.form).alias("form"),
        pl.col("context", "question", "choices", "label", "target", "labels"),
        pl.lit(prefix_token(card.task)).alias("prefix"),
        hashes.alias("content_hash"),
    )
