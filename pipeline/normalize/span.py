"""Extractive span: the answer is a stretch of the context; there are no choices."""

import polars as pl

from pipeline.config.forms.span import Span
from pipeline.errors import ConfigError
from pipeline.fields.texts import list_expression, text_expression, value_expression
from pipeline.normalize.draft import (
    NO_CHOICES,
    NO_LABEL,
    NO_LABELS,
    NO_TARGET,
    NOTHING_GIVEN,
    ROW,
    Fault,
    clean,
    stem,
    stem_faults,
    with_reasons,
)
from pipeline.normalize.labels import label_value, whole_number

_START, _END, _ANSWER = pl.col("start"), pl.col("end"), pl.col("answer")


def draft(records: pl.DataFrame, fields: Span, *, hidden: bool, where: str) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    `choices` is empty; `target` is the first answer, cleaned as every text, or the card's word for
    `unanswerable` where a row has none. `hidden` is whether the publisher withholds the answers.

    Raises:
        ConfigError: The card names neither `answers` nor `end`.
        SourceError: `records` lacks what `fields` names; `where` says of which task and split.
    """
    schema = records.schema
    columns = [pl.col(ROW), *stem(fields, schema, where), NO_CHOICES, NO_LABEL, NO_LABELS]
    faults = [*stem_faults(fields)]
    if hidden:
        return with_reasons(records.lazy().select(*columns, NO_TARGET, NOTHING_GIVEN), faults)
    missing = pl.lit(value=False)
    if fields.answers is not None:
        drafted = records.lazy().select(
            *columns, answer=_first_answer(fields.answers, schema, where)
        )
        drafted = drafted.with_columns(given=_ANSWER)
        at_fault = ~pl.col("context").str.contains(_ANSWER, literal=True)
        if not fields.null_is_unanswerable:
            missing = _ANSWER.is_null()
            faults.append(("missing_field", missing))
    elif fields.end is not None:
        raw = text_expression(fields.context, schema, where=f"{where}: fields.context")
        drafted = _cut(records.lazy().select(*columns, raw=raw, **_offsets(fields, schema, where)))
        at_fault = ~(
            (_START >= 0) & (_START < _END) & (pl.col("raw").str.len_chars().cast(pl.Int64) >= _END)
        )
    else:
        raise ConfigError(
            "there is nothing to find the answer by", where=where,
            expected="fields.answers, or fields.end with fields.start",
        )  # fmt: skip
    target = pl.when(_ANSWER != "").then(_ANSWER).when(~missing).then(pl.lit(fields.unanswerable))
    fault: Fault = ("answer_not_in_context", at_fault)
    return with_reasons(drafted.with_columns(target.alias("target")), (*faults, fault))


def _first_answer(field: str, schema: pl.Schema, where: str) -> pl.Expr:
    """Return the first answer of each row, cleaned; empty where there is none, null if missing."""
    where = f"{where}: fields.answers"
    if isinstance(value_expression(field, schema, where=where).dtype, pl.List | pl.Array):
        answers = list_expression(field, schema, where=where)
        first = answers.list.first().fill_null("")
        return pl.when(answers.is_not_null()).then(clean(first))
    return clean(text_expression(field, schema, where=where))


def _offsets(fields: Span, schema: pl.Schema, where: str) -> dict[str, pl.Expr]:
    """Return `start` and `end` as Int64 characters; both null where a row has no answer."""
    if fields.end is None:
        return {}
    end_value = label_value(fields.end, schema, where=f"{where}: fields.end")
    end = whole_number(end_value.expression, end_value.dtype)
    start = pl.lit(0, dtype=pl.Int64)
    if fields.start is not None:
        value = label_value(fields.start, schema, where=f"{where}: fields.start")
        start = whole_number(value.expression, value.dtype).fill_null(0)
    return {"start": pl.when(end.is_not_null()).then(start), "end": end}


def _cut(drafted: pl.LazyFrame) -> pl.LazyFrame:
    """Cut the answer out of the context as the source has it, for that is what offsets count in."""
    answer = clean(pl.col("raw").str.slice(_START.clip(0), (_END - _START).clip(0)))
    return drafted.with_columns(
        pl.when(_END.is_not_null()).then(answer).alias("answer"),
        pl.concat_str(_START, pl.lit(".."), _END).alias("given"),
    )
