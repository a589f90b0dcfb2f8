"""What all forms share: the draft of an example, cleaned texts, and the first fault of a row.

A form turns records into a *draft*, one row per record with the columns

    __row__   Int64         number of the record in its split
    context   String        cleaned; null where the record has no value for it
    question  String        cleaned; null as above
    choices   List(String)  cleaned
    label     Int32         index into choices, null where hidden or at fault
    labels    List(Int32)   gold set, ascending; null but for multi_label
    target    String        gold text, null where hidden or at fault
    given     any scalar    the gold answer as the source writes it, for the wording of rejects
    reason    String        why the row is a reject; null where it is an example

Knows no file and no form. Text is cleaned once, here: white space at both ends goes, and everything
inside stays as it is, byte for byte.
"""

from collections.abc import Iterable
from typing import Literal

import polars as pl

from pipeline.config.forms.base import Stem, Text
from pipeline.fields.paths import Value
from pipeline.fields.texts import text_expression
from pipeline.normalize.cleaning import cleaned

ROW = "__row__"
"""Column of the record's number, which sources add to the source's own columns."""

Reason = Literal[
    "missing_field",
    "empty_text",
    "too_few_choices",
    "duplicate_choices",
    "label_missing",
    "label_unknown",
    "label_out_of_range",
    "answer_not_in_context",
    "bad_encoding",
]
"""Why a record is no example; readers have reasons of their own for what they cannot read."""

Fault = tuple[Reason, pl.Expr]
"""A reason and the Boolean expression over a draft that says which rows it holds for."""

COLUMNS = (
    ROW, "context", "question", "choices", "label", "labels", "target", "given", "reason",
)  # fmt: skip
"""Columns of a draft, in order."""

NO_CHOICES = pl.lit([], dtype=pl.List(pl.String)).alias("choices")
NO_LABEL = pl.lit(None, dtype=pl.Int32).alias("label")
NO_LABELS = pl.lit(None, dtype=pl.List(pl.Int32)).alias("labels")
NO_TARGET = pl.lit(None, dtype=pl.String).alias("target")
NOTHING_GIVEN = pl.lit(None, dtype=pl.String).alias("given")


def clean(text: pl.Expr) -> pl.Expr:
    """Strip white space (as Unicode has it) at both ends; null stays null."""
    return text.str.strip_chars()


def text_column(
    fields: Stem, name: Literal["context", "question", "target"], schema: pl.Schema, where: str
) -> pl.Expr:
    """Return a field's cleaned text under its name; empty where the card has no such field."""
    field: Text | None = getattr(fields, name)
    if field is None:
        return pl.lit("").alias(name)
    text = text_expression(field, schema, where=f"{where}: fields.{name}")
    return clean(cleaned(text, fields.clean.get(name, ()))).alias(name)


def clean_label(fields: Stem, value: Value) -> Value:
    """Return a label after the steps that the card asks for."""
    steps = fields.clean.get("label", ())
    if not steps:
        return value
    return Value(clean(cleaned(value.expression.cast(pl.String), steps)), pl.String())


def stem(fields: Stem, schema: pl.Schema, where: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the columns `context` and `question` of a draft."""
    return (
        text_column(fields, "context", schema, where),
        text_column(fields, "question", schema, where),
    )


def stem_faults(fields: Stem) -> tuple[Fault, ...]:
    """Return the faults of context and question: no value, or no text in either.

    A card that names neither asks by its choices alone, which is no fault.
    """
    named = [name for name in ("context", "question") if getattr(fields, name) is not None]
    if not named:
        return ()
    return (
        ("missing_field", pl.any_horizontal(pl.col(name).is_null() for name in named)),
        ("empty_text", pl.all_horizontal(pl.col(name) == "" for name in named)),
    )


def label_missing(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether the source has no label: null, or an empty text."""
    return given.is_null() | (given == "") if dtype == pl.String else given.is_null()


def with_reasons(drafted: pl.LazyFrame, faults: Iterable[Fault]) -> pl.DataFrame:
    """Add the column `reason` and return a draft's columns alone.

    Args:
        drafted: All columns of a draft but `reason`, and those that the faults look at.
        faults: In order of precedence; a row's reason is the first that holds, null counting as no.
    """
    reason = pl.lit(None, dtype=pl.String)
    for slug, holds in reversed(tuple(faults)):
        reason = pl.when(holds).then(pl.lit(slug)).otherwise(reason)
    return drafted.with_columns(reason.alias("reason")).select(COLUMNS).collect()
