"""PromptSource itself, imported from a checkout, and plain Jinja with cached templates."""

import importlib
import random
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment

from pipeline.templates.environment import most_frequent
from pipeline.templates.prompt import SEPARATOR, Prompt

PIPE_TOKEN = "3ed2dface8203c4c9dfb1a5dc58e41e0"
"""PromptSource puts it in the place of `|||` in top-level fields while a template runs."""
Apply = Callable[[Mapping[str, Any], bool], list[str]]


def promptsource(checkout: Path) -> Any | None:
    """Import `promptsource.templates` from a checkout; None where it does not import.

    It asks setuptools' old `pkg_resources` for one path, which newer versions no longer have; that one
    function is supplied where it is missing.
    """
    if importlib.util.find_spec("pkg_resources") is None:
        shim = types.ModuleType("pkg_resources")
        shim.resource_filename = lambda package, name: str(checkout / "promptsource" / name)  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = shim
    sys.path.insert(0, str(checkout))
    try:
        return importlib.import_module("promptsource.templates")
    except ImportError as error:
        print(f"PromptSource does not import here ({error}): its own `apply` is not compared")
        return None
    finally:
        sys.path.remove(str(checkout))


def own_apply(module: Any, prompt: Prompt) -> Apply:
    """Return PromptSource's `Template.apply` of a prompt: takes a row and whether to truncate."""
    template = module.Template(prompt.name, prompt.jinja, "", answer_choices=prompt.answer_choices)
    return lambda row, truncate: list(template.apply(dict(row), truncate=truncate))


def cached(prompt: Prompt) -> Callable[[Mapping[str, Any]], tuple[list[str], list[str] | None]]:
    """Return PromptSource's steps with both templates compiled once, in jinja2's plain environment."""
    environment = Environment()
    environment.globals["zip"] = zip
    environment.filters |= {"choice": random.choice, "most_frequent": most_frequent}
    main = environment.from_string(prompt.jinja)
    choices = (
        None if prompt.answer_choices is None else environment.from_string(prompt.answer_choices)
    )

    def render(row: Mapping[str, Any]) -> tuple[list[str], list[str] | None]:
        fields = {
            name: value.replace(SEPARATOR, PIPE_TOKEN) if isinstance(value, str) else value
            for name, value in row.items()
        }
        options = None
        if choices is not None:
            parts = choices.render(fields).split(SEPARATOR)
            options = [part.strip().replace(PIPE_TOKEN, SEPARATOR) for part in parts]
        fields["answer_choices"] = options
        parts = main.render(fields).split(SEPARATOR)
        return [part.replace(PIPE_TOKEN, SEPARATOR).strip() for part in parts], options

    return render


def draws(prompt: Prompt) -> bool:
    """Whether a prompt draws at random, so that PromptSource's own output differs from run to run."""
    text = f"{prompt.jinja} {prompt.answer_choices}".replace(" ", "")
    return "|choice" in text or "|random" in text
