"""The program under construction: frames, shared columns, guards.

A guard is a row-level statement "the program does not know this row"; it holds only on the path on which
it was made. Guarded rows go to the row renderer, so that nothing is ever approximated.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from pipeline.templates.vector.program import (
    POSITION,
    Blame,
    Let,
    Lift,
    Pack,
    Step,
    Take,
    Unfold,
    item,
)  # fmt: skip
from pipeline.templates.vector.shapes import INT, STR, Shape, list_of
from pipeline.templates.vector.values import ROOT, Column, Either, Frame, UnsupportedError

MAX_STEPS = 400
MAX_WORK = 8_000
"""Statements and sides of values that compiling may look at."""
MAX_COPIES = 5_000
"""Columns that one computed column may be put together from, each counted as often as it is copied."""


class Builder:
    """Collects steps and guards while values are computed.

    Attributes:
        here: The frame that expressions are being made for.
        path: Tests, in `here`, that hold where the present code runs.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.here = ROOT
        self.path: list[pl.Expr] = []
        self._frames = [ROOT]
        self._bad: dict[int, list[pl.Expr]] = {0: []}
        self._names: dict[tuple[int, str], str] = {}
        self._kept: list[pl.Expr] = []
        self._copies: dict[tuple[int, str], int] = {}
        self._work = 0
        self._growth = 1
        self._serial = 0

    def fresh(self) -> str:
        """Return a column name that no frame has."""
        self._serial += 1
        if len(self.steps) > MAX_STEPS:
            raise UnsupportedError("a program of too many steps")
        return f"__{self._serial}"

    def spend(self, work: int = 1) -> None:
        """Count what compiling does, so that no template can make it endless."""
        self._work += work
        if self._work > MAX_WORK:
            raise UnsupportedError("a template that unfolds into too much")

    def grow(self, factor: int) -> None:
        """Note that a text may get so many times as long."""
        self._growth *= max(factor, 1)
        if self._growth > MAX_COPIES:
            raise UnsupportedError("texts that grow too much")

    def _count_copies(self, expr: pl.Expr, key: tuple[int, str]) -> None:
        """Refuse a column that copies others, which copy others, too often."""
        roots = expr.meta.root_names()
        self._copies[key] = sum(self._copies.get((key[0], root), 1) for root in roots)
        if self._copies[key] > MAX_COPIES:
            raise UnsupportedError("texts that copy themselves")

    def let(self, expr: pl.Expr, frame: Frame) -> str:
        """Compute an expression once in its frame; return the name of its column."""
        plain = expr.meta.is_column() and expr.meta.output_name()
        if plain:
            return str(plain)
        key = (frame.number, f"{id(expr)}")
        if key not in self._names:
            self._names[key] = self.fresh()
            self._count_copies(expr, (frame.number, self._names[key]))
            self._kept.append(expr)  # alive, its id is taken by no other
            self.steps.append(Let(frame.number, self._names[key], expr))
        return self._names[key]

    def keep(self, column: Column) -> Column:
        """Return the column, computed once however often it is used."""
        return Column(
            pl.col(self.let(column.expr, column.frame)), column.shape, column.frame, column.missing
        )

    def expr(self, expr: pl.Expr, frame: Frame) -> pl.Expr:
        """Return an expression of an outer frame as one of the present frame."""
        if frame is self.here:
            return expr
        chain = self._chain(frame)
        name = self.let(expr, frame)
        for parent, child in zip([frame, *chain], chain, strict=False):
            key = (child.number, f"lift {parent.number} {name}")
            if key not in self._names:
                self._names[key] = self.fresh()
                copies = self._copies.get((parent.number, name), 1)
                self._copies[child.number, self._names[key]] = copies
                self.steps.append(Lift(parent.number, child.number, name, self._names[key]))
            name = self._names[key]
        return pl.col(name)

    def _chain(self, frame: Frame) -> list[Frame]:
        """Frames from the child of `frame` down to the present one."""
        chain: list[Frame] = []
        at: Frame | None = self.here
        while at is not None and at is not frame:
            chain.insert(0, at)
            at = at.parent
        if at is None:
            raise UnsupportedError("a value that leaves its loop")
        return chain

    def of(self, value: Column) -> pl.Expr:
        """Return a column's expression in the present frame."""
        return self.expr(value.expr, value.frame)

    def test(self, value: Either) -> pl.Expr:
        """Return the test of an `Either` in the present frame."""
        return self.expr(value.test, value.frame)

    def column(self, expr: pl.Expr, shape: Shape, *, missing: bool = False) -> Column:
        """Return a column of the present frame."""
        return Column(expr, shape, self.here, missing)

    def guard(self, bad: pl.Expr) -> None:
        """Give rows where `bad` is true, or null, to the row renderer."""
        for test in self.path:
            bad = test & bad.fill_null(True)
        self._bad[self.here.number].append(bad.fill_null(True))

    def guard_null(self, column: Column) -> None:
        """Give rows where a column is null to the row renderer."""
        if column.shape.null:
            self.guard(self.expr(column.expr.is_null(), column.frame))

    def refuse(self, why: str) -> None:
        """Give all rows of the present path to the row renderer.

        Raises:
            UnsupportedError: That path is the whole template.
        """
        if not self.path and self.here is ROOT:
            raise UnsupportedError(why)
        self.guard(pl.lit(True))

    @contextmanager
    def under(self, test: pl.Expr) -> Iterator[None]:
        """Add a test to the path."""
        self.path.append(test)
        try:
            yield
        finally:
            self.path.pop()

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Make expressions for another frame, whose rows all lie on the present path."""
        here, path = self.here, self.path
        self.here, self.path = frame, []
        try:
            yield
        finally:
            self.here, self.path = here, path

    def unfold(self, lists: list[Column]) -> tuple[Frame, list[Column], Column]:
        """Make the frame of the elements of lists, as far as the shortest of them goes.

        Returns:
            The frame, its elements, one column a list, and their position.
        """
        exprs = [self.of(column) for column in lists]
        if len(exprs) > 1:
            shortest = pl.min_horizontal([expr.list.len().fill_null(0) for expr in exprs])
            exprs = [expr.list.head(shortest) for expr in exprs]
        if self.path:
            live = pl.all_horizontal(self.path)
            exprs = [pl.when(live).then(expr) for expr in exprs]
        names = tuple(self.let(expr, self.here) for expr in exprs)
        child = Frame(len(self._frames), self.here)
        self._frames.append(child)
        self._bad[child.number] = []
        self.steps.append(Unfold(self.here.number, child.number, names))
        items = []
        for i, column in enumerate(lists):
            if column.shape.inner is None:
                raise UnsupportedError("a list of unknown elements")
            items.append(loaded(pl.col(item(i)), column.shape.inner, child))
        return child, items, Column(pl.col(POSITION), INT, child)

    def pack(
        self, child: Frame, values: list[tuple[Column, pl.Expr | None]], shape: Shape
    ) -> Column:
        """Collect values of an element frame into lists of the present frame, its parent."""
        pairs = []
        for column, keep in values:
            typed = (
                column.expr.cast(shape.dtype) if column.shape.dtype != shape.dtype else column.expr
            )
            pairs.append((self.let(typed, child), "" if keep is None else self.let(keep, child)))
        name = self.fresh()
        copies = [self._copies.get((child.number, value), 1) for value, _ in pairs]
        self._copies[self.here.number, name] = max(copies)
        self.steps.append(Pack(child.number, self.here.number, tuple(pairs), name))
        return Column(pl.col(name), list_of(shape), self.here)

    def take(self, lists: Column, index: Column) -> Column:
        """Return the elements of outer lists at an index that the present element frame computes."""
        parent = self.here.parent
        if parent is None or lists.shape.inner is None:
            raise UnsupportedError("an index into a list of unknown elements")
        with self.inside(parent):
            source = self.let(self.of(lists), parent)
        at = self.let(self.of(index), self.here)
        name = self.fresh()
        self.steps.append(Take(parent.number, self.here.number, source, at, name))
        return loaded(pl.col(name), lists.shape.inner.nullable, self.here)

    def blame(self) -> pl.Expr:
        """Carry all guards to the batch; return the test of its bad rows."""
        for frame in reversed(self._frames[1:]):
            bad, parent = self._bad[frame.number], frame.parent
            if bad and parent is not None:
                name = self.fresh()
                step = Blame(frame.number, parent.number, pl.any_horizontal(bad), name)
                self.steps.append(step)
                self._bad[parent.number].append(pl.col(name))
        return pl.any_horizontal(self._bad[0]) if self._bad[0] else pl.lit(False)


_CASTS = {"int": pl.Int64(), "float": pl.Float64()}


def loaded(expr: pl.Expr, shape: Shape, frame: Frame) -> Column:
    """Return a value that was read from data, numbers in their widest type."""
    wide = _CASTS.get(shape.kind)
    if wide is not None and shape.dtype != wide:
        expr = expr.cast(wide)
        shape = Shape(shape.kind, wide, shape.null)
    return Column(expr, shape, frame)


def text_column(builder: Builder, expr: pl.Expr) -> Column:
    """Return a column of texts without nulls in the present frame."""
    return builder.column(expr, STR)
