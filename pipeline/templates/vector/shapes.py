"""What is known of a column before it is computed: its type, and where in it nulls may stand.

A shape is read from a batch of data, so that a program for a batch without nulls spends nothing on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

Kind = Literal["str", "int", "float", "bool", "list", "record", "none", "other"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Type and nulls of a column, all levels of it.

    Attributes:
        kind: What its values are in Python; `other` has no program (dates, bytes, categories in lists).
        dtype: The polars type.
        null: Whether a value may be null.
        inner: Of a list, its elements.
        fields: Of a record, its fields in order.
    """

    kind: Kind
    dtype: pl.DataType
    null: bool = False
    inner: "Shape | None" = None
    fields: "tuple[tuple[str, Shape], ...]" = ()

    @property
    def nullable(self) -> "Shape":
        """The same, with nulls."""
        return self if self.null else replace(self, null=True)

    def field(self, name: str) -> "Shape | None":
        """Return the shape of a record's field; None where it has none of that name."""
        return dict(self.fields).get(name)


STR = Shape("str", pl.String())
INT = Shape("int", pl.Int64())
FLOAT = Shape("float", pl.Float64())
BOOL = Shape("bool", pl.Boolean())

PLAIN: Mapping[Kind, Shape] = {"str": STR, "int": INT, "float": FLOAT, "bool": BOOL}
"""The scalar kinds without nulls."""


def list_of(inner: Shape, *, null: bool = False) -> Shape:
    """Return the shape of lists of `inner`."""
    return Shape("list", pl.List(inner.dtype), null, inner)


def shape_of_type(dtype: object) -> Shape:
    """Return the shape of a type, with nulls wherever the type allows them."""
    kind = dtype() if isinstance(dtype, type) else dtype
    if isinstance(kind, pl.List):
        return Shape("list", kind, True, shape_of_type(kind.inner))
    if isinstance(kind, pl.Struct):
        fields = tuple((field.name, shape_of_type(field.dtype)) for field in kind.fields)
        return Shape("record", kind, True, None, fields)
    if not isinstance(kind, pl.DataType):
        raise TypeError(f"{kind!r} is no type")
    return Shape(_scalar(kind), kind, True)


def _scalar(dtype: pl.DataType) -> Kind:
    if dtype == pl.String:
        return "str"
    if dtype == pl.Boolean:
        return "bool"
    if dtype.is_integer():
        return "other" if dtype in (pl.UInt64, pl.Int128) else "int"
    if dtype.is_float():
        return "float"
    return "none" if dtype == pl.Null else "other"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a batch.

    Attributes:
        shapes: Of the fields.
        pipes: Whether any text in it holds a `|`.
    """

    shapes: Mapping[str, Shape]
    pipes: bool = True

    @property
    def key(self) -> tuple[tuple[tuple[str, Shape], ...], bool]:
        """The same facts, hashable."""
        return tuple(sorted(self.shapes.items(), key=lambda pair: pair[0])), self.pipes


def facts_of(frame: pl.DataFrame, names: frozenset[str]) -> Facts:
    """Look at a batch: nulls as they are in its data, at all levels, and pipes.

    Args:
        frame: The batch.
        names: Columns that matter.
    """
    texts: list[pl.Series] = []
    shapes = {name: _shape_of(frame[name], texts) for name in frame.columns if name in names}
    pipes = any(text.str.contains("|", literal=True).any() for text in texts)
    return Facts(shapes, pipes)


def facts_of_types(schema: Mapping[str, object]) -> Facts:
    """Assume the worst of a batch of which only the types are known."""
    return Facts({name: shape_of_type(dtype) for name, dtype in schema.items()}, pipes=True)


def _shape_of(series: pl.Series, texts: list[pl.Series]) -> Shape:
    """Return the shape of a column; collect all columns of texts within it."""
    null = series.null_count() > 0
    if isinstance(series.dtype, pl.List):
        inner = _shape_of(series.explode(empty_as_null=False, keep_nulls=False), texts)
        return Shape("list", series.dtype, null, inner)
    if isinstance(series.dtype, pl.Struct):
        whole = series.drop_nulls() if null else series
        names = [field.name for field in series.dtype.fields]
        fields = tuple((name, _shape_of(whole.struct.field(name), texts)) for name in names)
        return Shape("record", series.dtype, null, None, fields)
    if series.dtype == pl.String:
        texts.append(series)
    return replace(shape_of_type(series.dtype), null=null)
