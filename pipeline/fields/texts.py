"""Texts composed from columns, as a card's fields ask for them.

    text                            a column, or a path into one, see `paths`
    {speaker} says: {lines[0]}      a template; `{{` and `}}` are braces, `{}` is nothing
    [title, body]                   several fields, joined by one space

Each is one polars expression.
"""

import re

import polars as pl

from pipeline.errors import SourceError
from pipeline.fields.paths import TEXT_KEY, Value, resolve

_PART = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<path>[^{}]*)\}|(?P<text>[^{}]+)")


def text_expression(field: str | tuple[str, ...], schema: pl.Schema, *, where: str) -> pl.Expr:
    """Compile a field into one text per row.

    Numbers and booleans (`true`, `false`) become text; a list becomes its elements joined by spaces.

    Args:
        field: A column, a path, a template, or several of them, whose texts are stripped and joined
            by one space, empty ones left out.
        schema: Columns and types of the frame.
        where: The place to name in errors.

    Returns:
        A String expression. A column or path is null where its value is; a template or a list of
        fields is never null: what is null in it is empty.

    Raises:
        SourceError: A name does not exist, a value has no text form, or a brace is not closed.
    """
    if isinstance(field, tuple):
        parts = [text_expression(part, schema, where=where).str.strip_chars() for part in field]
        kept = [pl.when(part != "").then(part) for part in parts]
        return pl.concat_str(kept, separator=" ", ignore_nulls=True)
    if is_template(field, schema):
        return _template(field, schema, where)
    return _text(resolve(field, schema, where=where), field, where)


def list_expression(field: str, schema: pl.Schema, *, where: str) -> pl.Expr:
    """Compile a column or path whose values are lists into one list of texts per row.

    Args:
        field: A column or path.
        schema: Columns and types of the frame.
        where: The place to name in errors.

    Returns:
        A List(String) expression; null lists and null elements stay null.

    Raises:
        SourceError: A name does not exist, or the value is no list of texts, numbers or booleans.
    """
    value = resolve(field, schema, where=where)
    if value.dtype == pl.Null:
        return value.expression.cast(pl.List(pl.String))
    if not isinstance(value.dtype, pl.List | pl.Array):
        raise SourceError(
            f"'{field}' is {value.dtype}, not a list",
            where=where,
            expected="a list column, or a path such as items[].text",
        )
    return _texts(value, field, where)


def value_expression(field: str, schema: pl.Schema, *, where: str) -> Value:
    """Compile a field whose type matters, such as a label: a column or path as it is, or a template.

    Raises:
        SourceError: As `text_expression`.
    """
    if is_template(field, schema):
        return Value(_template(field, schema, where), pl.String())
    value = resolve(field, schema, where=where)
    if isinstance(value.dtype, pl.Struct):
        return Value(_text(value, field, where), pl.String())
    return value


def is_template(field: str, schema: pl.Schema) -> bool:
    """Whether a field is a template: it holds a brace and is no column's name."""
    return ("{" in field or "}" in field) and field not in schema


def _template(template: str, schema: pl.Schema, where: str) -> pl.Expr:
    pieces: list[pl.Expr] = []
    position = 0
    while position < len(template):
        part = _PART.match(template, position)
        if part is None:
            raise SourceError(
                f"'{template}': '{template[position]}' without its partner",
                where=where,
                expected="{column}, or a doubled brace for a brace in the text",
            )
        position = part.end()
        if part["path"]:
            value = resolve(part["path"], schema, where=where)
            pieces.append(_text(value, part["path"], where).fill_null(""))
        elif part["path"] is None:
            pieces.append(pl.lit(part["text"] or part["brace"][0]))
    return pl.concat_str(pieces) if pieces else pl.lit("")


def _text(value: Value, field: str, where: str) -> pl.Expr:
    """Return a value as text; null stays null."""
    match value.dtype:
        case pl.List() | pl.Array():
            return _texts(value, field, where).list.join(" ", ignore_nulls=True)
        case pl.Struct():
            return _text(_own_text(value, value.dtype, field, where), field, where)
        case pl.Binary() | pl.Object() | pl.Duration():
            raise SourceError(f"'{field}' is {value.dtype}, which is no text", where=where)
        case pl.String():
            return value.expression
    return value.expression.cast(pl.String)


def _texts(value: Value, field: str, where: str) -> pl.Expr:
    """Return a list value as a list of texts."""
    items, dtype = value.expression, value.dtype
    if isinstance(dtype, pl.Array):
        items, dtype = items.arr.to_list(), pl.List(dtype.inner)
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    if inner == pl.String:
        return items
    if isinstance(inner, pl.List | pl.Array | pl.Struct | pl.Binary | pl.Object | pl.Duration):
        return items.list.eval(_text(Value(pl.element(), inner), f"{field}[]", where))
    return items.cast(pl.List(pl.String))


def _own_text(value: Value, dtype: pl.Struct, field: str, where: str) -> Value:
    """Return the text of a text with attributes; refuse any other record."""
    names = [inner.name for inner in dtype.fields]
    if TEXT_KEY not in names:
        raise SourceError(
            f"'{field}' is a record, not a text",
            where=where,
            expected=", ".join(f"{field}.{name}" for name in names),
        )
    inner = dtype.fields[names.index(TEXT_KEY)].dtype
    own = inner() if isinstance(inner, type) else inner
    return Value(value.expression.struct.field(TEXT_KEY), own)
