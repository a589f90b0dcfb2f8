"""Rejects: the wording of each, and the refusal of a card that rejects its own data."""

from collections.abc import Callable

import polars as pl

from pipeline.config.forms.base import Stem
from pipeline.errors import DataError
from pipeline.normalize.bad_encoding import damage
from pipeline.normalize.draft import ROW

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


def refuse_systematic(rejects: pl.DataFrame, read: int, fields: Stem, where: str) -> None:
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
    key, expected, remedy = fields.explain(reason)
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
