"""Jinja's filters over values, by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from pipeline.templates.vector import distinct, sequences, strings
from pipeline.templates.vector.basics import (
    concat,
    each,
    merge,
    negated,
    plain,
    python,
    text,
    truth,
)
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import kind_of
from pipeline.templates.vector.predicates import tested
from pipeline.templates.vector.shapes import INT
from pipeline.templates.vector.values import (
    EMPTY,
    NONE,
    Column,
    Const,
    Items,
    Missing,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

Truth = bool | pl.Expr


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a filter was given beside the value; Python's rules of position and name."""

    args: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()

    def get(self, index: int, name: str, default: Value) -> Value:
        """Return an argument by position or by name."""
        if index < len(self.args):
            return plain(self.args[index])
        return plain(dict(self.named).get(name, default))

    def at_most(self, count: int, *names: str) -> None:
        """Refuse arguments that a filter has no meaning for here."""
        if len(self.args) > count or {name for name, _ in self.named} - set(names):
            raise UnsupportedError("an argument that is not known")


Filter = Callable[[Builder, Value, Arguments], Value]


def _text_filter(name: str) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        return strings.cased(builder, name, text(builder, value))

    return run


def _trim(builder: Builder, value: Value, args: Arguments) -> Value:
    characters = python(args.get(0, "chars", NONE))
    if characters is not None and not isinstance(characters, str):
        raise UnsupportedError("trim by something other than a text")
    return strings.stripped(builder, "strip", text(builder, value), characters)


def _replace(builder: Builder, value: Value, args: Arguments) -> Value:
    args.at_most(2, "old", "new")
    old, new = (text(builder, args.get(i, name, EMPTY)) for i, name in enumerate(("old", "new")))
    return strings.replaced(builder, text(builder, value), old, new)


def _default(builder: Builder, value: Value, args: Arguments) -> Value:
    fallback, falsy = (
        args.get(0, "default_value", EMPTY),
        python(args.get(1, "boolean", Const(False))),
    )

    def one(side: Value) -> Value:
        if isinstance(side, Missing):
            return fallback
        if falsy:
            kept = truth(builder, side)
        elif isinstance(side, Column) and side.missing and side.shape.null:
            kept = builder.of(side).is_not_null()
        else:
            return side
        if isinstance(kept, bool):
            return side if kept else fallback
        return merge(builder, kept, _certain(builder, side), fallback)

    return each(builder, value, one)


def _certain(builder: Builder, value: Value) -> Value:
    """Return a column that is not null where it will be used."""
    if isinstance(value, Column):
        return Column(value.expr, replace(value.shape, null=False), value.frame)
    return value


def _join(builder: Builder, value: Value, args: Arguments) -> Value:
    args.at_most(2, "d", "attribute")
    path = python(args.get(1, "attribute", NONE))
    if isinstance(path, str):
        value = sequences.mapped(builder, value, lambda v: sequences.attribute(builder, v, path))
    elif path is not None:
        raise UnsupportedError("a join by a numbered attribute")
    return sequences.joined(builder, value, args.get(0, "d", EMPTY))


def _list(builder: Builder, value: Value, args: Arguments) -> Value:
    return each(builder, value, lambda side: sequences.listed(builder, side))


def _map(builder: Builder, value: Value, args: Arguments) -> Value:
    named = dict(args.named)
    if "attribute" in named:
        path, rest = python(named["attribute"]), set(named) - {"attribute"}
        if rest or not isinstance(path, str):
            raise UnsupportedError("map by an attribute with a default")
        taken = sequences.mapped(builder, value, lambda v: sequences.attribute(builder, v, path))
        return Stream(taken)
    name = str(python(args.get(0, "", NONE)))
    inner = Arguments(args.args[1:], args.named)
    return Stream(sequences.mapped(builder, value, lambda v: apply(builder, name, v, inner)))


def _select(keep: bool, by_attribute: bool) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        given = list(args.args)
        path = str(python(given.pop(0))) if by_attribute else ""

        def test(item: Value) -> Truth:
            if path:
                item = sequences.attribute(builder, item, path)
            held = (
                tested(builder, str(python(given[0])), item, given[1:])
                if given
                else truth(builder, item)
            )
            return held if keep else negated(held)

        return Stream(sequences.filtered(builder, value, test))

    return run


def _unique(builder: Builder, value: Value, args: Arguments) -> Value:
    args.at_most(1, "case_sensitive")
    exact = python(args.get(0, "case_sensitive", Const(False)))

    def key(item: Value) -> Value:
        if exact or kind_of(item) != "str" or not isinstance(item, Const | Column):
            return item
        if isinstance(item, Column) and item.shape.null:
            return builder.column(strings.lowered(builder.of(item)), item.shape)
        return strings.cased(builder, "lower", item)

    return Stream(distinct.distinct(builder, value, key))


