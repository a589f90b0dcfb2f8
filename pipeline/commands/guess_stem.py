"""Context and question of unknown records: what is left of their columns, by name, then by place."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipeline.commands.guess_columns import Column
from pipeline.errors import SourceError

CONTEXTS = (
    "context", "contexts", "passage", "paragraph", "para", "article", "premise", "premises", "story",
    "text", "sentence1", "ctx", "text_body", "document", "background", "question1", "sentence",
)  # fmt: skip
_QUESTIONS = (
    "question", "query", "hypothesis", "conclusion", "prompt", "goal", "sentence2", "question2", "stem",
    "question stem", "question_stem", "claim",
)  # fmt: skip


@dataclass
class Guess:
    """What goes under `fields:` of a card.

    Attributes:
        fields: A mapping that `TaskCard.fields` accepts.
        doubts: What is not certain, each with what to do; empty where the evidence is clear.
        left_out: Columns that are in no field.
        hidden: Splits without labels.
    """

    fields: dict[str, Any]
    doubts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def named_columns(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Columns whose name is one of `names`, in the order of `names`; plain ones before nested."""
    ranked = sorted(columns, key=lambda column: column.path.count("."))
    return [column for name in names for column in ranked if column.name == name]


def with_stem(
    fields: dict[str, Any],
    columns: Sequence[Column],
    *,
    used: set[str],
    doubts: list[str],
    taken: Collection[str] = (),
) -> Guess:
    """Add context and question from the columns that are left."""
    free = [c for c in columns if c.root not in used and c.path not in taken]
    texts = _without_copies([c for c in free if c.is_text and not c.is_side and _is_plain(c)])
    context, question = _stem(texts)
    parts = [c for c in (*context, question) if c is not None]
    stem: dict[str, Any] = {}
    if context:
        stem["context"] = context[0].path if len(context) == 1 else [c.path for c in context]
    if question is not None:
        stem["question"] = question.path
    if not stem and fields.get("choices") is None:
        raise SourceError(
            f"no column looks like a text: {', '.join(c.path for c in columns)}",
            remedy="write the card by hand; docs/task-cards.md has an example of each layout",
        )
    doubts += [
        f"'{column.path}' is left out: is it part of the question?"
        for column in texts
        if column not in parts
    ]
    out = [c.path for c in free if c not in parts]
    return Guess({"form": fields.pop("form")} | stem | fields, doubts, out)


def _stem(texts: Sequence[Column]) -> tuple[list[Column], Column | None]:
    """Return the columns of the context and that of the question, by name, then by what is left."""
    context = next(iter(named_columns(texts, CONTEXTS)), None)
    question = next((c for c in named_columns(texts, _QUESTIONS) if c is not context), None)
    named = [c for c in (context, question) if c is not None]
    long = [c for c in texts if not c.is_short]
    rest = [c for c in (long if named or long else texts) if c not in named]
    family = _family([c for c in texts if c not in named])
    if family and context is None:
        return family, question
    if context is None and question is None and rest:
        return [rest[0]], rest[1] if len(rest) == 2 else None
    if context is not None and question is None and len(rest) == 1:
        return [context], rest[0]
    if context is None and question is not None and len(rest) == 1:
        return [rest[0]], question
    return [] if context is None else [context], question


def _is_plain(column: Column) -> bool:
    """Whether a path leads to one text or one list of texts, not into lists of objects."""
    return "[]" not in column.path


def _family(columns: Sequence[Column]) -> list[Column]:
    """Return numbered columns of one stem: `line1`, `line2`, ..."""
    groups: dict[str, list[Column]] = {}
    for column in columns:
        found = re.fullmatch(r"(.*?)_?\d+", column.path)
        if found:
            groups.setdefault(found[1], []).append(column)
    best = max(groups.values(), key=len, default=[])
    return best if len(best) > 1 else []


def _without_copies(columns: Sequence[Column]) -> list[Column]:
    """Leave out a column whose texts hold those of another one."""
    kept = []
    for column in columns:
        others = [c for c in columns if c is not column and c.shape == column.shape == "one"]
        if not any(_holds(column, other) for other in others):
            kept.append(column)
    return kept


def _holds(column: Column, other: Column) -> bool:
    pair = pl.DataFrame({"a": column.values, "b": other.values}).drop_nulls().head(200)
    if not len(pair) or other.words < 2:
        return False
    held = pair.select(
        pl.col("a").str.contains(pl.col("b"), literal=True)
        & (pl.col("a").str.len_chars() > pl.col("b").str.len_chars())
    )
    return bool(held["a"].all())
