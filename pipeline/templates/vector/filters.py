"""Jinja's filters over values, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.templates.vector import lists, numbers, strings
from pipeline.templates.vector.access import get
from pipeline.templates.vector.basics import Truth, merge, negated, python, text, truth
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import tested
from pipeline.templates.vector.values import (
    EMPTY,
    Column,
    Const,
    Missing,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a filter was given beside the value; Python's rules of position and name."""

    args: tuple[Value, ...]
    named: dict[str, Value]

    def get(self, index: int, name: str, default: Value) -> Value:
        """Return an argument by position or by name."""
        return self.args[index] if index < len(self.args) else self.named.get(name, default)

    def constant(self, index: int, name: str, default: object) -> object:
        """Return an argument that must be constant, as Python's own."""
        return python(self.get(index, name, Const(default)))

    def only(self, *names: str) -> None:
        """Refuse arguments that a filter has no meaning for here."""
        if len(self.args) > len(names) or self.named.keys() - set(names):
            raise UnsupportedError("an argument that is not known")


Filter = Callable[[Builder, Value, Arguments], Value]


def _bare(function: Callable[[Builder, Value], Value]) -> Filter:
    """Return a filter that takes no arguments."""

    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        args.only()
        return function(builder, value)

    return run


def _cased(name: str) -> Filter:
    return _bare(lambda builder, value: strings.cased(builder, name, text(builder, value)))


def _trim(builder: Builder, value: Value, args: Arguments) -> Value:
    args.only("chars")
    characters = args.constant(0, "chars", None)
    if characters is not None and not isinstance(characters, str):
        raise UnsupportedError("trim by something other than a text")
    return strings.stripped(builder, "strip", text(builder, value), characters)


def _replace(builder: Builder, value: Value, args: Arguments) -> Value:
    args.only("old", "new")
    old, new = (text(builder, args.get(i, name, EMPTY)) for i, name in enumerate(("old", "new")))
    return strings.replaced(builder, text(builder, value), old, new)


def _default(builder: Builder, value: Value, args: Arguments) -> Value:
    fallback = args.get(0, "default_value", EMPTY)
    if isinstance(value, Missing):
        return fallback
    if args.constant(1, "boolean", False):
        kept = truth(builder, value)
    elif isinstance(value, Column) and value.missing and value.shape.null:
        kept = builder.of(value).is_not_null()
    else:
        return value
    if isinstance(value, Column):  # where it will be used, it is not null
        value = Column(value.expr, value.shape.certain, value.frame)
    return merge(builder, kept, value, fallback)


def _join(builder: Builder, value: Value, args: Arguments) -> Value:
    args.only("d", "attribute")
    path = args.constant(1, "attribute", None)
    if path is not None:
        value = lists.mapped(builder, value, lambda item: _attribute(builder, item, path))
    return lists.joined(builder, value, args.get(0, "d", EMPTY))


def _map(builder: Builder, value: Value, args: Arguments) -> Value:
    if not args.args and "attribute" in args.named:
        args.only("attribute")
        path = python(args.named["attribute"])
        return Stream(lists.mapped(builder, value, lambda v: _attribute(builder, v, path)))
    name, inner = str(args.constant(0, "", None)), Arguments(args.args[1:], args.named)
    return Stream(lists.mapped(builder, value, lambda v: apply(builder, name, v, inner)))


def _attribute(builder: Builder, value: Value, path: object) -> Value:
    """Return what `map(attribute=path)` takes from one element."""
    for part in str(path).split("."):
        value = get(builder, value, Const(int(part) if part.isdigit() else part), dotted=False)
    return value


def _select(keep: bool, by_attribute: bool) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        given = list(args.args)
        if by_attribute and not given:
            raise UnsupportedError("a selection by no attribute")
        path = str(python(given.pop(0))) if by_attribute else None

        def test(item: Value) -> Truth:
            item = item if path is None else _attribute(builder, item, path)
            if given:
                held = tested(builder, str(python(given[0])), item, given[1:])
            else:
                held = truth(builder, item)
            return held if keep else negated(held)

        return Stream(lists.filtered(builder, value, test))

    return run


def _unique(builder: Builder, value: Value, args: Arguments) -> Value:
    args.only()

    def key(item: Column) -> Value:
        builder.guard_null(item)
        return strings.cased(builder, "lower", item) if item.kind == "str" else item

    return Stream(lists.distinct(builder, value, key))


def _round(builder: Builder, value: Value, args: Arguments) -> Value:
    precision, method = args.constant(0, "precision", 0), args.constant(1, "method", "common")
    return numbers.rounded(builder, value, precision, method)


def _number(name: str) -> Filter:
    def run(builder: Builder, value: Value, args: Arguments) -> Value:
        args.only("default")
        default = args.constant(0, "default", 0 if name == "int" else 0.0)
        return numbers.converted(builder, name, value, default)

    return run


_FILTERS: dict[str, Filter] = {
    "capitalize": _cased("capitalize"), "lower": _cased("lower"), "upper": _cased("upper"),
    "default": _default, "d": _default, "trim": _trim, "replace": _replace,
    "float": _number("float"), "int": _number("int"), "round": _round,
    "first": _bare(lambda builder, value: lists.element(builder, value, 0)),
    "last": _bare(lambda builder, value: lists.element(builder, value, -1)),
    "join": _join, "list": _bare(lists.listed),
    "length": _bare(lists.length),
    "count": _bare(lists.length),
    "most_frequent": _bare(lists.most_frequent),
    "map": _map, "reject": _select(False, False), "rejectattr": _select(False, True),
    "select": _select(True, False), "selectattr": _select(True, True), "unique": _unique,
    "string": _bare(text),
}  # fmt: skip


def apply(builder: Builder, name: str, value: Value, args: Arguments) -> Value:
    """Return `value | name(args)`.

    Raises:
        UnsupportedError: The filter, or it on such a value, has no program.
    """
    function = _FILTERS.get(name)
    if function is None:
        raise UnsupportedError(f"the filter '{name}'")
    return function(builder, value, args)