def _sort(builder: Builder, value: Value, args: Arguments) -> Value:
    args.at_most(1, "reverse")
    backwards = bool(python(args.get(0, "reverse", Const(False))))

    def one(side: Value) -> Value:
        of = sequences.listed(builder, side)
        if not isinstance(of, Column) or of.shape.inner is None or of.shape.inner.kind != "int":
            raise UnsupportedError("sorting of something other than integers")
        if of.shape.inner.null:
            builder.guard(builder.of(of).list.eval(pl.element().is_null()).list.any())
        return builder.column(builder.of(of).list.sort(descending=backwards), of.shape)

    return each(builder, value, one)


def _extreme(name: str) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        args.at_most(0)
        of = sequences.listed(builder, value)
        if not isinstance(of, Items) or {kind_of(item) for item in of.items} != {"int"}:
            raise UnsupportedError(f"the {name} of such elements")
        if all(isinstance(item, Const) for item in of.items):
            return Const((min if name == "min" else max)(python(item) for item in of.items))  # type: ignore[type-var]
        columns = [sequences.as_column(builder, item) for item in of.items]
        for column in columns:
            if column.shape.null:
                builder.guard(column.expr.is_null())
        function = pl.min_horizontal if name == "min" else pl.max_horizontal
        return builder.column(function([column.expr for column in columns]), INT)

    return run


def _abs(builder: Builder, value: Value, args: Arguments) -> Value:
    if isinstance(value, Const) and isinstance(value.value, int | float):
        return Const(abs(value.value))
    if not isinstance(value, Column) or value.kind not in ("int", "float"):
        raise UnsupportedError("abs of no number")
    if value.shape.null:
        builder.guard_null(value)
    return builder.column(builder.of(value).abs(), value.shape)


def _round(builder: Builder, value: Value, args: Arguments) -> Value:
    precision = python(args.get(0, "precision", Const(0)))
    method = str(python(args.get(1, "method", Const("common"))))
    if not isinstance(precision, int):
        raise UnsupportedError("a computed precision")
    return strings.rounded(builder, value, precision, method)


def _number(name: str) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        args.at_most(1, "default")
        if isinstance(value, Missing):
            raise UnsupportedError("a number from an undefined value")
        return strings.number(
            builder, name, value, python(args.get(0, "default", Const(0 if name == "int" else 0.0)))
        )

    return run


def _truncate(builder: Builder, value: Value, args: Arguments) -> Value:
    """Leave short texts alone; long ones go to Jinja."""
    args.at_most(1, "length")
    most = python(args.get(0, "length", Const(255)))
    if kind_of(value) != "str" or not isinstance(most, int):
        raise UnsupportedError("truncation of such a value")
    if isinstance(value, Column):
        builder.guard(builder.of(value).str.len_chars() > most + 5)
    elif len(str(python(value))) > most + 5:
        raise UnsupportedError("truncation of a constant")
    return value


def _format(builder: Builder, value: Value, args: Arguments) -> Value:
    pattern = python(value)
    if not isinstance(pattern, str) or args.named or "%" in pattern.replace("%s", ""):
        raise UnsupportedError("a format with more than %s")
    parts = pattern.split("%s")
    if len(parts) != len(args.args) + 1:
        builder.refuse("a format with too many or too few values")
        return EMPTY
    pieces: list[Const | Column] = [Const(parts[0])]
    for argument, part in zip(args.args, parts[1:], strict=True):
        pieces += [text(builder, argument), Const(part)]
    return concat(builder, pieces)


def _first(index: int) -> Filter:
    return lambda builder, value, args: sequences.element(builder, value, index)


_FILTERS: dict[str, Filter] = {
    "abs": _abs, "capitalize": _text_filter("capitalize"), "default": _default, "first": _first(0),
    "last": _first(-1), "float": _number("float"), "int": _number("int"), "join": _join,
    "length": lambda builder, value, args: sequences.length(builder, value), "list": _list,
    "lower": _text_filter("lower"), "upper": _text_filter("upper"), "map": _map, "max": _extreme("max"),
    "min": _extreme("min"),
    "most_frequent": lambda builder, value, args: distinct.most_frequent(builder, value),
    "reject": _select(False, False), "rejectattr": _select(False, True), "replace": _replace,
    "round": _round, "select": _select(True, False), "selectattr": _select(True, True), "sort": _sort,
    "string": lambda builder, value, args: text(builder, value), "trim": _trim, "truncate": _truncate,
    "unique": _unique, "format": _format,
}  # fmt: skip

_WHOLE = frozenset({"default", "list", "map", "select", "reject", "selectattr", "rejectattr", "unique",
                    "sort", "join", "most_frequent"})  # fmt: skip
"""Filters that go through both sides of an `Either` themselves."""


def apply(builder: Builder, name: str, value: Value, args: Arguments) -> Value:
    """Return `value | name(args)`.

    Raises:
        UnsupportedError: The filter, or it on such a value, has no program.
    """
    function = _FILTERS.get(name)
    if function is None:
        raise UnsupportedError(f"the filter '{name}'")
    if name in _WHOLE:
        return function(builder, plain(value), args)
    return each(builder, value, lambda side: function(builder, side, args))
