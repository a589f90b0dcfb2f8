"""The columns of unknown records, those inside nested data too, and what each looks like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pipeline.fields.texts import list_expression, text_expression, value_expression
from pipeline.sources.records import ROW
from pipeline.sources.values import fields, instance

_DEPTH = 3
_ID = re.compile(r"(^|[_\W])(id|idx|uid|guid|qid|index|md5|hash|url|uri|pairid|no)$", re.IGNORECASE)
_SIDE = frozenset({
    "title", "description", "explanation", "rationale", "reason", "facts", "decomposition",
    "evidence", "source", "domain", "genre", "metadata", "comment", "author", "date", "time",
    "timestamp", "split", "set", "language", "lang", "category", "type", "file", "filename",
    "annotator", "annotator_labels", "tree", "parse", "pos", "tokens", "version",
    "premises-fol", "conclusion-fol",
})  # fmt: skip
"""Names of columns that tell about a text and are seldom part of a question."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column, or a path into nested data, with its values in the train split.

    Attributes:
        path: As a card names it.
        shape: `one` value a record, or a `list` of them.
        values: Texts, or lists of texts.
    """

    path: str
    shape: str
    values: pl.Series = field(repr=False)

    @property
    def name(self) -> str:
        """The last word of the path, lower-case."""
        return re.split(r"[.\]]\.?", self.path.rstrip("]"))[-1].strip("#@ ").lower() or self.path

    @property
    def root(self) -> str:
        """The column that the path begins with."""
        return re.split(r"\[|\.(?=\w)", self.path)[0]

    @cached_property
    def filled(self) -> pl.Series:
        """Values that are there: not null, not empty."""
        values = self.values.drop_nulls()
        if self.shape == "list":
            return values.filter(values.list.len() > 0)
        return values.str.strip_chars().filter(values.str.strip_chars() != "")

    @cached_property
    def distinct(self) -> list[str]:
        """Different values of a column of one value, sorted."""
        return [] if self.shape == "list" else sorted(self.filled.unique().to_list(), key=_order)

    @cached_property
    def are_numbers(self) -> bool:
        """Whether all values are numbers."""
        return (
            bool(len(self.filled)) and self.filled.cast(pl.Float64, strict=False).null_count() == 0
        )

    @cached_property
    def words(self) -> float:
        """Mean number of words."""
        if self.shape == "list" or not len(self.filled):
            return 0.0
        return float((self.filled.str.count_matches(r"\s+") + 1).mean() or 0.0)  # type: ignore[arg-type]

    @cached_property
    def is_id(self) -> bool:
        """Whether it names or counts records."""
        if self.shape == "list" or not len(self.filled):
            return False
        if _ID.search(self.name):
            return True
        codes = self.filled.str.contains(r"^[\w.:-]*\d[\w.:-]*$").mean()
        many = len(self.distinct) > max(30, len(self.filled) // 5)
        if not self.are_numbers and many and float(codes or 0) > 0.95:  # type: ignore[arg-type]
            return True
        unique = self.filled.n_unique() == len(self.filled)
        counts = self.are_numbers and bool(
            (self.filled.cast(pl.Float64, strict=False).diff().drop_nulls() == 1).all()
        )
        return unique and counts and len(self.filled) > 2

    @cached_property
    def is_side(self) -> bool:
        """Whether its name says that it tells about the record rather than being part of it."""
        return self.name in _SIDE

    @cached_property
    def is_short(self) -> bool:
        """Whether it holds words rather than sentences."""
        return self.shape == "one" and self.words < 4

    @cached_property
    def is_text(self) -> bool:
        """Whether it may be a part of a question: texts, a sentence where all are the same."""
        if self.shape == "list":
            lengths = self.filled.list.len()
            return bool(len(self.filled)) and bool((lengths >= 1).all()) and not self._are_flags
        differ = len(self.distinct) > 1 or self.words >= 2
        return not self.is_id and not self.are_numbers and differ

    @cached_property
    def _are_flags(self) -> bool:
        return set(self.filled.explode().unique().drop_nulls()) <= {"0", "1", "true", "false"}


def _order(value: str) -> tuple[bool, float, str]:
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def columns_of(frame: pl.DataFrame) -> list[Column]:
    """Return all columns and paths of records that are texts, numbers, booleans or lists of these."""
    schema = frame.drop(ROW, strict=False).schema
    return [
        Column(path, shape, frame.select(_expression(path, shape, schema).alias("v"))["v"])
        for path, shape in _paths(schema)
    ]


def _expression(path: str, shape: str, schema: pl.Schema) -> pl.Expr:
    if shape == "list":
        return list_expression(path, schema, where="new-task")
    return text_expression(path, schema, where="new-task")


def _paths(schema: pl.Schema) -> Iterator[tuple[str, str]]:
    for name, dtype in schema.items():
        yield from _below(name, dtype, "one", _DEPTH)


def _below(path: str, dtype: pl.DataType, shape: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(dtype, pl.Struct):
        for name, inner in fields(dtype).items() if depth else ():
            yield from _below(f"{path}.{name}", inner, shape, depth - 1)
    elif isinstance(dtype, pl.List):
        inner = instance(dtype.inner)
        if isinstance(inner, pl.Struct):
            for name, part in fields(inner).items() if depth else ():
                yield from _below(f"{path}[].{name}", part, "list", depth - 1)
        elif shape == "one" and not inner.is_nested():
            yield path, "list"
    elif not isinstance(dtype, pl.Binary | pl.Object | pl.Duration):
        yield path, shape


def is_boolean(frame: pl.DataFrame, column: Column) -> bool:
    """Whether a column holds truth values."""
    value = value_expression(column.path, frame.schema, where="new-task")
    return value.dtype == pl.Boolean
