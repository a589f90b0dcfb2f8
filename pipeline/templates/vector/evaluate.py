"""Expressions of the intermediate form to values."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from pipeline.templates import forms
from pipeline.templates.syntax import DRAWING, MUTATING
from pipeline.templates.vector import drawing, sequences
from pipeline.templates.vector.access import get
from pipeline.templates.vector.arithmetic import binary, negative
from pipeline.templates.vector.basics import (
    as_value,
    concat,
    each,
    merge,
    negated,
    plain,
    text,
    truth,
)
from pipeline.templates.vector.builder import Builder, loaded
from pipeline.templates.vector.compare import as_expr, compare
from pipeline.templates.vector.filters import Arguments, apply
from pipeline.templates.vector.methods import call
from pipeline.templates.vector.mutation import Mutations
from pipeline.templates.vector.predicates import tested
from pipeline.templates.vector.shapes import Shape
from pipeline.templates.vector.slices import cut
from pipeline.templates.vector.values import (
    NONE,
    ROOT,
    Cell,
    Const,
    Items,
    Missing,
    Record,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

Scope = dict[str, Value]


class Evaluator:
    """Computes expressions in a scope.

    Args:
        builder: Collects the program.
        shapes: The fields of the row.
        seed: Of the prompt's draws.
    """

    def __init__(self, builder: Builder, shapes: Mapping[str, Shape], seed: int) -> None:
        self.builder = builder
        self.mutations = Mutations(builder)
        self.scope: Scope = {}
        self.drawn: set[int] = set()
        self.used: set[str] = set()
        self._shapes, self._seed = shapes, seed
        self._storing = 0
        self._expressions: dict[type[Any], Callable[[Any], Value]] = {
            forms.Literal: lambda form: Const(form.value),
            forms.Name: lambda form: self.lookup(form.name),
            forms.Get: self._get,
            forms.Slice: self._slice,
            forms.Unary: self._unary,
            forms.Binary: self._binary,
            forms.Compare: lambda form: as_value(self.builder, self._compare(form)),
            forms.Choose: self._choose,
            forms.Apply: self._apply,
            forms.Sequence: self._sequence,
            forms.Mapping: self._mapping,
            forms.Joined: self._joined,
        }

    def raw(self, form: forms.Expression) -> Value:
        """Return a value, or the cell that a name holds it in."""
        if not self._storing or _hands_on(form):
            return self._expressions[type(form)](form)
        with self.storing(-self._storing):
            value = self._expressions[type(form)](form)
        if isinstance(value, Stream) and not value.sized:
            raise UnsupportedError("a generator that is kept")
        return value

    def value(self, form: forms.Expression) -> Value:
        """Return a value."""
        value = self.raw(form)
        if isinstance(value, Cell):
            self.mutations.read(value)
            value.held |= self._storing > 0
        return plain(value)

    @contextmanager
    def storing(self, really: int = True) -> Iterator[None]:
        """Evaluate what another value will hold: a list in it is no longer its name's alone."""
        self._storing += really
        try:
            yield
        finally:
            self._storing -= really

    def optional(self, form: forms.Expression | None) -> Value:
        """Return a value; None where nothing is written."""
        return NONE if form is None else self.value(form)

    def truth(self, form: forms.Expression) -> bool | pl.Expr:
        """Return whether an expression is true."""
        if isinstance(form, forms.Compare):
            return self._compare(form)
        if isinstance(form, forms.Binary) and form.operator in ("and", "or"):
            return self._both(form)
        if isinstance(form, forms.Unary) and form.operator == "not":
            return negated(self.truth(form.of))
        return truth(self.builder, self.value(form))

    def lookup(self, name: str) -> Value:
        """Return a variable: what was set, a field of the row, or an undefined value."""
        if name in self.scope:
            return self.scope[name]
        shape = self._shapes.get(name)
        if shape is None:
            return Missing()
        if shape.kind == "other":
            raise UnsupportedError(f"the field '{name}' of type {shape.dtype}")
        self.used.add(name)
        if shape.kind == "none":
            return NONE
        return loaded(pl.col(name), shape, ROOT)

    def _get(self, form: forms.Get) -> Value:
        return get(self.builder, self.value(form.of), self.value(form.key), dotted=form.dotted)

    def _slice(self, form: forms.Slice) -> Value:
        bounds = [self.optional(bound) for bound in (form.start, form.stop, form.step)]
        return cut(self.builder, self.value(form.of), *bounds)

    def _unary(self, form: forms.Unary) -> Value:
        if form.operator == "not":
            return as_value(self.builder, negated(self.truth(form.of)))
        value = self.value(form.of)
        if form.operator == "+":
            return value
        return each(self.builder, value, lambda side: negative(self.builder, side))

    def _binary(self, form: forms.Binary) -> Value:
        if form.operator not in ("and", "or"):
            return binary(
                self.builder, form.operator, self.value(form.left), self.value(form.right)
            )
        left = self.value(form.left)
        first = truth(self.builder, left)
        wanted = first if form.operator == "and" else negated(first)
        if isinstance(wanted, bool):
            return self.value(form.right) if wanted else left
        with self.builder.under(wanted):
            right = self.value(form.right)
        return merge(self.builder, wanted, right, left)

    def _both(self, form: forms.Binary) -> bool | pl.Expr:
        first = self.truth(form.left)
        goes_on = first if form.operator == "and" else negated(first)
        if isinstance(goes_on, bool):
            return self.truth(form.right) if goes_on else first
        with self.builder.under(goes_on):
            second = as_expr(self.truth(form.right))
        return (as_expr(first) & second) if form.operator == "and" else (as_expr(first) | second)

    def _compare(self, form: forms.Compare) -> bool | pl.Expr:
        left, held = self.value(form.first), None
        for operator, expression in form.rest:
            right = self.value(expression)
            test = compare(self.builder, operator, left, right)
            held = test if held is None else as_expr(held) & as_expr(test)
            left = right
        return True if held is None else held

    def _choose(self, form: forms.Choose) -> Value:
        test = self.truth(form.test)
        if isinstance(test, bool):
            chosen = form.then if test else form.other
            return Missing() if chosen is None else self.value(chosen)
        drawn = set(self.drawn)
        with self.builder.under(test):
            then = self.value(form.then)
        then_drawn, self.drawn = self.drawn, drawn
        with self.builder.under(~test):
            other = Missing() if form.other is None else self.value(form.other)
        self.drawn |= then_drawn
        return merge(self.builder, test, then, other)

    def _apply(self, form: forms.Apply) -> Value:
        if form.kind == "method" and form.name in MUTATING:
            owner, *args = form.args
            with self.storing():
                values = [self.value(arg) for arg in args]
            return self.mutations.call(form.name, self.raw(owner), values)
        values = [self.value(arg) for arg in form.args]
        with self.storing():
            named = tuple((name, self.value(arg)) for name, arg in form.named)
        if form.kind == "filter" and form.name in DRAWING:
            return self._draw(form, values[0])
        if form.kind == "filter":
            return apply(self.builder, form.name, values[0], Arguments(tuple(values[1:]), named))
        if form.kind == "test":
            return as_value(self.builder, tested(self.builder, form.name, values[0], values[1:]))
        if form.kind == "call":
            return self._function(form.name, values, named)
        if named:
            raise UnsupportedError("a method with named arguments")
        return call(self.builder, form.name, values[0], values[1:])

    def _draw(self, form: forms.Apply, value: Value) -> Value:
        if form.site in self.drawn:
            raise UnsupportedError("a draw that is repeated")
        self.drawn.add(form.site)
        strict = form.name == "choice"
        return each(
            self.builder,
            value,
            lambda side: drawing.drawn(self.builder, side, self._seed, form.site, strict=strict),
        )

    def _function(
        self, name: str, values: list[Value], named: tuple[tuple[str, Value], ...]
    ) -> Value:
        if name == "namespace" and not values:
            return Cell(Record(named), self.builder.here, namespace=True)
        if name == "range" and not named and values:
            return sequences.ranged(self.builder, values)
        if name == "zip" and not named:
            return self._zip(values)
        raise UnsupportedError(f"the function '{name}'")

    def _zip(self, values: list[Value]) -> Value:
        """Pair the elements of lists of known length; a loop pairs list columns itself."""
        lists = [sequences.listed(self.builder, value) for value in values]
        items = [of.items for of in lists if isinstance(of, Items)]
        if len(items) != len(lists):
            raise UnsupportedError("zip outside a loop")
        pairs = tuple(Items(pair, mutable=False) for pair in zip(*items, strict=False))
        return Stream(Items(pairs))

    def _sequence(self, form: forms.Sequence) -> Value:
        with self.storing():
            items = Items(tuple(self.value(item) for item in form.items), form.mutable)
        return Cell(items, self.builder.here) if form.mutable else items

    def _mapping(self, form: forms.Mapping) -> Value:
        pairs: dict[object, Value] = {}
        for key, item in form.pairs:
            name = self.value(key)
            if not isinstance(name, Const):
                raise UnsupportedError("a computed key of a dictionary")
            with self.storing():
                pairs[name.value] = self.value(item)
        return Cell(Record(tuple(pairs.items())), self.builder.here)

    def _joined(self, form: forms.Joined) -> Value:
        return concat(self.builder, [text(self.builder, self.value(item)) for item in form.items])


def _hands_on(form: forms.Expression) -> bool:
    """Whether the value of an expression can be a list that one of its names holds, and no new one."""
    if isinstance(form, forms.Binary):
        return form.operator in ("and", "or")
    if isinstance(form, forms.Apply):
        return form.name == "default" or form.name in MUTATING or form.kind == "call"
    return isinstance(form, forms.Name | forms.Choose | forms.Sequence | forms.Mapping)
