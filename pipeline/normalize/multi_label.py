"""Multi-label: any number of classes of a fixed set are right; the names are every row's choices."""

import polars as pl

from pipeline.config.forms.multi_label import MultiLabel
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
from pipeline.normalize.labels import class_place, class_places
from pipeline.templates.texts import list_expression, text_expression

_GIVEN, _LABELS = pl.col("given"), pl.col("labels")


def draft(records: pl.DataFrame, fields: MultiLabel, *, hidden: bool, where: str) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    `labels` is ascending and holds each class once; `target` is the text of the gold choices in that
    order, joined by `, `. `hidden` is whether the publisher withholds the labels.

    Raises:
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
    drafted = (
        records.lazy().select(*columns, _given(fields, schema, where)).with_columns(_labels(fields))
    )
    chosen = _LABELS.list.eval(pl.lit(pl.Series(options)).gather(pl.element()))
    drafted = drafted.with_columns(
        pl.when(_LABELS.list.len() > 0).then(chosen.list.join(", ")).alias("target"),
        _GIVEN.list.join(", "),
    )
    return with_reasons(drafted, [*faults, *_FAULTS])


def _given(fields: MultiLabel, schema: pl.Schema, where: str) -> pl.Expr:
    """Return the label values of each row as a list of stripped texts."""
    where = f"{where}: fields.labels"
    if fields.separator is None:
        lists = list_expression(fields.labels, schema, where=where)
    else:
        lists = text_expression(fields.labels, schema, where=where).str.split(fields.separator)
    texts = lists.list.eval(pl.element().str.strip_chars())
    kept = texts.list.filter(pl.element() != "") if fields.separator is not None else texts
    return (kept if fields.none is None else kept.fill_null([])).alias("given")


def _labels(fields: MultiLabel) -> pl.Expr:
    """Return the gold sets; a value that is no class is a null in its set."""
    place = class_place(pl.element(), pl.String(), class_places(fields.classes))
    labels = _GIVEN.list.eval(place).list.unique().list.sort()
    if fields.none is not None:
        empty = pl.lit([fields.class_names.index(fields.none)], dtype=pl.List(pl.Int32))
        labels = pl.when(labels.list.len() == 0).then(empty).otherwise(labels)
    return labels.alias("labels")


_FAULTS: tuple[Fault, ...] = (
    ("label_missing", _LABELS.is_null() | (_LABELS.list.len() == 0)),
    ("label_unknown", _LABELS.list.eval(pl.element().is_null()).list.any()),
)
