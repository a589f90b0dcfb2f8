"""Which Jinja a prompt may hold: an allow-list over the parsed tree, and limits on its size.

A template comes from strangers. What is not on these lists is refused before anything is compiled
or run: macros, blocks, includes, powers, underscored attributes, every filter and method that no
prompt of
the public pool needs. The lists are a belt; the boundary is the process of `sandbox`.
"""

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes

from pipeline.errors import ConfigError

MAX_SOURCE = 32_768
MAX_DEPTH = 60
MAX_NODES = 4_000

FILTERS = frozenset(
    {
        "abs", "capitalize", "choice", "count", "d", "default", "first", "float", "format",
        "int", "join", "last", "length", "list", "lower", "map", "max", "min", "most_frequent",
        "random", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr",
        "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper", "wordcount",
    }
)  # fmt: skip
METHODS = frozenset(
    {
        "append", "capitalize", "count", "endswith", "find", "get", "index", "items", "join",
        "keys", "lower", "lstrip", "pop", "replace", "rstrip", "split", "splitlines",
        "startswith", "strip", "title", "update", "upper", "values",
    }
)  # fmt: skip
MUTATING = frozenset({"append", "pop", "update"})
"""Methods that change the value they are called on, be it the row's own."""
CALLS = frozenset({"range", "zip", "namespace", "dict"})
TESTS = frozenset(
    {
        "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto",
        "even", "false", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le",
        "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas",
        "sequence", "string", "true", "undefined", "upper",
    }
)  # fmt: skip
DRAWING = frozenset({"choice", "random"})
"""Filters that draw one element at random."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = (
    nodes.Template, nodes.Output, nodes.Name, nodes.Getitem, nodes.Slice,
    nodes.If, nodes.For, nodes.Assign, nodes.NSRef, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Keyword, nodes.Compare, nodes.Operand, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not,
    nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Concat,
)  # fmt: skip


def parse(source: str, *, where: str) -> nodes.Template:
    """Parse and check a template; nothing of it is run.

    Args:
        source: Jinja source.
        where: The prompt to name in errors.

    Raises:
        ConfigError: It is no Jinja, holds what is not allowed, or is too large.
    """
    if len(source) > MAX_SOURCE:
        raise ConfigError(
            f"the template has {len(source):,} characters",
            where=where,
            expected=f"at most {MAX_SOURCE:,}",
        )
    try:
        tree = Environment().parse(source)  # noqa: S701 - texts for models, not for browsers
        _check(tree, where)
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"not Jinja: {error.message}", where=f"{where}, line {error.lineno}"
        ) from None
    except RecursionError:
        raise ConfigError("the template is nested too deeply", where=where) from None
    return tree


def drawing_sites(tree: nodes.Template) -> list[nodes.Filter]:
    """Return the places that draw at random; a place's index is its `site`."""
    return [node for node in tree.find_all(nodes.Filter) if node.name in DRAWING]


def fields(tree: nodes.Node) -> set[str]:
    """Return every name that is read: fields, functions, and variables that the template sets."""
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}


def bound(tree: nodes.Node) -> set[str]:
    """Return the names that a template sets, in assignments and loops."""
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}


def _check(tree: nodes.Template, where: str) -> None:
    for count, (node, depth) in enumerate(_walk(tree)):
        complaint = _complaint(node)
        if depth > MAX_DEPTH:
            complaint = f"is nested more than {MAX_DEPTH} deep"
        elif count >= MAX_NODES:
            complaint = f"has more than {MAX_NODES:,} parts"
        if complaint:
            raise ConfigError(
                f"the template {complaint}",
                where=f"{where}, line {node.lineno}",
                expected="the constructs that docs/prompts.md lists",
            )


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    stack: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in node.iter_child_nodes())


def _complaint(node: nodes.Node) -> str:
    """Return what is wrong with one node itself; empty where nothing is."""
    if isinstance(node, nodes.Call):
        return _call_complaint(node)
    if isinstance(node, nodes.Filter):
        return _unlisted(node, "filter", FILTERS)
    if isinstance(node, nodes.Test):
        return _unlisted(node, "test", TESTS)
    if isinstance(node, nodes.Getattr):
        return f"asks for the attribute '{node.attr}'" if node.attr.startswith("_") else ""
    if isinstance(node, nodes.Const | nodes.TemplateData):
        text = node.data if isinstance(node, nodes.TemplateData) else str(node.value)
        return "holds half a character" if _SURROGATE.search(text) else ""
    if not isinstance(node, _PLAIN):
        return f"holds a {type(node).__name__}, which is not allowed"
    return _plain_complaint(node)


def _unlisted(node: nodes.Filter | nodes.Test, kind: str, known: frozenset[str]) -> str:
    if node.name not in known:
        return f"uses the {kind} '{node.name}', which is not allowed"
    if isinstance(node, nodes.Filter) and node.node is None:
        return "holds a filter block, which is not allowed"
    return _spread_complaint(node)


def _spread_complaint(node: nodes.Call | nodes.Filter | nodes.Test) -> str:
    return "spreads arguments with * or **" if node.dyn_args or node.dyn_kwargs else ""


def _call_complaint(node: nodes.Call) -> str:
    called = node.node
    if isinstance(called, nodes.Getattr):
        if called.attr not in METHODS:
            return f"calls the method '{called.attr}', which is not allowed"
    elif not (isinstance(called, nodes.Name) and called.name in CALLS):
        name = called.name if isinstance(called, nodes.Name) else "a computed value"
        return f"calls '{name}', which is not allowed"
    return _spread_complaint(node)


def _plain_complaint(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name) and node.name.startswith("__"):
        return f"uses the name '{node.name}'"
    if isinstance(node, nodes.For | nodes.Assign) and not _flat(node.target):
        return "unpacks into something other than names"
    if isinstance(node, nodes.For) and node.recursive:
        return "holds a recursive loop"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
        return f"asks for the item '{key}'" if str(key).startswith("__") else ""
    return ""


def _flat(target: nodes.Node) -> bool:
    """Whether a target is a name, an attribute of a namespace, or a tuple of names."""
    if isinstance(target, nodes.Tuple):
        return all(isinstance(item, nodes.Name) for item in target.items)
    return isinstance(target, nodes.Name | nodes.NSRef)
