"""Python source for a form: the second tier, for templates that have no program of expressions.

Safe by construction: the source is assembled from fixed words, numbered variables (`v7`) and numbered
constants (`k3`); not one character of a template gets into it. All that it can call are the functions
of `operations`, under names that this module fixes. `rows` runs it without builtins.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.templates import forms

_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in",
                "notin": "not in"}  # fmt: skip
_BINARY = {"+": "add", "*": "multiply", "%": "modulo"}
_NATIVE = {"-": "-", "/": "/", "//": "//", "and": "and", "or": "or"}


class Generator:
    """Writes one function that prints a template for one row.

    Args:
        fields: Variables of the row's fields.
        constants: Grows by the constants that the source names.
    """

    def __init__(self, fields: Mapping[str, str], constants: list[object]) -> None:
        self._fields, self._constants = dict(fields), constants
        self._scope: dict[str, str] = dict(fields)
        self._lines: list[str] = []
        self._depth = 1
        self._serial = len(constants) * 1000
        self._expressions: dict[type[Any], Callable[[Any], str]] = {
            forms.Literal: lambda form: self._constant(form.value),
            forms.Name: lambda form: self._scope.get(form.name, "undefined"),
            forms.Get: self._get,
            forms.Slice: self._slice,
            forms.Unary: lambda form: f"({form.operator} {self.expression(form.of)})",
            forms.Binary: self._binary,
            forms.Compare: self._compare,
            forms.Choose: self._choose,
            forms.Apply: self._apply,
            forms.Sequence: self._sequence,
            forms.Mapping: self._mapping,
            forms.Joined: lambda form: f"joined([{self._all(form.items)}])",
        }

    def body(self, body: forms.Body) -> list[str]:
        """Return the lines of a body, which prints through `write`."""
        self._begin(body)
        self._run(body)
        return self._lines

    def _begin(self, body: forms.Body) -> None:
        """Give what a body sets its variables, which hold the outer values before they are set."""
        for name in dict.fromkeys(assigned(body)):
            outer = self._scope.get(name, "undefined")
            self._scope[name] = self._fresh()
            self._line(f"{self._scope[name]} = {outer}")

    def _run(self, body: forms.Body) -> None:
        pending: list[str] = []
        for statement in body:
            if isinstance(statement, forms.Text):
                pending.append(f"{{{self._constant(statement.text)}}}")
            elif isinstance(statement, forms.Out):
                pending.append(f"{{show({self.expression(statement.of)})}}")
            else:
                self._write(pending)
                pending = []
                self._statement(statement)
        self._write(pending)
        if not body:
            self._line("pass")

    def _write(self, pieces: list[str]) -> None:
        if pieces:
            self._line(f'write(f"{"".join(pieces)}")')

    def _line(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    def _fresh(self) -> str:
        self._serial += 1
        return f"v{self._serial}"

    def _constant(self, value: object) -> str:
        self._constants.append(value)
        return f"k{len(self._constants) - 1}"

    def _statement(self, statement: forms.Statement) -> None:
        if isinstance(statement, forms.Branch):
            self._branch(statement)
        elif isinstance(statement, forms.Loop):
            self._loop(statement)
        elif isinstance(statement, forms.AssignIn):
            owner = self._scope.get(statement.owner, "undefined")
            name = self._constant(statement.attribute)
            self._line(f"assign({owner}, {name}, {self.expression(statement.value)})")
        elif isinstance(statement, forms.Assign):
            targets = ", ".join(self._scope[name] for name in statement.names)
            self._line(f"{targets} = {self.expression(statement.value)}")

    def _branch(self, statement: forms.Branch) -> None:
        self._line(f"if {self.expression(statement.test)}:")
        self._indented(lambda: self._run(statement.then))
        if statement.other:
            self._line("else:")
            self._indented(lambda: self._run(statement.other))

    def _indented(self, write: Callable[[], None]) -> None:
        self._depth += 1
        write()
        self._depth -= 1

    def _loop(self, statement: forms.Loop) -> None:
        outer = dict(self._scope)
        source = f"enter({self.expression(statement.source)})"
        targets = {name: self._fresh() for name in statement.names}
        names = ", ".join(targets.values())
        if statement.test is not None:
            self._scope.update(targets)
            test = self.expression(statement.test)
            self._scope = dict(outer)
            source = f"(({names}) for {names} in {source} if {test})"
        empty = self._fresh()
        if statement.empty:
            self._line(f"{empty} = true")
        if uses_loop(statement.body):
            targets["loop"] = self._fresh()
            self._line(f"for ({names}), {targets['loop']} in turns({source}):")
        else:
            self._line(f"for {names} in {source}:")
        self._scope.update(targets)
        self._indented(lambda: self._turn(statement, empty))
        self._scope = outer
        if statement.empty:
            self._line(f"if {empty}:")
            self._indented(lambda: self._inner(statement.empty))
        self._scope = outer

    def _turn(self, statement: forms.Loop, empty: str) -> None:
        if statement.empty:
            self._line(f"{empty} = false")
        self._inner(statement.body)

    def _inner(self, body: forms.Body) -> None:
        """Run a body whose variables end with it."""
        outer = dict(self._scope)
        self._begin(body)
        self._run(body)
        self._scope = outer

    def expression(self, form: forms.Expression) -> str:
        """Return the source of an expression."""
        return self._expressions[type(form)](form)

    def _all(self, items: tuple[forms.Expression, ...]) -> str:
        return "".join(f"{self.expression(item)}, " for item in items)

    def _get(self, form: forms.Get) -> str:
        function = "attribute" if form.dotted else "item"
        return f"{function}({self.expression(form.of)}, {self.expression(form.key)})"

    def _slice(self, form: forms.Slice) -> str:
        bounds = [
            "" if b is None else self.expression(b) for b in (form.start, form.stop, form.step)
        ]
        return f"{self.expression(form.of)}[{bounds[0]}:{bounds[1]}:{bounds[2]}]"

    def _binary(self, form: forms.Binary) -> str:
        left, right = self.expression(form.left), self.expression(form.right)
        if form.operator in _BINARY:
            return f"{_BINARY[form.operator]}({left}, {right})"
        return f"({left} {_NATIVE[form.operator]} {right})"

    def _compare(self, form: forms.Compare) -> str:
        rest = "".join(f" {_COMPARISONS[op]} {self.expression(right)}" for op, right in form.rest)
        return f"({self.expression(form.first)}{rest})"

    def _choose(self, form: forms.Choose) -> str:
        other = "undefined" if form.other is None else self.expression(form.other)
        return f"({self.expression(form.then)} if {self.expression(form.test)} else {other})"

    def _apply(self, form: forms.Apply) -> str:
        args = self._all(form.args)
        named = (
            f"{{{''.join(f'{self._constant(n)}: {self.expression(a)}, ' for n, a in form.named)}}}"
        )
        if form.kind == "filter" and form.site >= 0:
            site = f"{{{self._constant('site')}: {form.site:d}}}"
            return f"filters[{self._constant(form.name)}]({args}**{site})"
        if form.kind == "method":
            return f"method({self._constant(form.name)}, {args}**{named})"
        table = {"filter": "filters", "test": "tests", "call": "functions"}[form.kind]
        rest = f"**{named}" if form.named else ""
        return f"{table}[{self._constant(form.name)}]({args}{rest})"

    def _sequence(self, form: forms.Sequence) -> str:
        made = f"[{self._all(form.items)}]" if form.mutable else f"({self._all(form.items)})"
        plain = all(isinstance(item, forms.Literal) for item in form.items)
        return made if plain else f"bounded({made})"

    def _mapping(self, form: forms.Mapping) -> str:
        pairs = "".join(f"{self.expression(k)}: {self.expression(v)}, " for k, v in form.pairs)
        return f"bounded({{{pairs}}})"


def assigned(body: forms.Body) -> Iterator[str]:
    """Yield the names that a body sets itself, branches included, loops not."""
    for statement in body:
        if isinstance(statement, forms.Assign):
            yield from statement.names
        elif isinstance(statement, forms.Branch):
            yield from assigned((*statement.then, *statement.other))


def uses_loop(form: object) -> bool:
    """Whether the variable `loop` is named anywhere in a form."""
    if isinstance(form, forms.Name):
        return form.name == "loop"
    if isinstance(form, tuple):
        return any(map(uses_loop, form))
    names = getattr(type(form), "__dataclass_fields__", ())
    return any(uses_loop(getattr(form, name)) for name in names)
