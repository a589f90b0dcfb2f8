"""Lists and dictionaries that a template changes.

Outside loops over columns a change is a new content. Inside one, `list.append(x)` is recorded with the
test of its path; after the loop the list is what was appended, element by element in order: a
comprehension. Reading a list in the loop that fills it has no program.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from pipeline.templates.vector.basics import merge
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.sequences import as_column
from pipeline.templates.vector.shapes import Shape, list_of
from pipeline.templates.vector.values import (
    NONE,
    Cell,
    Column,
    Frame,
    Items,
    Record,
    UnsupportedError,
    Value,
)  # fmt: skip


@dataclass(slots=True, eq=False)
class _Turns:
    """What one loop over a column did to the cells outside it."""

    frame: Frame
    appended: dict[int, list[tuple[Column, pl.Expr | None]]] = field(default_factory=dict)
    spread: set[int] = field(default_factory=set)
    cells: dict[int, Cell] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)


class Mutations:
    """All cells of a program, and what pending loops do to them."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._loops: list[_Turns] = []
        self._touched: list[dict[int, tuple[Cell, Value]]] = []

    def read(self, cell: Cell) -> None:
        """Note that a cell's content is used now."""
        for turns in self._loops:
            turns.read.add(id(cell))
            if id(cell) in turns.appended:
                raise UnsupportedError("a list that is read in the loop that fills it")

    def write(self, cell: Cell, content: Value) -> None:
        """Change a cell's content, on the present path."""
        if cell.frame is not self._builder.here:
            raise UnsupportedError("a value that a loop carries from turn to turn")
        for touched in self._touched:
            touched.setdefault(id(cell), (cell, cell.content))
        cell.content = content

    @contextmanager
    def branch(self) -> Iterator[dict[int, tuple[Cell, Value]]]:
        """Run one branch of an `if`; yields what the touched cells held before."""
        touched: dict[int, tuple[Cell, Value]] = {}
        self._touched.append(touched)
        try:
            yield touched
        finally:
            self._touched.pop()

    def merge(
        self,
        test: pl.Expr,
        then: dict[int, tuple[Cell, Value]],
        then_contents: dict[int, Value],
        other: dict[int, tuple[Cell, Value]],
    ) -> None:
        """Give each cell that either branch touched the content of the branch that was taken."""
        for number in {**then, **other}:
            cell, before = then.get(number) or other[number]
            after_then = then_contents.get(number, before)
            after_other = cell.content if number in other else before
            self.write(cell, merge(self._builder, test, after_then, after_other))

    def call(self, name: str, owner: Value, args: list[Value]) -> Value:
        """Return what a changing method returns, after its change."""
        if not isinstance(owner, Cell):
            raise UnsupportedError(f"'{name}' of a value that no name holds")
        if owner.held:
            raise UnsupportedError(f"'{name}' of a list that another value may hold")
        if name == "append" and len(args) == 1:
            self._append(owner, args[0])
            return NONE
        self.read(owner)
        if name == "pop" and isinstance(owner.content, Items) and owner.content.items and not args:
            *kept, last = owner.content.items
            self.write(owner, Items(tuple(kept)))
            return last
        if name == "update" and isinstance(owner.content, Record) and len(args) == 1:
            given = args[0]
            if not isinstance(given, Record):
                raise UnsupportedError("an update by a computed dictionary")
            self.write(
                owner, Record(tuple({**dict(owner.content.pairs), **dict(given.pairs)}.items()))
            )
            return NONE
        raise UnsupportedError(f"'{name}' of such a value")

    def _append(self, cell: Cell, item: Value) -> None:
        here = self._builder.here
        if cell.frame is here:
            if not isinstance(cell.content, Items):
                raise UnsupportedError("an append to a computed list")
            self.write(cell, Items((*cell.content.items, item)))
            return
        loop = next((turns for turns in self._loops if turns.frame is here), None)
        if loop is None or self._loops[-1] is not loop:
            raise UnsupportedError("an append from such a loop")
        if id(cell) in loop.read:
            raise UnsupportedError("a list that is read in the loop that fills it")
        path = self._builder.path
        keep = pl.all_horizontal(path) if path else None
        if id(cell) in loop.spread:
            raise UnsupportedError("an append from loops within loops")
        loop.cells[id(cell)] = cell
        loop.appended.setdefault(id(cell), []).append((as_column(self._builder, item), keep))

    @contextmanager
    def loop(self, frame: Frame) -> Iterator[None]:
        """Run the body of a loop over a column once, for all its elements."""
        turns = _Turns(frame)
        self._loops.append(turns)
        try:
            yield
        finally:
            self._loops.pop()
        for number, values in turns.appended.items():
            self._fill(turns.cells[number], frame, values, spread=number in turns.spread)

    def _fill(
        self, cell: Cell, frame: Frame, values: list[tuple[Column, pl.Expr | None]], *, spread: bool
    ) -> None:
        shapes = [column.shape for column, _ in values]
        shape = shapes[0]
        if any(s.dtype != shape.dtype for s in shapes):
            raise UnsupportedError("a list of elements of several kinds")
        if any(s.null for s in shapes):
            shape = shape.nullable
        builder = self._builder
        if not isinstance(cell.content, Items) or cell.content.items:
            raise UnsupportedError("an append by a loop to a list that is not empty")
        made = builder.pack(frame, values, shape)
        if spread and shape.inner is not None:
            each = pl.element().explode(empty_as_null=False, keep_nulls=False)
            shape = shape.inner
            made = builder.column(made.expr.list.eval(each), list_of(shape))
        if cell.frame is builder.here:
            self.write(cell, made)
        else:
            self._flattened(cell, made, shape)

    def _flattened(self, cell: Cell, made: Column, shape: Shape) -> None:
        """Carry what an inner loop appended out through the loops around it, list by list."""
        builder = self._builder
        outer = next((turns for turns in self._loops if turns.frame is builder.here), None)
        if outer is None or id(cell) in outer.read or id(cell) in outer.appended:
            raise UnsupportedError("an append from loops within loops")
        path = builder.path
        keep = pl.all_horizontal(path) if path else None
        outer.cells[id(cell)] = cell
        outer.spread.add(id(cell))
        outer.appended[id(cell)] = [(builder.keep(made), keep)]
