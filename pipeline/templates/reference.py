"""What a prompt means: PromptSource's `Template.apply`, row by row, in the guarded environment.

The compiled programs are held to this renderer byte for byte. It runs in the child process, so it imports
neither polars nor numpy.

A `|||` that stands in the template separates; one that stands in a field does not. PromptSource puts a
token in the place of those in top-level fields, which a template that slices or measures a field sees,
and takes those in nested fields for separators.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.templates.draws import prompt_seed
from pipeline.templates.environment import GuardedEnvironment, split
from pipeline.templates.prompt import RESERVED, Prompt
from pipeline.templates.syntax import MUTATING


class RenderError(Exception):
    """A row on which the template fails, with the reason in words."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How to render.

    Attributes:
        seed: Of the run; draws depend on it, on the prompt's id and on the row's key.
        strict: Undefined names are errors.
    """

    seed: int = 0
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made of one row.

    Attributes:
        parts: Stripped texts between separators: input and target as a rule; one empty text where
            the whole template is skipped; more than two where it is malformed.
        options: The answer choices; None where the prompt has none.
    """

    parts: tuple[str, ...]
    options: tuple[str, ...] | None


class Renderer:
    """One prompt, compiled once.

    Args:
        prompt: The prompt.
        mode: How to render.
        where: The prompt's place for errors.

    Raises:
        ConfigError: The template is not allowed, see `syntax.parse`.
    """

    def __init__(self, prompt: Prompt, mode: Mode, *, where: str) -> None:
        self._environment = GuardedEnvironment(strict=mode.strict)
        self._seed = prompt_seed(mode.seed, prompt.id)
        self._main = self._environment.template(prompt.jinja, where=where)
        self._choices = None
        if prompt.answer_choices is not None:
            place = f"{where}, answer_choices"
            self._choices = self._environment.template(prompt.answer_choices, where=place)
        self._copies = any(
            f".{name}" in text
            for text in (prompt.jinja, prompt.answer_choices or "")
            for name in MUTATING
        )

    def render(self, row: Mapping[str, Any], key: int) -> Rendered:
        """Render one row.

        Args:
            row: Fields by name, in plain Python values; it is not changed.
            key: The row's number, on which draws depend.

        Raises:
            RenderError: The template fails on this row, or costs too much.
        """
        if RESERVED in row:
            raise RenderError(f"the row has a field '{RESERVED}', a name that prompts reserve")
        fields = {name: _copy(value) for name, value in row.items()} if self._copies else dict(row)
        try:
            options = self._options(fields, key)
            self._environment.budget.reset(self._seed, key)
            listed = None if options is None else list(options)
            text = self._environment.render(self._main, fields | {RESERVED: listed})
        except RenderError:
            raise
        except Exception as error:  # a template can raise whatever Python can
            raise RenderError(f"{type(error).__name__}: {error}"[:500]) from error
        return Rendered(split(text), options)

    def _options(self, fields: Mapping[str, Any], key: int) -> tuple[str, ...] | None:
        if self._choices is None:
            return None
        self._environment.budget.reset(self._seed + 1, key)
        return split(self._environment.render(self._choices, dict(fields)))


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value
