"""Rejects: the wording of each, and the refusal of a card that rejects its own data."""

from collections.abc import Callable
from typing import assert_never

import polars as pl

from pipeline.config.fields import (
    Classification,
    Fields,
    MultiLabel,
    MultipleChoice,
    Span,
    TextToText,
)
from pipeline.errors import DataError
from pipeline.normalize.bad_encoding import damage
from pipeline.normalize.draft import ROW
from pipeline.normalize.labels import class_names

_SHOWN = 80
"""Characters of an offending value that a reject keeps."""


def describe(drafts: pl.DataFrame, unread: pl.DataFrame, split: str) -> pl.DataFrame:
    """Return the rejects of a split, in the order of its records.

    Args:
        drafts: Rows of a draft that have a reason.
        unread: `row`, `reason`, `detail` of the records that could not be read.
        split: Name of the split.

    Returns:
        The columns of `schema.REJECT`; `detail` is the offending value, at most 80 characters.
    """
    ours = drafts.select(
        pl.col(ROW).cast(pl.Int64).alias("row"), "reason", _detail().alias("detail")
    )
    theirs = unread.select("row", "reason", "detail").cast(
        {"row": pl.Int64, "reason": pl.String, "detail": pl.String}
    )
    shortened = pl.col("detail").fill_null("null").str.slice(0, _SHOWN)
    rejects = pl.concat([ours, theirs]).sort("row", maintain_order=True)
    return rejects.select(pl.lit(split).alias("split"), "row", "reason", shortened)


def _detail() -> pl.Expr:
    """Return the offending value of a draft's row: what was given, or which field lacks a value."""
    reason, choices = pl.col("reason"), pl.col("choices").list.eval(pl.element().fill_null(""))
    shown = choices.list.join(" | ")
    parts = (pl.col("context"), pl.col("question"), shown, pl.col("target"))
    texts = [pl.when(part != "").then(part) for part in parts]
    return (
        pl.when(reason.is_in(["duplicate_choices", "too_few_choices"]))
        .then(shown)
        .when(reason == "empty_text")
        .then(pl.when(choices.list.contains("")).then(shown).otherwise(_fields_that(_is_blank)))
        .when(reason == "missing_field")
        .then(_fields_that(pl.Expr.is_null))
        .when(reason == "bad_encoding")
        .then(damage(pl.concat_str(*texts, separator="\n", ignore_nulls=True)))
        .otherwise(pl.col("given").cast(pl.String))
    )


def _is_blank(text: pl.Expr) -> pl.Expr:
    return text == ""


def _fields_that(holds: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return the names of the fields that something holds for, joined by commas."""
    has_choices = pl.col("choices").list.len().fill_null(1) > 0  # then the target comes from them
    named = [pl.when(holds(pl.col(name))).then(pl.lit(name)) for name in ("context", "question")]
    named += [
        pl.when(pl.col("choices").is_null()).then(pl.lit("choices")),
        pl.when(holds(pl.col("target")) & ~has_choices).then(pl.lit("target")),
    ]
    return pl.concat_str(named, separator=", ", ignore_nulls=True)


def refuse_systematic(rejects: pl.DataFrame, read: int, fields: Fields, where: str) -> None:
    """Refuse a card by which one reason takes more than half of a split, or every row is a reject.

    A wrong `label_offset` must not drop half of the data without a word.

    Args:
        rejects: Rejects of one split.
        read: Records of that split, unreadable ones among them.
        fields: The card's fields.
        where: `task/split`.

    Raises:
        DataError: Naming the key, the five most frequent values, and what was expected.
    """
    if rejects.is_empty():
        return
    (reason, number), *_ = _counts(rejects, "reason")
    if number * 2 <= read and rejects.height < read:
        return
    values = _counts(rejects.filter(pl.col("reason") == reason), "detail")[:5]
    shown = ", ".join(f"'{value}' ({_rows(count)})" for value, count in values)
    key, expected, remedy = _wording(reason, fields)
    raise DataError(
        f"{number} of {read} records are rejects for '{reason}': {shown}",
        where=f"{where}: {key}",
        expected=expected,
        remedy=remedy,
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _counts(rejects: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    """Return the values of a column and how often each occurs, most frequent first, then by name."""
    counted = rejects.group_by(column).len().sort(["len", column], descending=[True, False])
    return list(counted.iter_rows())


def _wording(reason: str, fields: Fields) -> tuple[str, str, str]:
    """Return the card's key, what was expected of it and what to do, for a reason."""
    match reason:
        case "label_missing" | "label_unknown" | "label_out_of_range":
            return _label_wording(reason, fields)
        case "duplicate_choices" | "too_few_choices":
            return "fields.choices", "two or more different texts in each row", _LOOK
        case "missing_field":
            return "fields", "a value in each row", "a template, '{column}', takes null as empty"
        case "empty_text":
            return "fields", "text in context or question, and in every choice", _LOOK
        case "answer_not_in_context":
            key = "fields.end" if isinstance(fields, Span) and fields.end else "fields.answers"
            return key, "a stretch of the context, offsets in characters", _LOOK
        case "bad_encoding":
            return "source.encoding", "text without control characters and U+FFFD", _LOOK
    return "source", "records that can be read", _LOOK


_LOOK = "look at the raw records, then mend the card"


def _label_wording(reason: str, fields: Fields) -> tuple[str, str, str]:
    if reason == "label_missing":
        remedy = "name the split under 'hidden' if its labels are withheld, or set hidden_label"
        return _label_key(fields), "a label in each row", remedy
    match fields:
        case MultipleChoice():
            kind = fields.label_is or "index"
            expected = {
                "index": f"a number from {fields.label_offset}, below that the number of choices",
                "letter": "the letter of a choice, the first being A or 1",
                "text": "the text of one of the choices",
                "flags": "flags of which one is true",
            }[kind]
            return "fields.label", expected, "mend label_is, label_offset or choice_labels"
        case Classification() | MultiLabel():
            names = (
                fields.classes if isinstance(fields.classes, dict) else class_names(fields.classes)
            )
            shown = ", ".join(str(name) for name in list(names)[:12])
            more = f" and {len(names) - 12} more" if len(names) > 12 else ""
            return _label_key(fields), f"one of: {shown}{more}", "mend classes, or set hidden_label"
        case TextToText() | Span():
            return _label_key(fields), "an answer", _LOOK
    assert_never(fields)


def _label_key(fields: Fields) -> str:
    return "fields.labels" if isinstance(fields, MultiLabel) else "fields.label"
