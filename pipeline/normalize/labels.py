"""How sources write gold labels (index, letter, text, flags, class values), and what classes a card has.

Values are compared as text, since one source's 1 is another's "1": integers in decimal, whole floats
as integers, truth values as `true` and `false` in any case, texts without the space around them.
"""

import re
from collections.abc import Mapping

import polars as pl

from pipeline.config.forms.base import Classes, ClassKey, unique_names
from pipeline.errors import ConfigError, SourceError
from pipeline.fields.paths import Value
from pipeline.fields.texts import value_expression

LETTERS = {
    **{letter: place for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")},
    **{letter: place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")},
    **{str(number): number - 1 for number in range(1, 100)},
}
"""Place of the choice that a letter, or a number counted from 1, stands for."""

_TRUE = ("true", "1", "yes")
_FALSE = ("false", "0", "no")


def label_value(field: str, schema: pl.Schema, *, where: str) -> Value:
    """Return the column or path that holds one label per row.

    Raises:
        SourceError: It does not exist, holds lists, or has a type that is no label.
    """
    value = value_expression(field, schema, where=where)
    if isinstance(value.dtype, pl.List | pl.Array):
        raise SourceError(
            f"'{field}' holds lists", where=where, expected=f"one label a row, such as {field}[0]"
        )
    if isinstance(value.dtype, pl.Binary | pl.Object | pl.Duration):
        raise SourceError(f"'{field}' is {value.dtype}, which is no label", where=where)
    return value


def label_text(label: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return labels in the text form that they are compared in; null stays null.

    `1`, `1.0`, the text "1" and Decimal 1 are one label.
    """
    text = label.str.strip_chars() if dtype == pl.String else label.cast(pl.String)
    if dtype == pl.String or dtype.is_float() or dtype.is_decimal():
        return text.str.replace(_WHOLE, "$1")
    return text


_WHOLE = r"^([+-]?\d+)\.0*$"
"""A whole number with a fraction of zeros."""


def whole_number(label: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return labels as Int64; null where they are no whole number."""
    if dtype.is_integer() or dtype == pl.Boolean:
        return label.cast(pl.Int64, strict=False)
    return label_text(label, dtype).cast(pl.Int64, strict=False)


def key_texts(key: ClassKey) -> tuple[str, ...]:
    """Return the text forms that a value of the card stands for."""
    text = str(key)
    if text.lower() in ("true", "false"):
        return (text.lower(), text.capitalize(), text.upper())
    return (re.sub(_WHOLE, r"\1", text.strip()),)


def is_key(label: pl.Expr, dtype: pl.DataType, key: ClassKey) -> pl.Expr:
    """Whether labels read as the card's `key`."""
    return label_text(label, dtype).is_in(key_texts(key))


def class_places(classes: Classes) -> dict[str, int]:
    """Return the place of the class by every text form of its label values.

    Raises:
        ConfigError: Two values that are one label, such as 1 and "1.0", name two classes.
    """
    pairs = classes.items() if isinstance(classes, Mapping) else ((name, name) for name in classes)
    names = unique_names(classes)
    places: dict[str, int] = {}
    for key, name in pairs:
        for text in key_texts(key):
            if places.setdefault(text, names.index(name)) != names.index(name):
                raise ConfigError(
                    f"classes: '{key}' is the label '{text}', which names another class"
                )
    return places


def class_place(label: pl.Expr, dtype: pl.DataType, places: Mapping[str, int]) -> pl.Expr:
    """Return the place of each label's class (Int32); null where it is none of them."""
    if dtype.is_integer():
        numbers = {int(text): place for text, place in places.items() if _is_integer(text)}
        return _mapped(label.cast(pl.Int64, strict=False), numbers)
    return _mapped(label_text(label, dtype), places)


def letter_place(text: pl.Expr) -> pl.Expr:
    """Return the place that each letter, as `label_text` gives it, stands for (Int32), else null."""
    return _mapped(text, LETTERS)


def place_in(choices: pl.Expr, text: pl.Expr, longest: int) -> pl.Expr:
    """Return the place of `text` in each row's list (Int32); null where it does not occur.

    Args:
        choices: Lists of texts.
        text: One text per row.
        longest: Length of the longest list.
    """
    hits = [
        pl.when(choices.list.get(place, null_on_oob=True) == text).then(
            pl.lit(place, dtype=pl.Int32)
        )
        for place in range(longest)
    ]
    return pl.coalesce(*hits) if hits else pl.lit(None, dtype=pl.Int32)


def flagged_place(flags: pl.Expr) -> pl.Expr:
    """Return the place of the one true flag of each row's list; null unless just one is.

    Args:
        flags: Lists of texts; a null one is not true.
    """
    truths = flags.list.eval(flag_values(pl.element()).fill_null(value=False))
    return pl.when(truths.list.sum() == 1).then(truths.list.arg_max().cast(pl.Int32))


def flag_values(text: pl.Expr) -> pl.Expr:
    """Return texts of flags as Boolean; null where one is no flag."""
    value = label_text(text, pl.String()).str.to_lowercase()
    return pl.when(value.is_in(_TRUE)).then(True).when(value.is_in(_FALSE)).then(False)


def _mapped(values: pl.Expr, mapping: Mapping[str, int] | Mapping[int, int]) -> pl.Expr:
    return values.replace_strict(dict(mapping), default=None, return_dtype=pl.Int32)


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()
