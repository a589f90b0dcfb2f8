"""A prompt as forms: both templates lowered, and what is known of their texts."""

from dataclasses import dataclass

from pipeline.templates import forms
from pipeline.templates.lower import lower
from pipeline.templates.prompt import SEPARATOR, Prompt
from pipeline.templates.reference import Mode, truncating


@dataclass(frozen=True, slots=True)
class Lowered:
    """A prompt's forms.

    Attributes:
        main: The template.
        choices: The template of the answer choices; None where there are none.
        pipes: Whether its own texts hold a `|` outside separators.
        id: Of the prompt.
    """

    main: forms.Body
    choices: forms.Body | None
    pipes: bool
    id: str


def pipes_in(form: object) -> bool:
    """Whether a constant with a pipe stands in a form, at any depth."""
    if isinstance(form, str):
        return "|" in form
    if isinstance(form, tuple):
        return any(map(pipes_in, form))
    names = getattr(type(form), "__dataclass_fields__", ())
    return any(pipes_in(getattr(form, name)) for name in names)


def own_pipes(body: forms.Body) -> bool:
    """Whether a template's texts hold a `|` that is no part of a separator."""
    return any(
        "|" in statement.text.replace(SEPARATOR, "") if isinstance(statement, forms.Text)
        else own_pipes((*statement.then, *statement.other)) or pipes_in(statement.test)
        if isinstance(statement, forms.Branch)
        else pipes_in(statement)
        for statement in body
    )  # fmt: skip


def lowered(prompt: Prompt, mode: Mode, *, where: str) -> Lowered:
    """Return a prompt's forms.

    Raises:
        ConfigError: See `syntax.parse`.
    """
    main = lower(truncating(prompt.jinja) if mode.legacy_truncation else prompt.jinja, where=where)
    choices = None
    if prompt.answer_choices is not None:
        choices = lower(prompt.answer_choices, where=f"{where}, answer_choices")
    return Lowered(main, choices, own_pipes((*main, *(choices or ()))), prompt.id)


def names(form: object) -> set[str]:
    """Return every name that stands in a form: fields, and variables that it sets."""
    if isinstance(form, forms.Name):
        return {form.name}
    if isinstance(form, tuple):
        return set().union(*map(names, form)) if form else set()
    parts = getattr(type(form), "__dataclass_fields__", ())
    return set().union(*(names(getattr(form, part)) for part in parts)) if parts else set()


def bound(form: object) -> set[str]:
    """Return the names that a form sets, in assignments and loops."""
    if isinstance(form, tuple):
        return set().union(*map(bound, form)) if form else set()
    own: set[str] = set(form.names) if isinstance(form, forms.Assign | forms.Loop) else set()
    parts = getattr(type(form), "__dataclass_fields__", ())
    return own.union(*(bound(getattr(form, part)) for part in parts)) if parts else own
