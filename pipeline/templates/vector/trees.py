"""What a template prints as a tree: texts between separators, which may depend on the way through it."""

from dataclasses import dataclass

import polars as pl

from pipeline.templates import forms
from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.syntax import MUTATING
from pipeline.templates.vector.values import Column, Const

Text = Const | Column


@dataclass(frozen=True, slots=True)
class Fork:
    """Two ways that a template can go on, which print different numbers of parts."""

    test: pl.Expr
    then: "Tree"
    other: "Tree"


Tree = tuple[Text, ...] | Fork
"""What a template prints, its parts between separators."""


def separates(statement: forms.Statement) -> bool:
    """Whether a separator stands in the text of a statement."""
    if isinstance(statement, forms.Text):
        return SEPARATOR in statement.text
    if isinstance(statement, forms.Branch):
        return any(map(separates, (*statement.then, *statement.other)))
    if isinstance(statement, forms.Loop):
        return any(map(separates, (*statement.body, *statement.empty)))
    return False


def mutates(form: object) -> bool:
    """Whether anything in a form changes a list, a dictionary or a namespace."""
    if isinstance(form, tuple):
        return any(map(mutates, form))
    if isinstance(form, forms.AssignIn) or (
        isinstance(form, forms.Apply) and form.kind == "method" and form.name in MUTATING
    ):
        return True
    names = getattr(type(form), "__dataclass_fields__", ())
    return any(mutates(getattr(form, name)) for name in names)


def mutates_within(statement: forms.Statement) -> bool:
    """Whether a statement's own expressions change something other than as the first thing they do."""
    own: tuple[forms.Expression | None, ...] = ()
    if isinstance(statement, forms.Branch):
        own = (statement.test,)
    elif isinstance(statement, forms.Loop):
        own = (statement.source, statement.test)
    elif isinstance(statement, forms.Out):
        own = (statement.of,)
    elif isinstance(statement, forms.Assign | forms.AssignIn):
        own = (statement.value,)
    return any(mutates(expression) and not _changes_first(expression) for expression in own)


def _changes_first(form: forms.Expression | None) -> bool:
    """Whether a form is a change, perhaps filtered or with `or`, and all else in it changes nothing."""
    if isinstance(form, forms.Apply):
        first, *rest = form.args
        if form.kind == "method" and form.name in MUTATING:
            return not mutates(form.args) and isinstance(first, forms.Name)
        return not mutates((*rest, form.named)) and _changes_first(first)
    if isinstance(form, forms.Binary):
        return not mutates(form.right) and _changes_first(form.left)
    return False
