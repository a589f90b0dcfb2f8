"""Classification: the answer is one class of a fixed set, whose names are every row's choices."""

import polars as pl

from pipeline.config.forms.classification import Classification
from pipeline.normalize.draft import (
    NO_LABEL,
    NO_LABELS,
    NO_TARGET,
    NOTHING_GIVEN,
    ROW,
    Fault,
    clean_label,
    label_missing,
    stem,
    stem_faults,
    with_reasons,
)
from pipeline.normalize.labels import class_place, class_places, is_key, label_value


def draft(
    records: pl.DataFrame, fields: Classification, *, hidden: bool, where: str
) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    `choices` is the same list in every row. `hidden` is whether the publisher withholds the labels.

    Raises:
        SourceError: `records` lacks what `fields` names; `where` says of which task and split.
    """
    schema = records.schema
    options = fields.fixed_options
    choices = pl.lit(options).alias("choices")
    columns = [pl.col(ROW), *stem(fields, schema, where), choices, NO_LABELS]
    faults = [*stem_faults(fields)]
    if hidden:
        drafted = records.lazy().select(*columns, NO_LABEL, NO_TARGET, NOTHING_GIVEN)
        return with_reasons(drafted, faults)
    value = clean_label(fields, label_value(fields.label, schema, where=f"{where}: fields.label"))
    shown = pl.lit(True)
    if fields.hidden_label is not None:
        shown = ~is_key(value.expression, value.dtype, fields.hidden_label).fill_null(False)
    label = class_place(value.expression, value.dtype, class_places(fields.classes))
    drafted = (
        records.lazy()
        .select(
            *columns,
            pl.when(shown).then(label).alias("label"),
            value.expression.alias("given"),
            shown.alias("shown"),
        )
        .with_columns(pl.lit(pl.Series(options)).gather(pl.col("label")).alias("target"))
    )
    faults += _label_faults(value.dtype)
    return with_reasons(drafted, faults)


def _label_faults(dtype: pl.DataType) -> list[Fault]:
    shown = pl.col("shown")
    return [
        ("label_missing", shown & label_missing(pl.col("given"), dtype)),
        ("label_unknown", shown & pl.col("label").is_null()),
    ]
