"""Text to text: the answer is free text; there are no choices."""

import polars as pl

from pipeline.config.forms.text_to_text import TextToText
from pipeline.normalize.draft import (
    NO_CHOICES,
    NO_LABEL,
    NO_LABELS,
    NO_TARGET,
    NOTHING_GIVEN,
    ROW,
    Fault,
    stem,
    stem_faults,
    text_column,
    with_reasons,
)


def draft(records: pl.DataFrame, fields: TextToText, *, hidden: bool, where: str) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    `choices` is empty. `hidden` is whether the publisher withholds the targets.

    Raises:
        SourceError: `records` lacks what `fields` names; `where` says of which task and split.
    """
    schema = records.schema
    target = NO_TARGET if hidden else text_column(fields, "target", schema, where)
    drafted = records.lazy().select(
        ROW, *stem(fields, schema, where), NO_CHOICES, NO_LABEL, NO_LABELS, target, NOTHING_GIVEN
    )
    return with_reasons(drafted, (*stem_faults(fields), *(() if hidden else _FAULTS)))


_FAULTS: tuple[Fault, ...] = (
    ("missing_field", pl.col("target").is_null()),
    ("empty_text", pl.col("target") == ""),
)
