"""Expressions of a template to values."""

from collections.abc import Callable
from typing import Any

import polars as pl
from jinja2 import nodes

from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.syntax import DRAWING, MUTATING, drawing_sites
from pipeline.templates.vector import lists
from pipeline.templates.vector.access import get
from pipeline.templates.vector.basics import (
    Truth,
    as_value,
    concat,
    merge,
    negated,
    text,
    truth,
    truth_expr,
)
from pipeline.templates.vector.builder import Builder, loaded
from pipeline.templates.vector.compare import compare, tested
from pipeline.templates.vector.filters import Arguments, apply
from pipeline.templates.vector.methods import call
from pipeline.templates.vector.numbers import binary, negative
from pipeline.templates.vector.strings import cut
from pipeline.templates.vector.values import (
    NONE,
    ROOT,
    Column,
    Const,
    Items,
    Missing,
    Record,
    Shapes,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

_BINARY: dict[type[nodes.Node], str] = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%",
}  # fmt: skip
_MOST_COMPARED = 20


class Evaluator:
    """Computes expressions in a scope.

    Args:
        builder: Collects the program.
        shapes: The columns of the batch.
        seed: Of the prompt's draws.
        tree: The template.

    Attributes:
        scope: What names mean; a name that is not there is a column, or undefined.
        used: Columns that were read.
        mark: Stands for separators that are computed; empty where there must be none.
        repeats: Whether the present code runs more than once for a row.
        own: In a loop, the names that each turn sets; None outside of loops.
        filling: Lists of before the present loop, each with what the loop's turns append to it: columns
            of its elements, and the test of those that are appended, None for all.
    """

    def __init__(self, builder: Builder, shapes: Shapes, seed: int, tree: nodes.Template) -> None:
        self.builder = builder
        self.scope: dict[str, Value] = {}
        self.used: set[str] = set()
        self.mark = ""
        self.repeats = False
        self.own: set[str] | None = None
        self.filling: dict[str, list[tuple[Column, pl.Expr | None]]] = {}
        self._first: nodes.Node | None = None
        self._shapes, self._seed = shapes, seed
        self._sites = {id(node): i for i, node in enumerate(drawing_sites(tree))}
        self._kinds: dict[type[Any], Callable[[Any], Value]] = {
            nodes.Const: lambda node: Const(self.marked(node.value)),
            nodes.Name: lambda node: self.lookup(node.name),
            nodes.Getattr: lambda node: get(
                builder, self.value(node.node), Const(node.attr), dotted=True
            ),
            nodes.Getitem: self._getitem,
            nodes.Not: self._truth,
            nodes.Compare: self._truth,
            nodes.Neg: lambda node: negative(builder, self.value(node.node)),
            nodes.And: self._and_or,
            nodes.Or: self._and_or,
            nodes.CondExpr: self._choose,
            nodes.Filter: self._filter,
            nodes.Test: self._truth,
            nodes.Call: self._call,
            nodes.List: lambda node: Items(self._all(node.items)),
            nodes.Tuple: lambda node: Items(self._all(node.items), mutable=False),
            nodes.Dict: self._mapping,
            nodes.Concat: lambda node: concat(
                builder, [text(builder, self.value(item)) for item in node.nodes]
            ),
        }

    def value(self, node: nodes.Node) -> Value:
        """Return an expression's value."""
        return self.builder.simple(self._value(node))

    def _value(self, node: nodes.Node) -> Value:
        self.builder.spend()
        if type(node) in _BINARY and isinstance(node, nodes.BinExpr):
            left, right = self.value(node.left), self.value(node.right)
            return binary(self.builder, _BINARY[type(node)], left, right)
        function = self._kinds.get(type(node))
        if function is None:
            raise UnsupportedError(f"a {type(node).__name__}")
        return function(node)

    def marked(self, value: object) -> object:
        """Return a constant with the separators in it marked, so that no value's text is taken for one.

        Raises:
            UnsupportedError: Nothing here is split at marks.
        """
        if not isinstance(value, str) or SEPARATOR not in value:
            return value
        if not self.mark:
            raise UnsupportedError("a separator that is computed")
        return value.replace(SEPARATOR, self.mark)

    def changing(self, node: nodes.Node) -> nodes.Node:
        """Allow an expression to change a list in the first thing that it does; return it."""
        first = node
        while True:
            if isinstance(first, nodes.Filter) and first.node is not None:
                first = first.node
            elif isinstance(first, nodes.And | nodes.Or):
                first = first.left
            else:
                break
        self._first = first
        return node

    def kept(self, node: nodes.Node) -> Value:
        """Return a value that a name or a list will hold."""
        value = self.value(node)
        if isinstance(value, Stream) and not value.sized:
            raise UnsupportedError("a generator that is kept")
        return value

    def truth(self, node: nodes.Node) -> Truth:
        """Return whether an expression is true."""
        if isinstance(node, nodes.Not):
            return negated(self.truth(node.node))
        if isinstance(node, nodes.Test):
            args = [self.value(arg) for arg in node.args]
            return tested(self.builder, node.name, self.value(node.node), args)
        if isinstance(node, nodes.Compare):
            return self._compare(node)
        if isinstance(node, nodes.And | nodes.Or):
            first = self.truth(node.left)
            wanted = first if isinstance(node, nodes.And) else negated(first)
            if isinstance(wanted, bool):
                return self.truth(node.right) if wanted else first
            with self.builder.under(wanted):
                second = truth_expr(self.truth(node.right))
            a = truth_expr(first)
            return a & second if isinstance(node, nodes.And) else a | second
        return truth(self.builder, self.value(node))

    def _truth(self, node: nodes.Node) -> Value:
        return as_value(self.builder, self.truth(node))

    def lookup(self, name: str) -> Value:
        """Return what a name means."""
        if name in self.scope:
            return self.scope[name]
        shape = self._shapes.get(name)
        if shape is None:
            return Missing()
        if shape.kind == "other":
            raise UnsupportedError(f"the field '{name}' of type {shape.dtype}")
        self.used.add(name)
        return NONE if shape.kind == "none" else loaded(pl.col(name), shape, ROOT)

    def _getitem(self, node: nodes.Getitem) -> Value:
        of, key = self.value(node.node), node.arg
        if not isinstance(key, nodes.Slice):
            return get(self.builder, of, self.value(key), dotted=False)
        if key.step is not None:
            raise UnsupportedError("a slice with a step")
        start, stop = (NONE if b is None else self.value(b) for b in (key.start, key.stop))
        return cut(self.builder, of, start, stop)

    def _and_or(self, node: nodes.And | nodes.Or) -> Value:
        left = self.value(node.left)
        first = truth(self.builder, left)
        wanted = first if isinstance(node, nodes.And) else negated(first)
        return self._either(wanted, lambda: self.value(node.right), lambda: left)

    def _choose(self, node: nodes.CondExpr) -> Value:
        other = node.expr2
        return self._either(
            self.truth(node.test),
            lambda: self.value(node.expr1),
            lambda: Missing() if other is None else self.value(other),
        )

    def _either(self, test: Truth, then: Callable[[], Value], other: Callable[[], Value]) -> Value:
        """Return one of two values, each computed on its own path."""
        if isinstance(test, bool):
            return then() if test else other()
        with self.builder.under(test):
            yes = then()
        with self.builder.under(~test):
            no = other()
        return merge(self.builder, test, yes, no)

    def _compare(self, node: nodes.Compare) -> Truth:
        left = self.value(node.expr)
        held: Truth = True
        if len(node.ops) > _MOST_COMPARED:
            raise UnsupportedError("a comparison of many values")
        for operand in node.ops:
            right = self.value(operand.expr)
            test = compare(self.builder, operand.op, left, right)
            held = test if held is True else truth_expr(held) & truth_expr(test)
            left = right
        return held

    def _all(self, items: list[nodes.Expr]) -> tuple[Value, ...]:
        return tuple(self.kept(item) for item in items)

    def _filter(self, node: nodes.Filter) -> Value:
        value = self.value(node.node) if node.node is not None else NONE
        if node.name in DRAWING:
            if self.repeats:
                raise UnsupportedError("a draw that is repeated")
            site, strict = self._sites[id(node)], node.name == "choice"
            return lists.drawn(self.builder, value, self._seed, site, strict=strict)
        named = {str(item.key): self.kept(item.value) for item in node.kwargs}
        args = Arguments(tuple(self.value(arg) for arg in node.args), named)
        return apply(self.builder, node.name, value, args)

    def _call(self, node: nodes.Call) -> Value:
        called = node.node
        if isinstance(called, nodes.Name) and (node.kwargs or not self.is_global(called, "range")):
            raise UnsupportedError(f"the function '{called.name}'")
        if node.kwargs:
            raise UnsupportedError("a method with named arguments")
        if isinstance(called, nodes.Getattr) and called.attr in MUTATING:
            if node is not self._first or not isinstance(called.node, nodes.Name):
                raise UnsupportedError("a change within an expression")
            kept = [self.kept(arg) for arg in node.args]
            return self._change(called.node.name, called.attr, kept)
        args = [self.value(arg) for arg in node.args]
        if isinstance(called, nodes.Getattr):
            return call(self.builder, called.attr, self.value(called.node), args)
        return lists.ranged(self.builder, args)

    def is_global(self, node: nodes.Node, name: str) -> bool:
        """Whether an expression is the name of a function, and no field or variable is called so."""
        known = name in self.scope or name in self._shapes
        return isinstance(node, nodes.Name) and node.name == name and not known

    def _change(self, name: str, method: str, args: list[Value]) -> Value:
        """Carry out `name.append(value)` or `name.pop()`; lists have one name each, see `changes`."""
        if name in self.filling and method == "append" and len(args) == 1:
            path = self.builder.path
            keep = pl.all_horizontal(path) if path else None
            self.filling[name].append((lists.as_column(self.builder, args[0]), keep))
            return NONE
        held = self.scope.get(name)
        mine = name not in self.filling and (self.own is None or name in self.own)
        if mine and isinstance(held, Items) and held.mutable:
            if method == "append" and len(args) == 1:
                self.scope[name] = Items((*held.items, args[0]))
                return NONE
            if method == "pop" and held.items and not args:
                self.scope[name] = Items(held.items[:-1])
                return held.items[-1]
        raise UnsupportedError(f"'{method}' of such a value")

    def _mapping(self, node: nodes.Dict) -> Value:
        pairs: dict[object, Value] = {}
        for pair in node.items:
            name = self.value(pair.key)
            if not isinstance(name, Const):
                raise UnsupportedError("a computed key of a dictionary")
            pairs[name.value] = self.kept(pair.value)
        return Record(tuple(pairs.items()))
