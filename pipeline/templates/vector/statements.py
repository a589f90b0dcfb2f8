"""Statements of a template to texts: what it prints, split at its separators."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from jinja2 import nodes

from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.syntax import bound
from pipeline.templates.vector import lists
from pipeline.templates.vector.basics import Text, Truth, concat, merge, text
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.changes import changed, read
from pipeline.templates.vector.evaluate import Evaluator
from pipeline.templates.vector.values import (
    EMPTY,
    INT,
    Column,
    Const,
    Items,
    Turn,
    UnsupportedError,
    Value,
)  # fmt: skip

_MOST_TURNS = 200
_MOST_LEAVES = 32


@dataclass(frozen=True, slots=True)
class Fork:
    """Two ways that a template can go on, which print different parts."""

    test: pl.Expr
    then: "Tree"
    other: "Tree"


Tree = tuple[Text, ...] | Fork
"""What a template prints: its parts between separators, which may depend on the way through it."""
Leaf = Callable[[tuple[Text, ...]], Tree]


class Executor:
    """Runs statements over the evaluator's scope."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._builder: Builder = evaluator.builder
        self._leaves = 0

    def parts(self, body: list[nodes.Node], leaf: Leaf) -> Tree:
        """Return what a template prints, split at the separators that stand in its text.

        Args:
            body: The template.
            leaf: Called with the parts at the end of each way, in whose place its result stands.
        """
        return self._run(body, [[]], leaf)

    def whole(self, body: list[nodes.Node]) -> Text:
        """Return what a template prints, its separators marked."""
        return concat(self._builder, self._pieces(body))

    def _run(self, rest: list[nodes.Node], parts: list[list[Text]], leaf: Leaf) -> Tree:
        """Go on with the statements that are left, after what was printed so far, part by part."""
        while rest:
            node, *rest = rest
            if isinstance(node, nodes.Output):
                self._print(node, parts)
            elif isinstance(node, nodes.If) and separates(node):
                test = self._tested(node.test)
                if not isinstance(test, bool):
                    return self._fork(test, node, rest, parts, leaf)
                rest = [*(node.body if test else _else(node)), *rest]
            else:
                parts[-1] += self._statement(node)
        self._leaves += 1
        if self._leaves > _MOST_LEAVES:
            raise UnsupportedError("a template with many ways through it")
        return leaf(tuple(concat(self._builder, pieces) for pieces in parts))

    def _print(self, node: nodes.Output, parts: list[list[Text]]) -> None:
        for printed in node.nodes:
            if isinstance(printed, nodes.TemplateData):
                first, *others = printed.data.split(SEPARATOR)
                parts[-1].append(Const(first))
                parts += [[Const(other)] for other in others]
            else:
                parts[-1].append(self._out(printed))

    def _fork(
        self,
        test: pl.Expr,
        node: nodes.If,
        rest: list[nodes.Node],
        parts: list[list[Text]],
        leaf: Leaf,
    ) -> Fork:
        scope = self._evaluator.scope
        sides: list[Tree] = []
        for path, body in ((test, node.body), (~test, _else(node))):
            self._evaluator.scope = dict(scope)
            with self._builder.under(path):
                sides.append(self._run([*body, *rest], [list(part) for part in parts], leaf))
        return Fork(test, *sides)

    def _tested(self, node: nodes.Node) -> Truth:
        """Return whether an expression is true, as a column that is computed once."""
        test = self._evaluator.truth(self._evaluator.changing(node))
        if isinstance(test, bool):
            return test
        return pl.col(self._builder.let(test, self._builder.here))

    def _out(self, node: nodes.Node) -> Text:
        if isinstance(node, nodes.TemplateData):
            return Const(self._evaluator.marked(node.data))
        return text(self._builder, self._evaluator.value(self._evaluator.changing(node)))

    def _pieces(self, body: list[nodes.Node]) -> list[Text]:
        return [piece for node in body for piece in self._statement(node)]

    def _statement(self, node: nodes.Node) -> list[Text]:
        self._builder.spend()
        if isinstance(node, nodes.Output):
            return [self._out(part) for part in node.nodes]
        if isinstance(node, nodes.If):
            test = self._tested(node.test)
            return [self._either(test, node.body, _else(node))]
        if isinstance(node, nodes.For):
            return [self._loop(node)]
        if not isinstance(node, nodes.Assign) or isinstance(node.target, nodes.NSRef):
            raise UnsupportedError("a value that a loop carries from turn to turn")
        value = self._evaluator.kept(self._evaluator.changing(node.node))
        self._assign(node.target, value)
        return []

    def _assign(self, target: nodes.Node, value: Value) -> None:
        evaluator = self._evaluator
        targets = target.items if isinstance(target, nodes.Tuple) else [target]
        names = [one.name for one in targets if isinstance(one, nodes.Name)]
        if isinstance(target, nodes.Tuple):
            if not isinstance(value, Items) or len(value.items) != len(names):
                raise UnsupportedError("unpacking of a computed value")
            evaluator.scope.update(zip(names, value.items, strict=True))
        else:
            if isinstance(value, Column) and value.frame is self._builder.here:
                value = self._builder.keep(value)
            evaluator.scope[names[0]] = value
        if evaluator.own is not None and not self._builder.path:
            evaluator.own.update(names)

    def _either(self, test: Truth, then: list[nodes.Node], other: list[nodes.Node]) -> Text:
        """Run one of two bodies by a test; what they set is merged."""
        if isinstance(test, bool):
            return concat(self._builder, self._pieces(then if test else other))
        evaluator, before, builder = self._evaluator, self._evaluator.scope, self._builder
        made, scopes = [], []
        for path, body in ((test, then), (~test, other)):
            evaluator.scope = dict(before)
            with builder.under(path):
                made.append(concat(builder, self._pieces(body)))
            scopes.append(evaluator.scope)
        evaluator.scope = dict(before)
        merged = {}
        for name in {**scopes[0], **scopes[1]}:
            a, b = (scope[name] if name in scope else evaluator.lookup(name) for scope in scopes)
            merged[name] = a if a is b else builder.simple(merge(builder, test, a, b))
        evaluator.scope = merged
        return _as_text(merge(builder, test, *made))

    def _loop(self, node: nodes.For) -> Text:
        evaluator, source = self._evaluator, node.iter
        if isinstance(source, nodes.Call) and evaluator.is_global(source.node, "zip"):
            zipped = [lists.listed(self._builder, evaluator.value(arg)) for arg in source.args]
            if len(zipped) < 2 or source.kwargs:
                raise UnsupportedError("a zip of less than two lists")
            known = [of.items for of in zipped if isinstance(of, Items)]
            if not known:
                return self._over_columns(node, [z for z in zipped if isinstance(z, Column)])
            if len(known) < len(zipped):
                raise UnsupportedError("a zip of a column with written-out elements")
            pairs: list[Value] = [Items(pair, mutable=False) for pair in zip(*known, strict=False)]
            return self._unrolled(node, pairs)
        of = lists.listed(self._builder, evaluator.value(source))
        if isinstance(of, Items):
            return self._unrolled(node, list(of.items))
        if isinstance(node.target, nodes.Tuple):
            raise UnsupportedError("a loop that unpacks elements of a column")
        return self._over_columns(node, [self._kept(node, of)])

    def _kept(self, node: nodes.For, of: Column) -> Column:
        """Return the elements that the loop's own `if` lets through."""
        evaluator, scope, wanted = self._evaluator, self._evaluator.scope, node.test
        if wanted is None or not isinstance(node.target, nodes.Name):
            return of
        name = node.target.name

        def test(item: Value) -> Truth:
            evaluator.scope = {**scope, name: item}
            return evaluator.truth(wanted)

        kept = lists.filtered(self._builder, of, test)
        evaluator.scope = scope
        if not isinstance(kept, Column):
            raise UnsupportedError("a loop whose test is never true")
        return kept

    @contextmanager
    def _turns(self, filling: set[str]) -> Iterator[None]:
        """Run the body of a loop, whose variables end with it."""
        evaluator = self._evaluator
        before = (evaluator.scope, evaluator.own, evaluator.filling, evaluator.repeats)
        evaluator.scope, evaluator.own, evaluator.repeats = dict(evaluator.scope), set(), True
        evaluator.filling = {name: [] for name in filling}
        yield
        evaluator.scope, evaluator.own, evaluator.filling, evaluator.repeats = before

    def _unrolled(self, node: nodes.For, items: list[Value]) -> Text:
        if len(items) > _MOST_TURNS:
            raise UnsupportedError("a loop of many turns")
        made: list[Text] = []
        for i, item in enumerate(items):
            with self._turns(set()):
                known = node.test is None
                turn = Turn(Const(i), Const(len(items))) if known else Turn(None, None)
                self._evaluator.scope["loop"] = turn
                self._assign(node.target, item)
                test = True if node.test is None else self._evaluator.truth(node.test)
                made.append(self._either(test, node.body, []))
        if node.else_ and (node.test is not None or not items):
            if items:
                raise UnsupportedError("the else of a filtered loop")
            made += self._pieces(node.else_)
        return concat(self._builder, made)

    def _filled(self, node: nodes.For) -> set[str]:
        """Return the lists of before a loop over columns that its turns append to."""
        evaluator = self._evaluator
        filled = changed(node) - bound(node)
        if filled & read(node):
            raise UnsupportedError("a list that is read in the loop that fills it")
        for name in filled:
            held = evaluator.scope.get(name)
            mine = evaluator.own is None or name in evaluator.own
            if not mine or not isinstance(held, Items) or held.items or name in evaluator.filling:
                raise UnsupportedError("an append to such a list by a loop")
        return filled

    def _over_columns(self, node: nodes.For, of: list[Column]) -> Text:
        """Run the body once, over the frame of all elements."""
        builder, evaluator = self._builder, self._evaluator
        if node.test is not None and len(of) > 1:
            raise UnsupportedError("a filtered loop over several lists")
        of = [builder.keep(one) if one.frame is builder.here else one for one in of]
        sizes = [builder.of(one).list.len().fill_null(0) for one in of]
        length = builder.column(pl.min_horizontal(sizes).cast(pl.Int64), INT)
        filled = self._filled(node)
        child, items, position = builder.unfold(of)
        with self._turns(filled):
            with builder.inside(child):
                evaluator.scope["loop"] = Turn(position, length)
                whole = Items(tuple(items), mutable=False) if len(items) > 1 else items[0]
                self._assign(node.target, whole)
                made = concat(builder, self._pieces(node.body))
                column = None if made == EMPTY else lists.as_column(builder, made)
            appended = evaluator.filling
        for name, values in appended.items():
            evaluator.scope[name] = builder.pack(child, values) if values else Items(())
        printed: Text = EMPTY
        if column is not None:
            packed = builder.pack(child, [(column, None)])
            printed = builder.text(packed.expr.list.join(""))
        if not node.else_:
            return printed
        other = concat(builder, self._pieces(node.else_))
        return _as_text(merge(builder, builder.of(length) > 0, printed, other))


def _else(node: nodes.If) -> list[nodes.Node]:
    """Return what an `if` runs where its test fails; `elif` is an `if` in it."""
    if not node.elif_:
        return node.else_
    first, *others = node.elif_
    return [nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno)]


def separates(node: nodes.Node) -> bool:
    """Whether a separator stands in the text of a statement."""
    return any(SEPARATOR in data.data for data in node.find_all(nodes.TemplateData))


def _as_text(value: Value) -> Text:
    if isinstance(value, Const | Column):
        return value
    raise UnsupportedError("a value without a text")
