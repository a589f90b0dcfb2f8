"""Methods of texts, lists and dictionaries."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from pipeline.templates.vector import sequences, strings
from pipeline.templates.vector.basics import as_value, each, plain, python
from pipeline.templates.vector.builder import Builder, loaded
from pipeline.templates.vector.compare import as_expr, compare, kind_of
from pipeline.templates.vector.shapes import INT, Shape
from pipeline.templates.vector.values import (
    NONE,
    Column,
    Const,
    Items,
    Record,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

Text = Const | Column


def call(builder: Builder, name: str, owner: Value, args: list[Value]) -> Value:
    """Return `owner.name(args)`, for methods that change nothing."""
    return each(builder, owner, lambda value: _call(builder, name, value, [plain(a) for a in args]))


def _call(builder: Builder, name: str, owner: Value, args: list[Value]) -> Value:
    kind = kind_of(owner)
    if kind in ("missing", "none"):
        builder.refuse("a method of nothing")
        return Const("")
    if isinstance(owner, Column) and owner.shape.null:
        builder.guard_null(owner)
        owner = loaded(builder.of(owner), _certain(owner), builder.here)
    function: Callable[..., Value] | None = _METHODS.get((kind, name))
    if function is None:
        raise UnsupportedError(f"the method '{name}' of a {kind}")
    return function(builder, owner, name, args)


def _certain(column: Column) -> Shape:
    return replace(column.shape, null=False)


def _texts(builder: Builder, args: list[Value]) -> list[Text]:
    """Return arguments that must be texts."""
    out: list[Text] = []
    for value in args:
        if kind_of(value) != "str" or not isinstance(value, Const | Column):
            raise UnsupportedError("a method's argument that is no text")
        if isinstance(value, Column) and value.shape.null:
            builder.guard_null(value)
            value = builder.column(builder.of(value).fill_null(""), _certain(value))
        out.append(value)
    return out


def _cased(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    return strings.cased(builder, name, owner)


def _stripped(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    characters = python(args[0]) if args else None
    if characters is not None and not isinstance(characters, str):
        raise UnsupportedError("strip by something other than a text")
    return strings.stripped(builder, name, owner, characters)


def _replaced(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    if len(args) != 2:
        raise UnsupportedError("a replacement with a limit")
    return strings.replaced(builder, owner, *_texts(builder, args))


def _split(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    if len(args) > 1:
        raise UnsupportedError("a split with a limit")
    if not args or args[0] == NONE:
        return strings.split(builder, owner, None)
    return strings.split(builder, owner, _texts(builder, args)[0])


def _tested(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    return as_value(builder, strings.tested(builder, name, owner, _texts(builder, args)[0]))


def _found(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    if len(args) != 1:
        raise UnsupportedError("a search from a position")
    return strings.found(builder, name, owner, _texts(builder, args)[0])


def _joined(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    """Join as Python does: an element that is no text fails."""

    def one(side: Value) -> Value:
        of = sequences.listed(builder, side)
        kinds = {kind_of(item) for item in of.items} if isinstance(of, Items) else set()
        inner = of.shape.inner if isinstance(of, Column) else None
        if kinds - {"str"} or (inner is not None and inner.kind != "str"):
            raise UnsupportedError("a join of elements that are no texts")
        if inner is not None and inner.null and isinstance(of, Column):
            builder.guard(
                builder.of(of).list.eval(pl.element().is_null()).list.any().fill_null(False)
            )
        elif isinstance(of, Items):
            of = Items(tuple(_texts(builder, list(of.items))))
        return sequences.joined(builder, of, owner)

    return each(builder, args[0], one)


def _list_index(builder: Builder, owner: Value, name: str, args: list[Value]) -> Value:
    wanted = args[0]
    if isinstance(owner, Items):
        return _items_index(builder, owner, wanted)
    if not isinstance(owner, Column):
        raise UnsupportedError("an index of such a list")
    child, items, position = builder.unfold([owner])
    with builder.inside(child):
        found = compare(builder, "eq", items[0], wanted)
    at = builder.pack(child, [(position, as_expr(found))], INT)
    made = builder.keep(builder.column(builder.of(at).list.get(0, null_on_oob=True), INT))
    builder.guard(made.expr.is_null())
    return made


def _items_index(builder: Builder, owner: Items, wanted: Value) -> Value:
    tests = [compare(builder, "eq", item, wanted) for item in owner.items]
    for i, test in enumerate(tests):
        if test is True:
            return Const(i)
        if isinstance(test, pl.Expr):
            break
    else:
        builder.refuse("the index of what is not there")
        return Const(0)
    made = pl.coalesce([pl.when(as_expr(test)).then(i) for i, test in enumerate(tests)])
    kept = builder.keep(builder.column(made.cast(pl.Int64), INT))
    builder.guard(kept.expr.is_null())
    return kept


def _keys(builder: Builder, owner: Value, name: str, args: list[Value]) -> Value:
    if not isinstance(owner, Record):
        raise UnsupportedError(f"the {name} of a record")
    made: dict[str, list[Value]] = {
        "keys": [Const(key) for key, _ in owner.pairs],
        "values": [value for _, value in owner.pairs],
        "items": [Items((Const(key), value), mutable=False) for key, value in owner.pairs],
    }
    return Stream(Items(tuple(made[name])))


_METHODS: dict[tuple[str, str], Callable[..., Value]] = {
    **{("str", name): _cased for name in ("lower", "upper", "capitalize")},
    **{("str", name): _stripped for name in ("strip", "lstrip", "rstrip")},
    **{("str", name): _tested for name in ("startswith", "endswith")},
    **{("str", name): _found for name in ("index", "find", "count")},
    ("str", "replace"): _replaced, ("str", "split"): _split, ("str", "join"): _joined,
    ("list", "index"): _list_index,
    **{("record", name): _keys for name in ("keys", "values", "items")},
}  # fmt: skip
