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
from pipeline.errors import DataError
from pipeline.normalize.bad_encoding import damaged_rows
from pipeline.normalize.content_hash import digests, encode
from pipeline.normalize.draft import ROW
from pipeline.normalize.identity import identity
from pipeline.normalize.rejects import describe, refuse_faulty
from pipeline.schema import Split, prefix_token

_ENOUGH = 3
"""Rows from which on it is no chance that all of them are the same."""
_ROWS = 65_536
"""Rows worked on together; what comes out is the same for any number of them."""


class Form(Protocol):
    """What the module of a form has to offer.

    It may also have `check(examples, rejected, fields, *, where)`, which looks at the examples and the
    rejected drafts of a whole split and raises a `DataError` where they show that the card is wrong.
    """

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
        identity: By which texts the records are recognised, see `identity`; None for those that the
            examples have.
    """

    examples: pl.DataFrame
    rejects: pl.DataFrame
    identity: pl.DataFrame | None


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
        DataError: Every record is a reject, or more than the card allows, or rejects show a wrong card.
        SourceError: The records lack a column that the card names.
    """
    where = f"{card.task}/{split}"
    part = partial(_part, card=card, split=split, where=where)
    starts = range(0, max(frame.height, 1), _ROWS)
    # While one part is hashed, which holds the interpreter's lock, others are in polars, which does not.
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        parts = list(pool.map(part, [frame.slice(start, _ROWS) for start in starts]))
    examples = pl.concat([kept for kept, _ in parts], rechunk=True)
    rejected = pl.concat([rejected for _, rejected in parts])
    _check(examples, rejected, card, where=where)
    rejects = describe(rejected, unread, split)
    read = frame.height + unread.height
    refuse_faulty(rejects, read, card.fields, most=card.max_rejects, where=where)
    prefix = f"{card.task}/{split}/"
    return Normalized(examples, rejects, identity(frame, card.fields, prefix, where))


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


def _check(examples: pl.DataFrame, rejected: pl.DataFrame, card: TaskCard, *, where: str) -> None:
    _refuse_one_input(examples, where)
    form = import_module(draft_module(card.fields.form))
    if hasattr(form, "check"):
        form.check(examples, rejected, card.fields, where=where)


def _refuse_one_input(examples: pl.DataFrame, where: str) -> None:
    """Refuse a split with the same to read in every row and different answers: a lost column."""
    first = examples.head(_ENOUGH).select("context", "question")
    if examples.height < _ENOUGH or first.n_unique() > 1:
        return
    parts = examples.select("context", "question", pl.col("choices").list.join("\n"), "target")
    different = [name for name in parts.columns if parts[name].n_unique() > 1]
    if different == ["target"]:
        context, question, *_ = parts.row(0)
        shown = " | ".join(text for text in (context, question) if text)[:80]
        raise DataError(
            f"all {examples.height} rows have the same text: '{shown}'",
            where=f"{where}: fields",
            expected="a column or a template with {column} in context or question",
        )


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
