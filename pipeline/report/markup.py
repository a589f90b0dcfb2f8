"""HTML and SVG, made in one way: templates in assets/ that Jinja fills, with every value escaped."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

ASSETS = Path(__file__).parent / "assets"


def fill(template: str, **values: Any) -> Markup:
    """Return a template of assets/ with its values filled in.

    Args:
        template: File name.
        **values: Text is escaped; `Markup` is put in as it is.
    """
    return Markup(_environment().get_template(template).render(**values))  # noqa: S704 - escaped


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["zip"] = zip
    return found
