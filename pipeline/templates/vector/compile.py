"""A prompt's forms to a program, for batches of one shape.

The parts of a rendering are known as texts between the separators that stand in the template. That
equals PromptSource's way, which renders first and splits then, for all rows but those that a guard
names: where
a value holds `|||`, or ends in `|` in front of a separator.
"""

import polars as pl

from pipeline.templates import forms
from pipeline.templates.draws import prompt_seed
from pipeline.templates.lowered import Lowered, pipes_in
from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.vector import kernels
from pipeline.templates.vector.basics import text
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.evaluate import Evaluator
from pipeline.templates.vector.program import Program
from pipeline.templates.vector.shapes import STR, Facts, list_of
from pipeline.templates.vector.statements import Executor
from pipeline.templates.vector.trees import Fork, Tree, separates
from pipeline.templates.vector.values import (
    NONE,
    Column,
    Const,
    Either,
    Items,
    UnsupportedError,
    Value,
)  # fmt: skip

Text = Const | Column
RESERVED = "answer_choices"
_MOST_PARTS = 2


def compile_program(prompt: Lowered, facts: Facts, *, seed: int) -> Program:
    """Compile a prompt.

    Args:
        prompt: Its forms.
        facts: What is known of the batches that it will render.
        seed: Of the run.

    Raises:
        UnsupportedError: It holds a construct that has no program; the words say which.
    """
    if RESERVED in facts.shapes:
        raise UnsupportedError(f"a field '{RESERVED}'")
    drawing = prompt_seed(seed, prompt.id)
    builder = Builder()
    used: set[str] = set()
    options: Value = NONE
    pipes = prompt.pipes or facts.pipes
    if prompt.choices is not None:
        evaluator = Evaluator(builder, facts.shapes, drawing + 1)
        options = _options(evaluator, prompt.choices, pipes)
        used |= evaluator.used
    evaluator = Evaluator(builder, facts.shapes, drawing)
    evaluator.scope[RESERVED] = options
    tree = Executor(evaluator).parts(prompt.main, lambda parts: _leaf(builder, parts, pipes))
    used |= evaluator.used
    outputs = _outputs(builder, tree)
    if prompt.choices is not None:
        outputs["options"] = _option_lists(builder, options)
    _guard_tokens(builder, facts, used)
    outputs["bad"] = builder.blame()
    rows = pl.int_range(pl.len()) >= 0
    outputs = {
        name: pl.when(rows).then(expr) if _is_literal(expr) else expr
        for name, expr in outputs.items()
    }
    return Program(tuple(sorted(used)), tuple(builder.steps), outputs)


def _is_literal(expr: pl.Expr) -> bool:
    return not expr.meta.root_names()


def _guard_tokens(builder: Builder, facts: Facts, used: set[str]) -> None:
    """`|||` in a top-level text is protected by a token, which functions of the text would see."""
    if facts.pipes:
        for name in sorted(used):
            if facts.shapes[name].kind == "str":
                builder.guard(pl.col(name).str.contains(SEPARATOR, literal=True).fill_null(False))


def _leaf(builder: Builder, parts: tuple[Text, ...], pipes: bool) -> tuple[Text, ...]:
    """Check the parts of one path, and strip them."""
    if len(parts) > _MOST_PARTS:
        builder.refuse("more than two parts")
    _guard_parts(builder, parts, pipes)
    return tuple(_stripped(builder, part) for part in parts[:_MOST_PARTS])


def _guard_parts(builder: Builder, parts: tuple[Text, ...], pipes: bool) -> None:
    for i, part in enumerate(parts):
        if isinstance(part, Const):
            ends = str(part.value).endswith("|") and i < len(parts) - 1
            if ends or SEPARATOR in str(part.value):
                raise UnsupportedError("a text with a separator in it")
        elif pipes:
            expr = builder.of(part)
            builder.guard(expr.str.contains(SEPARATOR, literal=True))
            if i < len(parts) - 1:
                builder.guard(expr.str.ends_with("|"))


def _stripped(builder: Builder, part: Text) -> Text:
    if isinstance(part, Const):
        return Const(str(part.value).strip())
    return builder.column(builder.of(part).str.strip_chars(kernels.SPACES), STR)


def _options(evaluator: Evaluator, body: forms.Body, pipes: bool) -> Value:
    """Return the answer choices as a list: of known length where separators stand in the text."""
    builder, executor = evaluator.builder, Executor(evaluator)
    computed = any(_computes_separators(statement) for statement in body)
    if not computed:
        trees: list[tuple[Text, ...]] = []

        def leaf(parts: tuple[Text, ...]) -> tuple[Text, ...]:
            _guard_parts(builder, parts, pipes)
            trees.append(tuple(_kept(builder, _stripped(builder, part)) for part in parts))
            return trees[-1]

        return _as_value(executor.parts(body, leaf))
    whole = executor.whole(body)
    if isinstance(whole, Const):
        parts = [Const(part.strip()) for part in str(whole.value).split(SEPARATOR)]
        return Items(tuple(parts))
    strip = pl.element().str.strip_chars(kernels.SPACES)
    lists = builder.of(whole).str.split(SEPARATOR).list.eval(strip)
    return builder.keep(builder.column(lists, list_of(STR)))


def _kept(builder: Builder, part: Text) -> Text:
    return part if isinstance(part, Const) else builder.keep(part)


def _as_value(tree: Tree) -> Value:
    from pipeline.templates.vector.values import ROOT

    if isinstance(tree, Fork):
        return Either(tree.test, ROOT, _as_value(tree.then), _as_value(tree.other))
    return Items(tree)


def _computes_separators(statement: forms.Statement) -> bool:
    """Whether separators come out of an expression or a loop instead of the text itself."""
    if isinstance(statement, forms.Branch):
        return any(map(_computes_separators, (*statement.then, *statement.other)))
    if isinstance(statement, forms.Loop):
        return separates(statement) or any(map(_computes_separators, statement.body))
    return not isinstance(statement, forms.Text) and pipes_in(statement)


def _outputs(builder: Builder, tree: Tree) -> dict[str, pl.Expr]:
    return {
        "input": _part(builder, tree, 0),
        "target": _part(builder, tree, 1),
        "parts": _count(tree),
    }


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
    if isinstance(options, Either):
        then, other = (_option_lists(builder, side) for side in (options.then, options.other))
        return pl.when(builder.test(options)).then(then).otherwise(other)
    if isinstance(options, Column):
        return builder.of(options)
    if not isinstance(options, Items):
        raise UnsupportedError("answer choices that are no list")
    texts = [text(builder, item) for item in options.items]
    if all(isinstance(t, Const) for t in texts):
        return pl.lit(pl.Series([[t.value for t in texts]], dtype=pl.List(pl.String))).first()  # type: ignore[union-attr]
    exprs = [pl.lit(t.value) if isinstance(t, Const) else builder.of(t) for t in texts]
    tied = pl.when(pl.int_range(pl.len()) >= 0).then(exprs[0])
    return pl.concat_list([tied, *exprs[1:]])
