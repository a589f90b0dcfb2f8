"""Jinja for templates of strangers: sandboxed, never folding constants, every step and size on a budget.

Built on jinja2's own sandbox. It renders all that the public pool does, mutation of (copied) rows
included, and stops what costs too much with a clear error. Still a belt: a C function that runs for
minutes on inputs of allowed size is stopped by the process limits of `sandbox` only.
"""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sized
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_context
from jinja2.filters import do_random
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from pipeline.errors import ConfigError
from pipeline.templates.draws import draw, site_seed
from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.syntax import FILTERS, MUTATING, TESTS, drawing_sites, parse

MAX_STEPS = 100_000
"""Loop turns, elements and calls of one rendering."""
MAX_TEXT = 4_000_000
"""Characters of any one text, output included."""
_MAX_BITS = 4_096
_MARK = "\udc7c"
"""A `|` of the template's own separators while it runs: half a character, which no value can hold."""
_DIRECTIVE = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d{0,3}(?:\.\d{0,3})?[hlL]?[diouxXeEfFgGrsa%]")


class BudgetError(Exception):
    """A rendering costs more than any prompt should."""


class Budget:
    """What one rendering has spent, and what its draws depend on."""

    def __init__(self) -> None:
        self.reset(0, 0)

    def reset(self, seed: int, key: int) -> None:
        """Start the next rendering."""
        self.steps, self.seed, self.key = 0, seed, key
        self.draws: dict[int, int] = {}

    def spend(self, steps: int) -> None:
        """Count steps; raise `BudgetError` beyond `MAX_STEPS`."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise BudgetError(f"takes more than {MAX_STEPS:,} steps")

    def text(self, length: int) -> None:
        """Raise `BudgetError` where a text would get too long."""
        if length > MAX_TEXT:
            raise BudgetError(f"makes a text of more than {MAX_TEXT:,} characters")


class GuardedEnvironment(SandboxedEnvironment):
    """jinja2's sandbox with PromptSource's filters, a budget, and seeded draws."""

    intercepted_binops = frozenset({"+", "*", "%"})

    def __init__(self, *, strict: bool = False) -> None:
        undefined = StrictUndefined if strict else Undefined
        super().__init__(optimized=False, cache_size=0, undefined=undefined)
        self.budget = Budget()
        self.globals = {"range": self.globals["range"], "zip": zip, "dict": dict} | {
            "namespace": self.globals["namespace"]
        }
        kept = {name: self.filters[name] for name in FILTERS if name in self.filters}
        kept |= {"choice": _choice, "random": _random, "most_frequent": most_frequent}
        self.filters = {name: self._charged(name, function) for name, function in kept.items()}
        self.filters |= {"join": self._join(self.filters["join"]), "_enter": self._enter}
        self.filters["_joined"] = self._joined
        self.tests = {name: self.tests[name] for name in TESTS}

    def template(self, source: str, *, where: str) -> Template:
        """Check and compile a template.

        Raises:
            ConfigError: See `syntax.parse`.
        """
        tree = parse(source, where=where)
        for site, node in enumerate(drawing_sites(tree)):
            node.kwargs.append(nodes.Keyword("site", nodes.Const(site)))  # type: ignore[arg-type]
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "_enter", [], [], None, None)
        _mark_separators(tree)
        tree = _without_concat(tree)
        tree.set_environment(self)
        # a fixed name: Jinja writes it unescaped into the source that it compiles, and `where` holds
        # names that strangers chose
        try:
            with warnings.catch_warnings(
                action="ignore", category=SyntaxWarning
            ):  # such as none[:2]
                code = self.compile(tree, "template", "<template>")
        except (SyntaxError, RecursionError) as error:  # more loops in loops than Python takes
            raise ConfigError(f"Python does not take the template: {error}", where=where) from error
        return self.template_class.from_code(self, code, self.globals)

    def render(self, template: Template, fields: dict[str, Any]) -> str:
        """Render within the budget, which the caller has reset.

        Raises:
            BudgetError: It costs too much.
            Exception: Whatever the template raises on these fields.
        """
        pieces, length = [], 0
        context = template.new_context(fields)
        for piece in template.root_render_func(context):
            length += len(piece)
            self.budget.text(length)
            pieces.append(piece)
        return "".join(pieces)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse results that are too large before they are made."""
        if operator == "*":
            self.budget.text(_product(left, right))
        elif operator == "+" and isinstance(left, Sized) and isinstance(right, Sized):
            self.budget.text(len(left) + len(right))
        elif operator == "%" and isinstance(left, str):
            self._formats(left)
        return super().call_binop(context, operator, left, right)

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Charge every call; check what multiplies texts."""
        self.budget.spend(1)
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str):
            self.budget.spend(len(owner) // 1000)
            if name == "replace" and len(args) >= 2:
                self.budget.text(_replaced(owner, *args[:2]))
            elif name == "join":
                args = (self._measured(owner, args[0]),) if args else args
        if name == "clear" or (name in MUTATING and isinstance(owner, type)):
            raise BudgetError(f"calls {name}")
        return super().call(__context, __obj, *args, **kwargs)

    def _charged(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a filter: it pays for the elements it gets, and large texts are refused before."""
        at = 1 if _passes(function) else 0
        size = {"replace": _replaced}.get(name)

        def charged(*args: Any, **kwargs: Any) -> Any:
            value = args[at]
            length = len(value) if isinstance(value, Sized) else 1
            self.budget.spend(1 + (length // 1000 if isinstance(value, str) else length))
            if size is not None:
                self.budget.text(size(*args[at : at + 3]))
            elif name == "format":
                self._formats(str(value))
            return function(*args, **kwargs)

        return _passing_alike(function, charged)

    def _join(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def join(context: Any, value: Any, d: Any = "", attribute: Any = None) -> Any:
            if attribute is None:
                value = self._measured(str(d), value)
            return function(context, value, d, attribute)

        return _passing_alike(function, join)

    def _measured(self, separator: str, items: Iterable[Any]) -> list[Any]:
        """Return the items of a join as a list; refuse it where their joined text is too long."""
        kept, length = [], 0
        for item in items:
            length += len(separator) + (len(item) if isinstance(item, str) else 16)
            self.budget.spend(1)
            self.budget.text(length)
            kept.append(item)
        return kept

    def _enter(self, items: Any) -> Any:
        """Charge a loop for its turns before the first."""
        entered = items if isinstance(items, Sized) else list(items)
        self.budget.spend(1 + len(entered))
        return entered

    def _joined(self, items: tuple[Any, ...]) -> str:
        texts = [str(item) for item in items]
        self.budget.text(sum(map(len, texts)))
        return "".join(texts)

    def _formats(self, pattern: str) -> None:
        if "%" in _DIRECTIVE.sub("", pattern):
            raise BudgetError(f"formats with '{pattern[:40]}', which is not allowed")


def _mark_separators(tree: nodes.Template) -> None:
    """Mark the separators in a template's own text, so that no value's text is taken for one."""
    marks = _MARK * len(SEPARATOR)
    for text in tree.find_all(nodes.TemplateData):
        text.data = text.data.replace(SEPARATOR, marks)
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, str):
            constant.value = constant.value.replace(SEPARATOR, marks)


def split(text: str) -> tuple[str, ...]:
    """Return the stripped parts of a rendered text between its template's separators."""
    parts = text.split(_MARK * len(SEPARATOR))
    return tuple(part.replace(_MARK, SEPARATOR[0]).strip() for part in parts)


def most_frequent(items: Any) -> list[Any] | None:
    """Return the elements that occur most often, in order of first occurrence; None where empty."""
    if not items:
        return None
    counts = Counter(items).most_common()
    return [item for item, count in counts if count == counts[0][1]]


@pass_context
def _choice(context: Context, items: Any, site: int = 0) -> Any:
    """Draw one element; where there is none it fails, as `random.choice` does."""
    return items[_index(context, len(items), site)]


@pass_context
def _random(context: Context, items: Any, site: int = 0) -> Any:
    """Draw one element; undefined where there is none, as Jinja's own filter."""
    if not len(items):
        return do_random(context, items)
    return items[_index(context, len(items), site)]


def _index(context: Context, count: int, site: int) -> int:
    if not count:
        raise IndexError("cannot choose from an empty sequence")
    budget = context.environment.budget  # type: ignore[attr-defined]
    repeat = budget.draws.get(site, 0)
    budget.draws[site] = repeat + 1
    return draw(site_seed(budget.seed, site, repeat), budget.key, count)


def _without_concat(tree: nodes.Template) -> nodes.Template:
    """Replace every `a ~ b` by a filter that measures first."""
    for parent in [tree, *tree.find_all(nodes.Node)]:
        for field, value in parent.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(parent, field, _measured_concat(value))
            elif isinstance(value, list):
                value[:] = [
                    _measured_concat(v) if isinstance(v, nodes.Concat) else v for v in value
                ]
    return tree


def _measured_concat(node: nodes.Concat) -> nodes.Filter:
    return nodes.Filter(nodes.Tuple(node.nodes, "load"), "_joined", [], [], None, None)


def _product(left: Any, right: Any) -> int:
    """Return the size of a product: elements of a repetition, else 0, or too much for huge integers."""
    for sized, times in ((left, right), (right, left)):
        if isinstance(sized, Sized) and isinstance(times, int):
            return len(sized) * max(times, 0)
    if isinstance(left, int) and isinstance(right, int):
        return MAX_TEXT + 1 if left.bit_length() + right.bit_length() > _MAX_BITS else 0
    return 0


def _replaced(text: Any, old: Any, new: Any) -> int:
    """Return an upper bound of the length of a replacement."""
    text, old, new = str(text), str(old), str(new)
    return len(text) + (text.count(old) * len(new) if len(new) > len(old) else 0)


def _passes(function: Callable[..., Any]) -> bool:
    return hasattr(function, "jinja_pass_arg")


def _passing_alike(function: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a wrapper as taking the same leading argument from Jinja as the filter that it wraps."""
    if _passes(function):
        wrapper.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
    return wrapper
