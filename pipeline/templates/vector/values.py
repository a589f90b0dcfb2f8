"""What the compiler knows of a value: its type, where it can be null, and how it is made.

A value is a constant, a column, or a list or dictionary built of these. Its shape is read from a batch
of data, so that a program for a batch without nulls spends nothing on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl


class UnsupportedError(Exception):
    """A construct that has no program; the words say which."""


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
        return replace(self, null=True)

    @property
    def certain(self) -> "Shape":
        """The same, without nulls."""
        return replace(self, null=False)


STR = Shape("str", pl.String())
INT = Shape("int", pl.Int64())
FLOAT = Shape("float", pl.Float64())
BOOL = Shape("bool", pl.Boolean())


def list_of(inner: Shape) -> Shape:
    """Return the shape of lists of `inner`."""
    return Shape("list", pl.List(inner.dtype), False, inner)


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


def shape_of(series: pl.Series) -> Shape:
    """Return the shape of a column with nulls where its data has them, at all levels."""
    null = series.null_count() > 0
    if isinstance(series.dtype, pl.List):
        inner = shape_of(series.explode(empty_as_null=False, keep_nulls=False))
        return Shape("list", series.dtype, null, inner)
    if isinstance(series.dtype, pl.Struct):
        whole = series.drop_nulls() if null else series
        names = [field.name for field in series.dtype.fields]
        fields = tuple((name, shape_of(whole.struct.field(name))) for name in names)
        return Shape("record", series.dtype, null, None, fields)
    return replace(shape_of_type(series.dtype), null=null)


Shapes = Mapping[str, Shape]
"""The shapes of a batch's columns, by name."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows that a column belongs to: the batch itself, or the elements of its lists.

    Attributes:
        number: Position in the program's frames.
        parent: The frame whose lists these rows are elements of; None for the batch.
    """

    number: int
    parent: "Frame | None" = None


ROOT = Frame(0)


@dataclass(frozen=True, slots=True)
class Missing:
    """Jinja's undefined value."""


@dataclass(frozen=True, slots=True)
class Const:
    """A constant: None, bool, int, float or str."""

    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A value per row.

    Attributes:
        expr: Yields it in its frame; of the exact type for its kind (Int64, Float64) unless nested.
        shape: Its type.
        frame: Its rows.
        missing: Whether a null stands for an undefined value instead of None.
    """

    expr: pl.Expr
    shape: Shape
    frame: Frame
    missing: bool = False

    @property
    def kind(self) -> str:
        """Kind of its values."""
        return self.shape.kind


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list or tuple whose length is known."""

    items: "tuple[Value, ...]"
    mutable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A dictionary whose keys are known."""

    pairs: "tuple[tuple[object, Value], ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What can be gone over, and is no list: a generator or a range.

    Attributes:
        of: Its elements, as a list.
        sized: Whether it is a range, which can be gone over again, indexed and measured.
    """

    of: "Items | Column"
    sized: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The variable `loop`: position and number of turns; None where they are not known."""

    position: "Value | None"
    length: "Value | None"


Value = Missing | Const | Column | Items | Record | Stream | Turn

NONE = Const(None)
EMPTY = Const("")
