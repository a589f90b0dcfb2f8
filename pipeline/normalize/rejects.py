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


def refuse_faulty(
    rejects: pl.DataFrame, read: int, fields: Stem, *, most: float, where: str
) -> None:
    """Refuse a split with too many rejects, or with rejects that show a wrong card.

    A wrong `label_offset` drops a fifth of the rows and shifts the labels of the others. It shows in a
    few rows already: their labels are all one value.

    Args:
        rejects: Rejects of one split.
        read: Records of that split, unreadable ones among them.
        fields: The card's fields.
        most: Largest share of rejects that the card allows.
        where: `task/split`.

    Raises:
        DataError: Naming the key, reasons and values by how often they occur, and what was expected.
    """
    if rejects.is_empty():
        return
    _refuse_one_label(rejects, fields, where)
    if rejects.height <= most * read and rejects.height < read:
        return
    reasons = _counts(rejects, "reason")
    shown = "; ".join(f"{reason} {values_of(rejects, reason)}" for reason, _ in reasons[:3])
    key, expected, remedy = fields.explain(reasons[0][0])
    all_of_them = rejects.height == read
    share = "" if all_of_them else f", more than {100 * most:.3g} %"
    raise DataError(
        f"{rejects.height} of {read} records are rejects{share}: {shown}",
        where=f"{where}: {key}",
        expected=expected,
        remedy=remedy if all_of_them else f"{remedy}; or raise `max_rejects` on the card",
    )


_LABELS = ("label_unknown", "label_out_of_range")


def _refuse_one_label(rejects: pl.DataFrame, fields: Stem, where: str) -> None:
    """Refuse rejects for their labels that are all one value: it means something."""
    wrong = rejects.filter(pl.col("reason").is_in(_LABELS))
    if wrong.height < _FEW or wrong["detail"].n_unique() > 1:
        return
    _, expected, remedy = fields.explain(wrong["reason"][0])
    value = wrong["detail"][0]
    raise DataError(
        f"the label '{value}' of {wrong.height} records is none of the expected ones",
        where=f"{where}: {fields.label_key}",
        expected=expected,
        remedy=f"{remedy}; if it stands for a withheld label, set `hidden_label: {value}`",
    )


_FEW = 2
"""Rows whose labels are one wrong value, from which on it is no slip of one row."""


def values_of(rejects: pl.DataFrame, reason: str, *, most: int = 5) -> str:
    """Return the most frequent values that were rejected for a reason, each with its rows."""
    values = _counts(rejects.filter(pl.col("reason") == reason), "detail")[:most]
    return ", ".join(f"{_quoted(value)} ({_rows(count)})" for value, count in values)


def _quoted(value: str) -> str:
    return f"'{value}'" if value.isprintable() else repr(value)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _counts(rejects: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    """Return the values of a column and how often each occurs, most frequent first, then by name."""
    counted = rejects.group_by(column).len().sort(["len", column], descending=[True, False])
    return list(counted.iter_rows())
