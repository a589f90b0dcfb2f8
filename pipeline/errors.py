"""All errors that a user can cause, and how they are worded.

Example: `taskloom show: --rows: is 0`, and below it `expected: 1 or more`. Every error that comes from a
user's input is a `PipelineError`. It says where it is, what is wrong, what was expected and what to do.
`python -m pipeline` prints it and exits with code 2. Any other exception is a bug. This module imports
the standard library only.

    PipelineError
    ├── ConfigError      a card, a mixture or params.yaml
    ├── SourceError      raw data: files, hub, packages
    ├── DataError        rows that break the example schema
    ├── MixtureError     rates, quotas, orders
    ├── ArtefactError    a stage's output that is missing, truncated, or from another run
    └── TrainingError    model, tokenizer, checkpoints, losses
"""

import difflib
import re
from collections.abc import Iterable


class PipelineError(Exception):
    """An error worded for the person who runs the pipeline.

    Args:
        what: What is wrong, with the offending value.
        where: File and key, or task and split; empty where there is no place to name.
        expected: What would have been right; may be empty.
        remedy: What to do next; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "", remedy: str = "") -> None:
        """Keep the parts and word the whole."""
        self.what, self.where, self.expected, self.remedy = what, where, expected, remedy
        lines = [f"{where}: {what}" if where else what]
        if expected:
            lines.append(f"  expected: {expected}")
        if remedy:
            lines.append(f"  to do: {remedy}")
        super().__init__("\n".join(lines))


class ConfigError(PipelineError):
    """A task card, a mixture card or params.yaml breaks its contract."""


class SourceError(PipelineError):
    """Raw data cannot be read, or lacks what its card names."""


class DataError(PipelineError):
    """A table breaks the schema that it claims to have."""


class MixtureError(PipelineError):
    """Rates, quotas or an order that cannot be built."""


class ArtefactError(PipelineError):
    """A stage's output is missing, truncated, or belongs to another recipe."""


class TrainingError(PipelineError):
    """A model, tokenizer or checkpoint that cannot be used, or a loss that is not finite."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like `name`, or an empty string where none is close."""
    matches = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    """Word an unknown name: what is wrong, and what to do about it.

    Args:
        kind: What the name should have been: `task`, `mixture`, `column`.
        name: The name as written.
        known: The names that exist.

    Returns:
        `what` and `remedy` for a `PipelineError`.
    """
    names = sorted(known)
    guess = nearest(name, names)
    if guess:
        return f"no {kind} named '{name}'", f"did you mean '{guess}'?"
    shown = ", ".join(names[:16]) + (f" and {len(names) - 16} more" if len(names) > 16 else "")
    return f"no {kind} named '{name}'", f"known: {shown}" if names else f"there is no {kind} yet"


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line break, and those that change the direction of text."""


def visible(text: str) -> str:
    """Return text in which a terminal has nothing to obey: control characters are spelled out.

    Use it for whatever comes from data: a task's text, a prompt's name, a licence. A control character
    becomes its escape as Python writes it, a backslash with `x1b` for example.
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
