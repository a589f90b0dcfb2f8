"""Multiple choice: the answer is one of several texts, as many as each row has."""

import polars as pl

from pipeline.config.forms.multiple_choice import MultipleChoice, Split
from pipeline.errors import ConfigError, DataError
from pipeline.fields.paths import Value
from pipeline.fields.texts import list_expression, text_expression
from pipeline.normalize.cleaning import cleaned
from pipeline.normalize.draft import (
    NO_LABELS,
    NOTHING_GIVEN,
    ROW,
    Fault,
    clean,
    clean_label,
    label_missing,
    stem,
    stem_faults,
    with_reasons,
)
from pipeline.normalize.labels import (
    flagged_place,
    is_key,
    label_text,
    label_value,
    letter_place,
    place_in,
    whole_number,
)

_CHOICES, _PLACE = pl.col("choices"), pl.col("place")
_IN_RANGE = (_PLACE >= 0) & (_CHOICES.list.len().cast(pl.Int64) > _PLACE)


def draft(
    records: pl.DataFrame, fields: MultipleChoice, *, hidden: bool, where: str
) -> pl.DataFrame:
    """Map N records of one split onto the N rows of a draft, in their order.

    Nulls at the end of a list of choices are left out; where choices are separate columns, a row
    leaves out its empty ones and its label counts the others. `hidden` is whether the publisher
    withholds the labels.

    Raises:
        ConfigError: `label_is` is needed, or `choices.pattern` is no regular expression.
        SourceError: `records` lacks what `fields` names; `where` says of which task and split.
    """
    schema, value, aside = records.schema, Value(NOTHING_GIVEN, pl.String()), list[pl.Expr]()
    if not hidden:
        value, aside = _given(fields, schema, where), _aside(fields, schema, where)
    drafted = records.select(
        pl.col(ROW),
        *stem(fields, schema, where),
        _choices(fields, schema, where),
        *aside,
        value.expression.alias("given"),
    )
    if not isinstance(fields.choices, tuple):
        drafted = _without_padding(drafted)
    place = NOTHING_GIVEN if hidden else _place(drafted, fields, value.dtype, where)
    withheld = pl.lit(hidden) if hidden else _is_withheld(fields, value.dtype)
    placed = drafted.lazy().with_columns(
        place.cast(pl.Int64).alias("place"), withheld.alias("withheld"), NO_LABELS
    )
    if isinstance(fields.choices, tuple) and drafted["choices"].explode().has_nulls():
        placed = _without_gaps(placed)
    label = pl.when(_IN_RANGE & ~pl.col("withheld")).then(_PLACE).cast(pl.Int32)
    target = _CHOICES.list.get(label, null_on_oob=True)
    labelled = placed.with_columns(label.alias("label"), target.alias("target"))
    faults = [*stem_faults(fields), *_choice_faults(), *_label_faults(value.dtype)]
    return with_reasons(labelled, faults)


def _choices(fields: MultipleChoice, schema: pl.Schema, where: str) -> pl.Expr:
    """Return the cleaned choices; empty ones are null where they come from separate columns."""
    where, choices = f"{where}: fields.choices", fields.choices
    steps = fields.clean.get("choices", ())
    if isinstance(choices, tuple):
        texts = [
            clean(cleaned(text_expression(choice, schema, where=where), steps))
            for choice in choices
        ]
        # concat_arr is ten times as fast as concat_list
        filled = [pl.when(text != "").then(text) for text in texts]
        return pl.concat_arr(filled).arr.to_list().alias("choices")
    if isinstance(choices, Split):
        _check_pattern(choices.pattern, where)
        text = text_expression(choices.field, schema, where=where)
        lists = text.str.split(choices.pattern, literal=False).list.slice(1)
    else:
        lists = list_expression(choices, schema, where=where)
    return lists.list.eval(clean(cleaned(pl.element(), steps))).alias("choices")


def _without_padding(drafted: pl.DataFrame) -> pl.DataFrame:
    """Drop the nulls that fill lists up to one length at their ends."""
    is_padded = _CHOICES.list.last().is_null() & (_CHOICES.list.len() > 0)
    if not drafted.select(is_padded.any()).item():
        return drafted
    filled = _CHOICES.list.reverse().list.eval(pl.element().is_not_null()).list.arg_max()
    kept = _CHOICES.list.head(_CHOICES.list.len() - filled.fill_null(0))
    is_padded = _CHOICES.list.last().is_null() & (_CHOICES.list.drop_nulls().list.len() > 0)
    return drafted.with_columns(pl.when(is_padded).then(kept).otherwise(_CHOICES).alias("choices"))


def _check_pattern(pattern: str, where: str) -> None:
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigError(
            f"pattern '{pattern}' is no regular expression: {reason}", where=where
        ) from None


def _given(fields: MultipleChoice, schema: pl.Schema, where: str) -> Value:
    """Return the label as the source writes it; flags as one text, to be shown."""
    where = f"{where}: fields.label"
    if fields.label_is != "flags":
        return clean_label(fields, label_value(fields.label, schema, where=where))
    flags = list_expression(fields.label, schema, where=where)
    return Value(flags.list.eval(pl.element().fill_null("")).list.join(" "), pl.String())


