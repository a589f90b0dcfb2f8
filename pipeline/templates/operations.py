"""What generated Python calls: Jinja's access, filters and functions on plain data, each on a budget.

Whatever is not plain (a method without a call, a value of an unknown type) raises `UnsureError`, and
the row goes to the row renderer.
"""

import operator
from collections.abc import Callable, Iterable, Sized
from functools import partial
from typing import Any

from jinja2 import Undefined
from jinja2.nodes import EvalContext
from jinja2.runtime import LoopContext
from jinja2.utils import Namespace, _PassArg

from pipeline.templates.environment import MAX_TEXT, GuardedEnvironment
from pipeline.templates.syntax import FILTERS, METHODS, TESTS

_ATTRIBUTES = {
    kind: frozenset(dir(kind)) for kind in (str, int, float, bool, list, dict, tuple, type(None))
}
_LONGEST_RANGE = 10_000
_MOST_PARTS = 20_000


class UnsureError(Exception):
    """A value or an operation that only Jinja itself should judge."""


UNDEFINED = Undefined()


def attribute(of: Any, name: str) -> Any:
    """Return `of.name`: a method of that name hides a field."""
    if type(of) is dict:
        if name in _ATTRIBUTES[dict]:
            raise UnsureError(name)
        return of.get(name, UNDEFINED)
    if isinstance(of, LoopContext):
        if name.startswith("_"):
            raise UnsureError(name)
        return getattr(of, name)
    if isinstance(of, Namespace):
        return _names(of)[name] if name in _names(of) else _unsure(name)
    if type(of) not in _ATTRIBUTES or name in _ATTRIBUTES[type(of)]:
        raise UnsureError(name)
    return UNDEFINED


def _names(of: Namespace) -> dict[str, Any]:
    found: dict[str, Any] = object.__getattribute__(of, "_Namespace__attrs")
    return found


def _unsure(name: str) -> Any:
    raise UnsureError(name)


def item(of: Any, key: Any) -> Any:
    """Return `of[key]`; undefined where there is none."""
    if type(of) not in _ATTRIBUTES and type(of) is not range:
        if isinstance(of, Namespace):
            return attribute(of, key)
        raise UnsureError("an item of an unknown type")
    try:
        return of[key]
    except (TypeError, LookupError):
        if isinstance(key, str) and hasattr(of, key):
            raise UnsureError(key) from None
        return UNDEFINED


def add(left: Any, right: Any) -> Any:
    """Return `left + right`, unless it gets too long."""
    made = left + right
    if isinstance(made, Sized) and len(made) > MAX_TEXT:
        raise UnsureError("a long sum")
    return made


def multiply(left: Any, right: Any) -> Any:
    """Return the product of two numbers of moderate size."""
    for value in (left, right):
        if not isinstance(value, int | float) or abs(value) > 2**62:
            raise UnsureError("a product")
    return left * right


def modulo(left: Any, right: Any) -> Any:
    """Return the remainder of two numbers; a text on the left would be formatting."""
    if isinstance(left, str):
        raise UnsureError("a format")
    return left % right


def show(value: Any) -> str:
    """Return what `{{ value }}` prints."""
    return value if type(value) is str else str(bounded(value))


def bounded(value: Any) -> Any:
    """Return a value that is not too large; lists within lists can be small and print endlessly."""
    left = _MOST_PARTS
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, list | tuple | dict):
            left -= len(part)
            if left < 0:
                raise UnsureError("a value of many parts")
            stack.extend(part.values() if isinstance(part, dict) else part)
    return value


def joined(items: list[Any]) -> str:
    """Return the texts of items, one after the other."""
    made = "".join(map(show, items))
    if len(made) > MAX_TEXT:
        raise UnsureError("a long text")
    return made


def assign(owner: Any, name: str, value: Any) -> None:
    """Set an attribute of a namespace."""
    if not isinstance(owner, Namespace):
        raise UnsureError("an attribute set on no namespace")
    owner[name] = value


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    if attribute is not None or isinstance(value, dict):
        raise UnsureError("a join by attribute")
    made = str(d).join(map(show, value))
    if len(made) > MAX_TEXT:
        raise UnsureError("a long text")
    return made


def _replace(value: Any, old: Any, new: Any) -> str:
    text, gone, put = str(value), str(old), str(new)
    if len(put) > len(gone) and len(text) + text.count(gone) * len(put) > MAX_TEXT:
        raise UnsureError("a long text")
    return text.replace(gone, put)


_PLAIN: dict[str, Callable[..., Any]] = {
    "join": _join, "length": len, "string": show, "lower": lambda value: str(value).lower(),
    "upper": lambda value: str(value).upper(), "capitalize": lambda value: str(value).capitalize(),
    "trim": lambda value, chars=None: str(value).strip(chars),
    "replace": lambda value, old, new: _replace(value, old, new),
}  # fmt: skip

_OWNERS: dict[type, frozenset[str]] = {
    str: METHODS - {"title", "format"},
    list: frozenset({"append", "count", "index", "pop"}),
    dict: frozenset({"get", "items", "keys", "pop", "update", "values"}),
}


class Operations:
    """The names that generated code sees.

    Args:
        environment: Whose filters, tests and budget are used.
    """

    def __init__(self, environment: GuardedEnvironment) -> None:
        self.budget = environment.budget
        self._environment = environment
        context = environment.from_string("").new_context({})
        leading = {
            _PassArg.context: context,
            _PassArg.eval_context: EvalContext(environment),
            _PassArg.environment: environment,
        }

        def bound(function: Callable[..., Any]) -> Callable[..., Any]:
            passed = _PassArg.from_obj(function)
            return function if passed is None else partial(function, leading[passed])

        known: dict[str, Any] = environment.filters
        tests: dict[str, Any] = environment.tests
        filters = {name: bound(known[name]) for name in FILTERS if name in known}
        self.names: dict[str, Any] = {
            "attribute": attribute, "item": item, "add": add, "multiply": multiply, "modulo": modulo,
            "joined": joined, "assign": assign, "show": show, "bounded": bounded,
            "undefined": UNDEFINED, "true": True, "false": False,
            "enter": self._enter, "turns": lambda items: LoopContext(items, Undefined),
            "method": self._method, "filters": filters | _PLAIN,
            "tests": {name: bound(tests[name]) for name in TESTS},
            "functions": {"range": _range, "zip": zip, "namespace": Namespace, "dict": dict},
        }  # fmt: skip

    def _enter(self, items: Iterable[Any]) -> Iterable[Any]:
        """Charge a loop for its turns before the first."""
        entered = items if isinstance(items, Sized) else list(items)
        self.budget.spend(1 + len(entered))
        return entered

    def _method(self, name: str, owner: Any, *args: Any, **named: Any) -> Any:
        """Call a listed method of a text, list or dictionary."""
        if name not in _OWNERS.get(type(owner), ()):
            raise UnsureError(name)
        self.budget.spend(1)
        bounded(args)
        if type(owner) is str and name == "replace":
            return _replace(owner, *map(_text, args))
        if type(owner) is str and name == "join":
            return _join([_text(part) for part in args[0]], owner)
        return operator.methodcaller(name, *args, **named)(owner)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise UnsureError("a method's argument that is no text")
    return value


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _LONGEST_RANGE:
        raise UnsureError("a long range")
    return numbers
