"""From Jinja's tree to the intermediate form of `forms`. Total over what `syntax` allows."""

from collections.abc import Callable
from typing import Any, cast

from jinja2 import nodes

from pipeline.templates import forms
from pipeline.templates.syntax import DRAWING, parse

_BINARY: dict[type[nodes.Node], str] = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//",
    nodes.Mod: "%", nodes.And: "and", nodes.Or: "or",
}  # fmt: skip
_UNARY: dict[type[nodes.Node], str] = {nodes.Not: "not", nodes.Neg: "-", nodes.Pos: "+"}
_SYNONYMS = {"d": "default", "count": "length"}


def lower(source: str, *, where: str) -> forms.Body:
    """Parse a template, check it and return its form.

    Raises:
        ConfigError: See `syntax.parse`.
    """
    tree = parse(source, where=where)
    return _Lowering(tree).body(tree.body)


def drawing_sites(tree: nodes.Template) -> list[nodes.Filter]:
    """Return the places that draw at random; a place's index is its `site`."""
    return [node for node in tree.find_all(nodes.Filter) if node.name in DRAWING]


class _Lowering:
    """One pass over a tree; holds the numbers of the places that draw."""

    def __init__(self, tree: nodes.Template) -> None:
        self._sites = {id(node): i for i, node in enumerate(drawing_sites(tree))}
        self._expressions: dict[type[nodes.Node], Callable[[Any], forms.Expression]] = {
            nodes.Const: lambda node: forms.Literal(node.value),
            nodes.TemplateData: lambda node: forms.Literal(node.data),
            nodes.Name: lambda node: forms.Name(node.name),
            nodes.Getattr: self._getattr,
            nodes.Getitem: self._getitem,
            nodes.Compare: self._compare,
            nodes.CondExpr: self._choose,
            nodes.Filter: self._filter,
            nodes.Test: self._filter,
            nodes.Call: self._call,
            nodes.List: lambda node: forms.Sequence(self._all(node.items), mutable=True),
            nodes.Tuple: lambda node: forms.Sequence(self._all(node.items), mutable=False),
            nodes.Dict: self._mapping,
            nodes.Concat: lambda node: forms.Joined(self._all(node.nodes)),
        }

    def body(self, statements: list[nodes.Node]) -> forms.Body:
        """Lower statements; neighbouring literal texts become one."""
        out: list[forms.Statement] = []
        for node in statements:
            for statement in self._statement(node):
                last = out[-1] if out else None
                if isinstance(statement, forms.Text) and isinstance(last, forms.Text):
                    out[-1] = forms.Text(last.text + statement.text)
                else:
                    out.append(statement)
        return tuple(out)

    def _statement(self, node: nodes.Node) -> list[forms.Statement]:
        if isinstance(node, nodes.Output):
            return [
                forms.Text(part.data)
                if isinstance(part, nodes.TemplateData)
                else forms.Out(self._expression(part))
                for part in node.nodes
            ]
        if isinstance(node, nodes.If):
            return [self._branch(node)]
        if isinstance(node, nodes.For):
            return [self._loop(node)]
        return [self._assign(cast(nodes.Assign, node))]

    def _branch(self, node: nodes.If) -> forms.Branch:
        other = self.body(node.else_)
        for branch in reversed(node.elif_):
            other = (forms.Branch(self._expression(branch.test), self.body(branch.body), other),)
        return forms.Branch(self._expression(node.test), self.body(node.body), other)

    def _loop(self, node: nodes.For) -> forms.Loop:
        test = self._expression(node.test) if node.test is not None else None
        return forms.Loop(
            _names(node.target), self._expression(node.iter), test, self.body(node.body),
            self.body(node.else_),
        )  # fmt: skip

    def _assign(self, node: nodes.Assign) -> forms.Statement:
        value = self._expression(node.node)
        if isinstance(node.target, nodes.NSRef):
            return forms.AssignIn(node.target.name, node.target.attr, value)
        return forms.Assign(_names(node.target), value)

    def _expression(self, node: nodes.Node) -> forms.Expression:
        kind = type(node)
        if kind in _BINARY:
            binary = cast(nodes.BinExpr, node)
            return forms.Binary(
                _BINARY[kind], self._expression(binary.left), self._expression(binary.right)
            )
        if kind in _UNARY:
            return forms.Unary(_UNARY[kind], self._expression(cast(nodes.UnaryExpr, node).node))
        return self._expressions[kind](node)

    def _all(self, items: list[Any]) -> tuple[forms.Expression, ...]:
        return tuple(self._expression(item) for item in items)

    def _optional(self, node: nodes.Node | None) -> forms.Expression | None:
        return None if node is None else self._expression(node)

    def _getattr(self, node: nodes.Getattr) -> forms.Expression:
        return forms.Get(self._expression(node.node), forms.Literal(node.attr), dotted=True)

    def _getitem(self, node: nodes.Getitem) -> forms.Expression:
        of = self._expression(node.node)
        if isinstance(node.arg, nodes.Slice):
            bounds = (node.arg.start, node.arg.stop, node.arg.step)
            return forms.Slice(of, *(self._optional(bound) for bound in bounds))
        return forms.Get(of, self._expression(node.arg), dotted=False)

    def _compare(self, node: nodes.Compare) -> forms.Expression:
        rest = tuple((operand.op, self._expression(operand.expr)) for operand in node.ops)
        return forms.Compare(self._expression(node.expr), rest)

    def _choose(self, node: nodes.CondExpr) -> forms.Expression:
        then = self._expression(node.expr1)
        return forms.Choose(self._expression(node.test), then, self._optional(node.expr2))

    def _filter(self, node: nodes.Filter | nodes.Test) -> forms.Expression:
        kind = "filter" if isinstance(node, nodes.Filter) else "test"
        args = self._all([node.node, *node.args])
        name = _SYNONYMS.get(node.name, node.name) if kind == "filter" else node.name
        return forms.Apply(kind, name, args, self._named(node), self._sites.get(id(node), -1))

    def _call(self, node: nodes.Call) -> forms.Expression:
        args = self._all(node.args)
        if isinstance(node.node, nodes.Getattr):
            owner = self._expression(node.node.node)
            return forms.Apply("method", node.node.attr, (owner, *args), self._named(node))
        name = cast(nodes.Name, node.node).name
        return forms.Apply("call", name, args, self._named(node))

    def _named(
        self, node: nodes.Call | nodes.Filter | nodes.Test
    ) -> tuple[tuple[str, forms.Expression], ...]:
        return tuple((str(item.key), self._expression(item.value)) for item in node.kwargs)

    def _mapping(self, node: nodes.Dict) -> forms.Expression:
        return forms.Mapping(
            tuple((self._expression(pair.key), self._expression(pair.value)) for pair in node.items)
        )


def _names(target: nodes.Node) -> tuple[str, ...]:
    if isinstance(target, nodes.Tuple):
        return tuple(name for item in target.items for name in _names(item))
    return (cast(nodes.Name, target).name,)
