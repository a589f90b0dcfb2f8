"""What the compiler knows of a value: a constant, a column, or something built of these.

Python's dynamic values become static ones here; what differs from row to row in kind is an `Either`.
"""

from dataclasses import dataclass

import polars as pl

from pipeline.templates.vector.shapes import Shape


class UnsupportedError(Exception):
    """A construct that has no program; the words say which."""


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

    def get(self, key: object) -> "Value":
        """Return the value of a key; missing where there is none."""
        return dict(self.pairs).get(key, Missing())


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """One of two values, by a test that is never null."""

    test: pl.Expr
    frame: Frame
    then: "Value"
    other: "Value"


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What can be gone over, and is no list: a generator, a view of a dictionary, a range.

    Attributes:
        of: Its elements, as a list.
        sized: Whether it is a range, which can be gone over again, indexed and measured.
    """

    of: "Value"
    sized: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The variable `loop`: position and number of turns; None where they are not known."""

    position: "Value | None"
    length: "Value | None"


@dataclass(slots=True, eq=False)
class Cell:
    """A list, dictionary or namespace that a name holds and a method may change.

    Attributes:
        content: Its present value: `Items`, `Record`, a list `Column` or an `Either` of them.
        frame: Where it was made.
        namespace: Whether `set owner.attribute` may change it.
        held: Whether another value may hold it too, which would have to see its changes.
    """

    content: "Value"
    frame: Frame
    namespace: bool = False
    held: bool = False


Value = Missing | Const | Column | Items | Record | Either | Stream | Turn | Cell

NONE = Const(None)
EMPTY = Const("")
