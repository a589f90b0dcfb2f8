"""Multi-label: any number of classes of a fixed set are right; the names are every row's choices."""

import polars as pl

from pipeline.config.forms.base import unique_names
from pipeline.config.forms.multi_label import MultiLabel
from pipeline.errors import DataError
from pipeline.fields.texts import list_expression, text_expression
from pipeline.normalize.draft import (
    NO_LABEL,
    NO_LABELS,
    NO_TARGET,
    NOTHING_GIVEN,
    ROW,
    Fault,
    stem,
    stem_faults,
    with_reasons,
)
from pipeline.normalize.labels import class_place, class_places, flag_values, label_text

_GIVEN, _LABELS = pl.col("given"), pl.col("labels")


def draft(records: pl.DataFrame, fields: MultiLabel, *, hidden: bool, where: str) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    `labels` is ascending and holds each class once; `target` is the text of the gold choices in that
    order, joined by `, `. `hidden` is whether the publisher withholds the labels.

    Raises:
        DataError: The labels are flags, and the card takes them for values.
        SourceError: `records` lacks what `fields` names; `where` says of which task and split.
    """
    schema = records.schema
    options = fields.fixed_options
    columns = [
        pl.col(ROW),
        *stem(fields, schema, where),
        pl.lit(options).alias("choices"),
        NO_LABEL,
    ]
    faults = [*stem_faults(fields)]
    if hidden:
        drafted = records.lazy().select(*columns, NO_LABELS, NO_TARGET, NOTHING_GIVEN)
        return with_reasons(drafted, faults)
    given = records.select(*columns, _given(fields, schema, where))
    if not fields.are_flags:
        _refuse_flags(given["given"], len(fields.classes), where)
    drafted = given.lazy().with_columns(_labels(fields))
    chosen = _LABELS.list.eval(pl.lit(pl.Series(options)).gather(pl.element()))
    drafted = drafted.with_columns(
        pl.when(_LABELS.list.len() > 0).then(chosen.list.join(", ")).alias("target"),
        _GIVEN.list.join(", "),
    )
    return with_reasons(drafted, [*faults, *_FAULTS])


def _given(fields: MultiLabel, schema: pl.Schema, where: str) -> pl.Expr:
    """Return the label values of each row as a list of stripped texts."""
    where = f"{where}: fields.labels"
    if isinstance(fields.labels, tuple):
        flags = [text_expression(column, schema, where=where) for column in fields.labels]
        return pl.concat_list(flags).list.eval(pl.element().str.strip_chars()).alias("given")
    if fields.separator is None:
        lists = list_expression(fields.labels, schema, where=where)
    else:
        lists = text_expression(fields.labels, schema, where=where).str.split(fields.separator)
    texts = lists.list.eval(pl.element().str.strip_chars())
    kept = texts.list.filter(pl.element() != "") if fields.separator is not None else texts
    is_empty = fields.none is not None and not fields.are_flags
    return (kept.fill_null([]) if is_empty else kept).alias("given")


def _labels(fields: MultiLabel) -> pl.Expr:
    """Return the gold sets; a value that is no class is a null in its set."""
    if fields.are_flags:
        labels = _flagged(fields)
    else:
        place = class_place(pl.element(), pl.String(), class_places(fields.classes))
        labels = _GIVEN.list.eval(place).list.unique().list.sort()
    if fields.none is not None:
        empty = pl.lit([fields.class_names.index(fields.none)], dtype=pl.List(pl.Int32))
        labels = pl.when(labels.list.len() == 0).then(empty).otherwise(labels)
    return labels.alias("labels")


def _flagged(fields: MultiLabel) -> pl.Expr:
    """Return the places of the flags that are set; null in it where one is no flag or is missing."""
    values = list(fields.classes.values() if isinstance(fields.classes, dict) else fields.classes)
    names = unique_names(values)
    places = pl.Series([names.index(name) for name in values], dtype=pl.Int32)
    flags = flag_values(pl.element())
    set_places = pl.when(flags).then(pl.lit(places).gather(pl.int_range(pl.len()))).otherwise(-1)
    marked = _GIVEN.list.eval(pl.when(flags.is_not_null()).then(set_places))
    unknown = pl.lit([None], dtype=pl.List(pl.Int32))
    right = marked.list.filter(pl.element().is_null() | (pl.element() >= 0))
    fits = _GIVEN.list.len() == len(values)
    return (
        pl.when(fits).then(right.list.unique().list.sort()).when(_GIVEN.is_not_null()).then(unknown)
    )


def _refuse_flags(given: pl.Series, classes: int, where: str) -> None:
    """Refuse lists that can only be flags: as long as the classes, of 0 and 1, with repeats."""
    lists = given.drop_nulls()
    lists = lists.filter(lists.list.len() > 0)
    if classes < 2 or lists.is_empty() or not bool((lists.list.len() == classes).all()):
        return
    texts = lists.explode().to_frame("text").select(label_text(pl.col("text"), pl.String()))
    values = set(texts["text"].unique())
    repeats = classes == 2 or bool((lists.list.n_unique() < classes).any())
    if values <= {"0", "1"} and repeats:
        raise DataError(
            f"each of the lists has {classes} values of 0 and 1, as many as there are classes",
            where=f"{where}: fields.labels",
            expected="the classes that are right",
            remedy="set `labels_are: flags` on the card",
        )


_FAULTS: tuple[Fault, ...] = (
    ("label_missing", _LABELS.is_null() | (_LABELS.list.len() == 0)),
    ("label_unknown", _LABELS.list.eval(pl.element().is_null()).list.any()),
)
