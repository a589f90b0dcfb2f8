"""A prompt to a program, for batches whose columns have given shapes.

Input and target are known as texts between the separators that stand in the template, and values stay
values: a `|||` inside a field never separates anything.
"""

from dataclasses import dataclass

import polars as pl
from jinja2 import nodes

from pipeline.templates.draws import prompt_seed
from pipeline.templates.prompt import RESERVED, SEPARATOR, Prompt
from pipeline.templates.syntax import parse
from pipeline.templates.vector import kernels
from pipeline.templates.vector.basics import Text, merge, text
from pipeline.templates.vector.builder import Builder, tied
from pipeline.templates.vector.changes import aliased
from pipeline.templates.vector.evaluate import Evaluator
from pipeline.templates.vector.program import MARK, Program
from pipeline.templates.vector.statements import Executor, Fork, Tree, separates
from pipeline.templates.vector.values import (
    NONE,
    STR,
    Column,
    Const,
    Items,
    Shapes,
    UnsupportedError,
    Value,
    list_of,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parsed:
    """A prompt's templates as Jinja's trees.

    Attributes:
        id: Of the prompt.
        main: Input and target.
        choices: The answer choices; None where there are none.
    """

    id: str
    main: nodes.Template
    choices: nodes.Template | None


def parsed(prompt: Prompt, *, where: str) -> Parsed:
    """Parse and check a prompt's templates.

    Raises:
        ConfigError: See `syntax.parse`.
    """
    main, choices = parse(prompt.jinja, where=where), None
    if prompt.answer_choices is not None:
        choices = parse(prompt.answer_choices, where=f"{where}, {RESERVED}")
    return Parsed(prompt.id, main, choices)


def compile_program(prompt: Parsed, shapes: Shapes, *, seed: int) -> Program:
    """Compile a prompt.

    Args:
        prompt: Its templates.
        shapes: Of the batches that it will render.
        seed: Of the run.

    Raises:
        UnsupportedError: It holds a construct that has no program; the words say which.
    """
    drawing = prompt_seed(seed, prompt.id)
    builder = Builder()
    options: Value = NONE
    marked = False
    used: set[str] = set()
    if prompt.choices is not None:
        evaluator = _evaluator(builder, shapes, drawing + 1, prompt.choices)
        marked = _computes_separators(prompt.choices)
        evaluator.mark = MARK if marked else ""
        options = _options(evaluator, prompt.choices.body)
        used |= evaluator.used
    evaluator = _evaluator(builder, shapes, drawing, prompt.main)
    evaluator.scope[RESERVED] = options
    tree = Executor(evaluator).parts(prompt.main.body, lambda parts: _leaf(builder, parts))
    used |= evaluator.used
    outputs = {name: _part(builder, tree, i) for i, name in enumerate(("input", "target"))}
    outputs["parts"] = _count(tree)
    if prompt.choices is not None:
        outputs["options"] = _option_lists(builder, options)
    outputs["bad"] = builder.blame()
    rows = pl.int_range(pl.len()) >= 0
    outputs = {
        name: expr if expr.meta.root_names() else pl.when(rows).then(expr)
        for name, expr in outputs.items()
    }
    return Program(
        tuple(sorted(used)), tuple(builder.steps), outputs, marked, builder.literals, builder.growth
    )


def _evaluator(builder: Builder, shapes: Shapes, seed: int, tree: nodes.Template) -> Evaluator:
    if aliased(tree):
        raise UnsupportedError("a list that another value may hold")
    return Evaluator(builder, shapes, seed, tree)


def _leaf(builder: Builder, parts: tuple[Text, ...]) -> tuple[Text, ...]:
    """Check and strip the parts of one way through the template."""
    if len(parts) > 2:
        builder.refuse("more than two parts")
    return tuple(_stripped(builder, part) for part in parts[:2])


def _stripped(builder: Builder, part: Text) -> Text:
    if isinstance(part, Const):
        return Const(str(part.value).strip())
    return builder.text(builder.of(part).str.strip_chars(kernels.SPACES))


def _option(builder: Builder, part: Text) -> Text:
    """Return an answer choice, computed once however often it is used."""
    made = _stripped(builder, part)
    return made if isinstance(made, Const) else builder.keep(made)


def _options(evaluator: Evaluator, body: list[nodes.Node]) -> Value:
    """Return the answer choices as a list: of known length where separators stand in the text."""
    builder, executor = evaluator.builder, Executor(evaluator)
    if not evaluator.mark:
        tree = executor.parts(body, lambda parts: tuple(_option(builder, p) for p in parts))
        return _as_value(builder, tree)
    whole = executor.whole(body)
    if isinstance(whole, Const):
        return Items(tuple(Const(part.strip()) for part in str(whole.value).split(MARK)))
    builder.guard(whole.expr.str.replace_all(MARK, "", literal=True).str.contains(f"[{MARK}]"))
    strip = pl.element().str.strip_chars(kernels.SPACES)
    lists = whole.expr.str.split(MARK).list.eval(strip)
    return builder.keep(builder.column(lists, list_of(STR)))


def _computes_separators(tree: nodes.Template) -> bool:
    """Whether separators come out of an expression or a loop instead of the text itself."""
    constants = (node.value for node in tree.find_all(nodes.Const))
    return any(isinstance(value, str) and SEPARATOR in value for value in constants) or any(
        separates(loop) for loop in tree.find_all(nodes.For)
    )


def _as_value(builder: Builder, tree: Tree) -> Value:
    if isinstance(tree, Fork):
        then, other = _as_value(builder, tree.then), _as_value(builder, tree.other)
        return merge(builder, tree.test, then, other)
    return Items(tree)


def _part(builder: Builder, tree: Tree, index: int) -> pl.Expr:
    if isinstance(tree, Fork):
        then, other = _part(builder, tree.then, index), _part(builder, tree.other, index)
        return pl.when(tree.test).then(then).otherwise(other)
    if index >= len(tree):
        return pl.lit(None, dtype=pl.String)
    part = tree[index]
    return pl.lit(part.value) if isinstance(part, Const) else builder.of(part)


def _count(tree: Tree) -> pl.Expr:
    if isinstance(tree, Fork):
        return pl.when(tree.test).then(_count(tree.then)).otherwise(_count(tree.other))
    return pl.lit(len(tree), dtype=pl.UInt8)


def _option_lists(builder: Builder, options: Value) -> pl.Expr:
    if isinstance(options, Column):
        return builder.of(options)
    if not isinstance(options, Items):
        raise UnsupportedError("answer choices that are no list")
    texts = [text(builder, item) for item in options.items]
    known = [t.value for t in texts if isinstance(t, Const)]
    if len(known) == len(texts):
        return pl.lit(pl.Series([known], dtype=pl.List(pl.String))).first()
    exprs = [builder.of(t) if isinstance(t, Column) else tied(t.value) for t in texts]
    return pl.concat_list(exprs)
