"""The texts by which an example is recognised where the card adds words of its own to them.

A template such as `Does it mean: {clause}` stands over every row of one task, and over none of another
that has the same clauses. Overlap is looked for in what the columns hold, without such words.
"""

import re
from collections.abc import Sequence

import polars as pl

from pipeline.config.forms.base import Stem, Text
from pipeline.fields.texts import text_expression
from pipeline.normalize.draft import ROW, clean

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_WORD = re.compile(r"[^\W_]")

_Columns = tuple[str, ...]


def identity(records: pl.DataFrame, fields: Stem, prefix: str, where: str) -> pl.DataFrame | None:
    """Return the texts of the columns that context and question are made of.

    Args:
        records: Of one split, with their numbers.
        fields: Of the card.
        prefix: What stands before the number in an example's id.
        where: Task and split, for errors.

    Returns:
        `example_id`, `context`, `question`, a row for each record; None where the card adds no words.
        Where only one of the two fields is used, its last column counts as the question.
    """
    pair = bare(fields)
    if pair is None:
        return None
    schema = records.schema
    context, question = (_text(columns, schema, where) for columns in pair)
    return records.select(
        pl.concat_str(pl.lit(prefix), ROW).alias("example_id"),
        context.alias("context"),
        question.alias("question"),
    )


def bare(fields: Stem) -> tuple[_Columns, _Columns] | None:
    """Return the columns of context and question; None where the card adds no words to them."""
    texts = (fields.context, fields.question)
    if not any(_adds_words(text) for text in texts):
        return None
    context, question = (_columns(text) for text in texts)
    if not question:
        return context[:-1], context[-1:]
    return (question[:-1], question[-1:]) if not context else (context, question)


def _parts(text: Text | None) -> Sequence[str]:
    return () if text is None else (text,) if isinstance(text, str) else text


def _adds_words(text: Text | None) -> bool:
    return any(
        "{" in part and _WORD.search(_PLACEHOLDER.sub("", part)) is not None
        for part in _parts(text)
    )


def _columns(text: Text | None) -> _Columns:
    found: list[str] = []
    for part in _parts(text):
        plain = part.replace("{{", "").replace("}}", "")
        found += _PLACEHOLDER.findall(plain) if "{" in part else [part]
    return tuple(found)


def _text(columns: _Columns, schema: pl.Schema, where: str) -> pl.Expr:
    if not columns:
        return pl.lit("")
    return clean(text_expression(columns, schema, where=where)).fill_null("")