def _aside(fields: MultipleChoice, schema: pl.Schema, where: str) -> list[pl.Expr]:
    """Return what else the place is found by: flags, or labels that belong to the choices."""
    if fields.label_is == "flags":
        flags = list_expression(fields.label, schema, where=f"{where}: fields.label")
        return [flags.alias("flags")]
    if fields.choice_labels is not None:
        labels = list_expression(
            fields.choice_labels, schema, where=f"{where}: fields.choice_labels"
        )
        return [labels.list.eval(label_text(pl.element(), pl.String())).alias("choice_labels")]
    return []


def _is_withheld(fields: MultipleChoice, dtype: pl.DataType) -> pl.Expr:
    if fields.hidden_label is None:
        return pl.lit(False)
    return is_key(pl.col("given"), dtype, fields.hidden_label).fill_null(False)


def _place(
    drafted: pl.DataFrame, fields: MultipleChoice, dtype: pl.DataType, where: str
) -> pl.Expr:
    """Return the place among the choices that `given` points at."""
    given = pl.col("given")
    if fields.choice_labels is not None:
        longest = _longest(drafted, "choice_labels")
        return place_in(pl.col("choice_labels"), label_text(given, dtype), longest)
    match fields.label_is:
        case "flags":
            return flagged_place(pl.col("flags"))
        case "letter":
            return letter_place(_label_texts(drafted["given"]))
        case "text":
            longest = _longest(drafted, "choices")
            texts = (clean(given.cast(pl.String)), label_text(given, dtype))
            return pl.coalesce(place_in(_CHOICES, text, longest) for text in texts)
        case None if not dtype.is_numeric():
            raise ConfigError(
                f"'{fields.label}' is {dtype}, which needs 'label_is'",
                where=f"{where}: fields.label",
                expected="label_is: index, letter, text or flags",
            )
    return whole_number(given, dtype) - fields.label_offset


def _label_texts(given: pl.Series) -> pl.Expr:
    """Return labels in the form that they are compared in; quicker where none has a fraction."""
    is_plain = given.dtype == pl.String and not given.str.contains(".", literal=True).any()
    return (
        pl.col("given").str.strip_chars() if is_plain else label_text(pl.col("given"), given.dtype)
    )


def _longest(drafted: pl.DataFrame, column: str) -> int:
    return int(drafted.select(pl.col(column).list.len().max().fill_null(0)).item())


def _without_gaps(placed: pl.LazyFrame) -> pl.LazyFrame:
    """Drop the null choices of each row, and move `place` to where its choice went."""
    before = _CHOICES.list.head(_PLACE.clip(0)).list.drop_nulls().list.len().cast(pl.Int64)
    is_there = (_PLACE >= 0) & _CHOICES.list.get(_PLACE, null_on_oob=True).is_not_null()
    moved = pl.when(is_there).then(before).when(_PLACE.is_not_null()).then(-1)
    return placed.with_columns(_CHOICES.list.drop_nulls(), moved.alias("place"))


def _choice_faults() -> list[Fault]:
    length = _CHOICES.list.len()
    is_empty = _CHOICES.list.eval(pl.element().is_null() | (pl.element() == "")).list.any()
    return [
        ("missing_field", _CHOICES.is_null()),
        ("empty_text", is_empty),
        ("too_few_choices", length < 2),
        ("duplicate_choices", _CHOICES.list.n_unique() < length),
    ]


def _label_faults(dtype: pl.DataType) -> list[Fault]:
    shown = ~pl.col("withheld")
    return [
        ("label_missing", shown & label_missing(pl.col("given"), dtype)),
        ("label_unknown", shown & _PLACE.is_null()),
        ("label_out_of_range", shown & ~_IN_RANGE),
    ]


def check(
    examples: pl.DataFrame, rejected: pl.DataFrame, fields: MultipleChoice, *, where: str
) -> None:
    """Refuse labels that count their choices from another number than the card.

    They show in rows whose label is one too high, or one too low, while no row has the label at the
    other end.

    Raises:
        DataError: Naming the `label_offset` that would be right.
    """
    wrong = rejected.filter(pl.col("reason") == "label_out_of_range")
    if wrong.is_empty() or fields.label_is not in (None, "index"):
        return
    given = whole_number(pl.col("given"), wrong.schema["given"])
    count, first = pl.col("choices").list.len(), fields.label_offset
    above, below = wrong.select(
        above=(given == count + first).all(), below=(given == first - 1).all()
    ).row(0)
    firsts, lasts = examples.select(
        firsts=(pl.col("label") == 0).sum(), lasts=(pl.col("label") == count - 1).sum()
    ).row(0)
    if (above and not firsts) or (below and not lasts):
        right, none = (first + 1, first) if above else (first - 1, "of the last choice")
        raise DataError(
            f"label {wrong['given'][0]} is out of range in {wrong.height} rows, and label {none} never "
            "occurs",
            where=f"{where}: fields.label",
            expected=fields.explain("label_out_of_range").expected,
            remedy=f"set `label_offset: {right}` on the card, or `hidden_label` if the value stands for "
            "a withheld label",
        )
