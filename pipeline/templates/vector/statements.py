"""Statements of the intermediate form to texts: what a template prints, split at its separators."""

from collections.abc import Callable

import polars as pl

from pipeline.templates import forms
from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.vector import sequences
from pipeline.templates.vector.basics import as_text, concat, each, merge, plain, text
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.evaluate import Evaluator, Scope
from pipeline.templates.vector.shapes import INT, STR
from pipeline.templates.vector.trees import Fork, Tree, mutates, mutates_within, separates
from pipeline.templates.vector.values import (
    EMPTY,
    Cell,
    Column,
    Const,
    Items,
    Record,
    Turn,
    UnsupportedError,
    Value,
)  # fmt: skip

Text = Const | Column
_Touches = tuple[dict[int, tuple[Cell, Value]], dict[int, Value]]
"""What a branch did to cells: each with its content before, and the contents after."""
_MOST_TURNS = 200
_MOST_LEAVES = 32


class Executor:
    """Runs statements over the evaluator's scope."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._builder: Builder = evaluator.builder
        self._leaves = 0

    def parts(self, body: forms.Body, leaf: Callable[[tuple[Text, ...]], tuple[Text, ...]]) -> Tree:
        """Return what a template prints, split at the separators that stand in its text.

        Args:
            body: The template.
            leaf: Called with the parts at the end of each path, in whose place its result stands.
        """
        return self._run(list(body), [], [], leaf)

    def whole(self, body: forms.Body) -> Text:
        """Return what a template prints, separators included."""
        return concat(self._builder, self._pieces(body))

    def _run(
        self,
        rest: list[forms.Statement],
        done: list[Text],
        pieces: list[Text],
        leaf: Callable[[tuple[Text, ...]], tuple[Text, ...]],
    ) -> Tree:
        while rest:
            statement, *rest = rest
            if isinstance(statement, forms.Text):
                first, *others = statement.text.split(SEPARATOR)
                pieces.append(Const(first))
                for other in others:
                    done.append(concat(self._builder, pieces))
                    pieces = [Const(other)]
            elif isinstance(statement, forms.Branch) and separates(statement):
                test = self._evaluator.truth(statement.test)
                if not isinstance(test, bool):
                    return self._fork(test, statement, rest, (done, pieces), leaf)
                rest = [*(statement.then if test else statement.other), *rest]
            else:
                pieces += self._pieces((statement,))
        self._leaves += 1
        if self._leaves > _MOST_LEAVES:
            raise UnsupportedError("a template with many ways through it")
        return leaf((*done, concat(self._builder, pieces)))

    def _fork(
        self,
        test: pl.Expr,
        branch: forms.Branch,
        rest: list[forms.Statement],
        so_far: tuple[list[Text], list[Text]],
        leaf: Callable[[tuple[Text, ...]], tuple[Text, ...]],
    ) -> Fork:
        done, pieces = so_far
        scope, drawn = self._evaluator.scope, set(self._evaluator.drawn)
        sides: list[Tree] = []
        for path, body in ((test, branch.then), (~test, branch.other)):
            self._evaluator.scope, self._evaluator.drawn = dict(scope), set(drawn)
            with self._builder.under(path), self._evaluator.mutations.branch() as touched:
                sides.append(self._run([*body, *rest], list(done), list(pieces), leaf))
            for cell, before in touched.values():
                cell.content = before
        return Fork(test, *sides)

    def _pieces(self, body: forms.Body) -> list[Text]:
        return [piece for statement in body for piece in self._statement(statement)]

    def _statement(self, statement: forms.Statement) -> list[Text]:
        self._builder.spend()
        if mutates_within(statement):
            raise UnsupportedError("a change within an expression")
        if isinstance(statement, forms.Text):
            return [Const(statement.text)]
        if isinstance(statement, forms.Out):
            return [text(self._builder, self._evaluator.value(statement.of))]
        if isinstance(statement, forms.Branch):
            return [self._branch(statement)]
        if isinstance(statement, forms.Loop):
            return [self._loop(statement)]
        if isinstance(statement, forms.AssignIn):
            self._assign_in(statement)
        else:
            with self._evaluator.storing():
                value = self._evaluator.raw(statement.value)
            self._assign(statement.names, value)
        return []

    def _assign(self, names: tuple[str, ...], value: Value) -> None:
        scope = self._evaluator.scope
        if len(names) == 1:
            if isinstance(value, Column):
                value = self._builder.keep(value) if value.frame is self._builder.here else value
            scope[names[0]] = value
            return
        value = plain(value)
        if not isinstance(value, Items) or len(value.items) != len(names):
            raise UnsupportedError("unpacking of a computed value")
        scope.update(zip(names, value.items, strict=True))

    def _assign_in(self, statement: forms.AssignIn) -> None:
        owner = self._evaluator.lookup(statement.owner)
        with self._evaluator.storing():
            value = self._evaluator.value(statement.value)
        if isinstance(owner, Cell) and owner.held:
            raise UnsupportedError("set of an attribute of a namespace that another value may hold")
        if not (isinstance(owner, Cell) and owner.namespace and isinstance(owner.content, Record)):
            raise UnsupportedError("set of an attribute of no plain namespace")
        if isinstance(value, Column) and value.frame is self._builder.here:
            value = self._builder.keep(value)
        pairs = {**dict(owner.content.pairs), statement.attribute: value}
        self._evaluator.mutations.write(owner, Record(tuple(pairs.items())))

    def _branch(self, statement: forms.Branch) -> Text:
        test = self._evaluator.truth(statement.test)
        return self._either(test, statement.then, statement.other)

    def _either(self, test: bool | pl.Expr, then: forms.Body, other: forms.Body) -> Text:
        """Run one of two bodies by a test; what they set and change is merged."""
        if isinstance(test, bool):
            return concat(self._builder, self._pieces(then if test else other))
        if self._builder.here.parent is None or len(then) + len(other) > 2:
            test = pl.col(self._builder.let(test, self._builder.here))
        evaluator, mutations = self._evaluator, self._evaluator.mutations
        scope, drawn = evaluator.scope, set(evaluator.drawn)
        made, scopes, touches, draws = [], [], [], set(drawn)
        for path, body in ((test, then), (~test, other)):
            evaluator.scope, evaluator.drawn = dict(scope), set(drawn)
            with self._builder.under(path), mutations.branch() as touched:
                made.append(concat(self._builder, self._pieces(body)))
            contents = {number: cell.content for number, (cell, _) in touched.items()}
            for cell, before in touched.values():
                cell.content = before
            scopes.append((evaluator.scope, contents))
            touches.append((touched, contents))
            draws |= evaluator.drawn
        evaluator.drawn = draws
        evaluator.scope = self._merged(test, scope, *scopes)
        self._merge_cells(test, touches)
        merged = merge(self._builder, test, *made)
        return as_text(merged)

    def _merge_cells(self, test: pl.Expr, touches: list[_Touches]) -> None:
        (then, then_contents), (other, other_contents) = touches
        for number in {**then, **other}:
            cell, before = then.get(number) or other[number]
            contents = (then_contents.get(number, before), other_contents.get(number, before))
            self._evaluator.mutations.write(cell, merge(self._builder, test, *contents))

    def _merged(
        self, test: pl.Expr, before: Scope, *sides: tuple[Scope, dict[int, Value]]
    ) -> Scope:
        """Return the variables after an `if`; a list that a branch made is what the branch left in it."""
        merged = dict(before)
        for name in {name: None for scope, _ in sides for name in scope}:
            values = [
                scope[name] if name in scope else self._outer(before, name) for scope, _ in sides
            ]
            a, b = values
            if a is not b:
                contents = [
                    side.get(id(value), plain(value))
                    for value, (_, side) in zip(values, sides, strict=True)
                ]
                content = merge(self._builder, test, *contents)
                cells = [value for value in values if isinstance(value, Cell)]
                named = any(cell.namespace for cell in cells)
                for cell in cells:
                    cell.held = True
                cell = Cell(content, self._builder.here, named, held=True)
                merged[name] = cell if cells else content
        return merged

    def _outer(self, scope: Scope, name: str) -> Value:
        """Return what a name means where a branch did not set it."""
        self._evaluator.scope = scope
        return self._evaluator.lookup(name)

    def _loop(self, statement: forms.Loop) -> Text:
        source = statement.source
        if isinstance(source, forms.Apply) and source.kind == "call" and source.name == "zip":
            with self._evaluator.storing(mutates(statement.body)):
                lists = [self._evaluator.value(arg) for arg in source.args]
            listed = [sequences.listed(self._builder, value) for value in lists]
            if any(isinstance(of, Column) for of in listed):
                return self._over_columns(
                    statement, [sequences.text_lists(self._builder, of) for of in listed]
                )
        with self._evaluator.storing(mutates(statement.body)):
            value = self._evaluator.value(source)
        return as_text(each(self._builder, value, lambda of: self._over(statement, of)))

    def _over(self, statement: forms.Loop, value: Value) -> Text:
        of = sequences.listed(self._builder, value)
        if isinstance(of, Items):
            return self._unrolled(statement, of)
        if len(statement.names) > 1:
            raise UnsupportedError("a loop that unpacks elements of a column")
        if statement.test is not None:
            of = self._kept(statement, of)
        return self._over_columns(statement, [of])

    def _kept(self, statement: forms.Loop, of: Column) -> Column:
        """Return the elements that the loop's own `if` lets through."""
        scope = self._evaluator.scope

        def test(item: Value) -> bool | pl.Expr:
            self._evaluator.scope = {**scope, statement.names[0]: item}
            with self._evaluator.storing(mutates(statement.body)):
                return self._evaluator.truth(statement.test)  # type: ignore[arg-type]

        kept = sequences.filtered(self._builder, of, test)
        self._evaluator.scope = scope
        if not isinstance(kept, Column):
            raise UnsupportedError("a loop whose test is never true")
        return kept

    def _unrolled(self, statement: forms.Loop, of: Items) -> Text:
        if len(of.items) > _MOST_TURNS:
            raise UnsupportedError("a loop of many turns")
        outer, made = self._evaluator.scope, []
        for i, item in enumerate(of.items):
            turn = Turn(Const(i), Const(len(of.items)))
            if statement.test is not None:
                turn = Turn(None, None)
            self._evaluator.scope = {**outer, "loop": turn}
            self._assign(statement.names, item)
            test = True if statement.test is None else self._evaluator.truth(statement.test)
            made.append(self._either(test, statement.body, ()))
        self._evaluator.scope = outer
        if statement.empty and (statement.test is not None or not of.items):
            if of.items:
                raise UnsupportedError("the else of a filtered loop")
            made += self._pieces(statement.empty)
        return concat(self._builder, made)

    def _over_columns(self, statement: forms.Loop, lists: list[Column]) -> Text:
        """Run the body once, over the frame of all elements."""
        builder, evaluator = self._builder, self._evaluator
        if statement.test is not None and len(lists) > 1:
            raise UnsupportedError("a filtered loop over several lists")
        lists = [builder.keep(of) if of.frame is builder.here else of for of in lists]
        sizes = [builder.of(of).list.len().fill_null(0) for of in lists]
        size = (sizes[0] if len(sizes) == 1 else pl.min_horizontal(sizes)).cast(pl.Int64)
        length = builder.column(size, INT)
        child, items, position = builder.unfold(lists)
        outer = evaluator.scope
        with evaluator.mutations.loop(child):
            with builder.inside(child):
                evaluator.scope = {**outer, "loop": Turn(position, length)}
                whole = Items(tuple(items), mutable=False) if len(items) > 1 else items[0]
                self._assign(statement.names, whole)
                made = concat(builder, self._pieces(statement.body))
                column = None if made == EMPTY else sequences.as_column(builder, made)
            evaluator.scope = outer
        printed: Text = EMPTY
        if column is not None:
            packed = builder.pack(child, [(column, None)], STR)
            printed = builder.column(packed.expr.list.join(""), STR)
        if not statement.empty:
            return printed
        other = concat(builder, self._pieces(statement.empty))
        merged = merge(builder, builder.of(length) > 0, printed, other)
        return as_text(merged)
