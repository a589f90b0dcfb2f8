"""The program under construction: frames, shared columns, guards.

A guard is a test of rows: where it holds, the program does not know the row, and Jinja renders it.
Nothing is ever approximated. A guard counts only on the path on which it was made.
"""

from collections import Counter
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
from pipeline.templates.vector.values import (
    BOOL,
    FLOAT,
    INT,
    ROOT,
    STR,
    Column,
    Frame,
    Shape,
    UnsupportedError,
    Value,
    list_of,
)  # fmt: skip

MAX_STEPS = 400
MAX_WORK = 8_000
"""Statements and expressions that compiling may look at."""
MAX_ROOTS = 8
"""Columns, copies counted, that an expression is put together from before it becomes one itself."""
MAX_TESTS = 60
"""Branches within one another; an `elif` is in the branch before."""
MAX_GROWTH = 64
"""How many times as long all replacements of a template together may make a text."""


class Builder:
    """Collects steps and guards while values are computed.

    Attributes:
        here: The frame that expressions are being made for.
        path: Tests, in `here`, that hold where the present code runs.
        literals: Characters of the template's own words that a row is put together from.
        growth: How many times as long replacements may make a text.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.here = ROOT
        self.path: list[pl.Expr] = []
        self.literals, self.growth = 0, 1
        self._frames = [ROOT]
        self._bad: dict[int, list[pl.Expr]] = {0: []}
        self._names: dict[tuple[int, str], str] = {}
        self._kept: list[pl.Expr] = []
        self._work = 0
        self._serial = 0

    def fresh(self) -> str:
        """Return a column name that no frame has."""
        self._serial += 1
        if len(self.steps) > MAX_STEPS:
            raise UnsupportedError("a program of too many steps")
        return f"__{self._serial}"

    def spend(self) -> None:
        """Count what compiling does, so that no template can make it endless."""
        self._work += 1
        if self._work > MAX_WORK:
            raise UnsupportedError("a template that unfolds into too much")

    def grow(self, factor: int) -> None:
        """Note that a text may get so many times as long."""
        self.growth *= max(factor, 1)
        if self.growth > MAX_GROWTH:
            raise UnsupportedError("texts that grow too much")

    def let(self, expr: pl.Expr, frame: Frame) -> str:
        """Compute an expression once in its frame; return the name of its column."""
        plain = expr.meta.is_column() and expr.meta.output_name()
        if plain:
            return str(plain)
        key = (frame.number, f"{id(expr)}")
        if key not in self._names:
            self._names[key] = self.fresh()
            self._kept.append(expr)  # alive, its id is taken by no other
            sources = tuple(Counter(expr.meta.root_names()).items())
            self.steps.append(Let(frame.number, self._names[key], expr, sources))
        return self._names[key]

    def keep(self, column: Column) -> Column:
        """Return the column, computed once however often it is used."""
        return Column(
            pl.col(self.let(column.expr, column.frame)), column.shape, column.frame, column.missing
        )

    def simple(self, value: Value) -> Value:
        """Return a value of the present frame, computed once if it is put together from many columns.

        What is made of it may copy it, and what is made of that again: without this, expressions could
        grow without bounds.
        """
        if isinstance(value, Column) and value.frame is self.here:
            return self.keep(value) if len(value.expr.meta.root_names()) > MAX_ROOTS else value
        return value

    def of(self, value: Column) -> pl.Expr:
        """Return a column's expression in the present frame."""
        frame = value.frame
        if frame is self.here:
            return value.expr
        chain = self._chain(frame)
        name = self.let(value.expr, frame)
        for parent, child in zip([frame, *chain], chain, strict=False):
            key = (child.number, f"lift {parent.number} {name}")
            if key not in self._names:
                self._names[key] = self.fresh()
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

    def column(self, expr: pl.Expr, shape: Shape, *, missing: bool = False) -> Column:
        """Return a column of the present frame."""
        return Column(expr, shape, self.here, missing)

    def text(self, expr: pl.Expr) -> Column:
        """Return a column of texts without nulls in the present frame."""
        return self.column(expr, STR)

    def guard(self, bad: pl.Expr) -> None:
        """Give rows where `bad` is true, or null, to Jinja."""
        for test in self.path:
            bad = test & bad.fill_null(True)
        self._bad[self.here.number].append(bad.fill_null(True))

    def guard_null(self, value: Column) -> None:
        """Give rows where a column is null to Jinja."""
        if value.shape.null:
            self.guard(self.of(Column(value.expr.is_null(), BOOL, value.frame)))

    def certain(self, value: Column) -> pl.Expr:
        """Return a column's expression in the present frame; rows where it is null go to Jinja."""
        self.guard_null(value)
        return self.of(value)

    def refuse(self, why: str) -> None:
        """Give all rows of the present path to Jinja.

        Raises:
            UnsupportedError: That path is the whole template.
        """
        if not self.path and self.here is ROOT:
            raise UnsupportedError(why)
        self.guard(pl.lit(True))

    @contextmanager
    def under(self, test: pl.Expr) -> Iterator[None]:
        """Add a test to the path."""
        if len(self.path) >= MAX_TESTS:
            raise UnsupportedError("branches within many branches")
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
        items = [
            loaded(pl.col(item(i)), element_shape(column), child) for i, column in enumerate(lists)
        ]
        return child, items, Column(pl.col(POSITION), INT, child)

    def pack(self, child: Frame, values: list[tuple[Column, pl.Expr | None]]) -> Column:
        """Collect values of an element frame into lists of the present frame, its parent.

        Args:
            child: The element frame.
            values: Columns, each with the test of the elements that are kept, None for all.
        """
        shapes = [column.shape for column, _ in values]
        if any(shape.dtype != shapes[0].dtype for shape in shapes):
            raise UnsupportedError("a list of elements of several kinds")
        shape = shapes[0].nullable if any(shape.null for shape in shapes) else shapes[0]
        pairs = []
        for column, keep in values:
            name = self.let(column.expr, child)
            pairs.append((name, "" if keep is None else self.let(keep, child)))
        name = self.fresh()
        self.steps.append(Pack(child.number, self.here.number, tuple(pairs), name))
        return Column(pl.col(name), list_of(shape), self.here)

    def take(self, lists: Column, index: pl.Expr) -> Column:
        """Return elements of lists of the parent frame, at an index that this element frame computes."""
        parent = self.here.parent or ROOT
        with self.inside(parent):
            source = self.let(self.of(lists), parent)
        at = self.let(index, self.here)
        name = self.fresh()
        self.steps.append(Take(parent.number, self.here.number, source, at, name))
        return loaded(pl.col(name), element_shape(lists).nullable, self.here)

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


_WIDEST = {"int": INT, "float": FLOAT}


def loaded(expr: pl.Expr, shape: Shape, frame: Frame) -> Column:
    """Return a value that was read from data, numbers in their widest type."""
    wide = _WIDEST.get(shape.kind)
    if wide is not None and shape.dtype != wide.dtype:
        expr = expr.cast(wide.dtype)
        shape = wide.nullable if shape.null else wide
    return Column(expr, shape, frame)


def element_shape(lists: Column) -> Shape:
    """Return the shape of a list column's elements.

    Raises:
        UnsupportedError: It is not known.
    """
    if lists.shape.inner is None:
        raise UnsupportedError("a list of unknown elements")
    return lists.shape.inner


def tied(value: object, dtype: pl.DataType | None = None) -> pl.Expr:
    """Return a constant that is as long as its frame; some functions ask for that."""
    return pl.when(pl.int_range(pl.len()) >= 0).then(pl.lit(value, dtype=dtype))
