"""The second tier: generated Python over columns. The only module that compiles and runs source.

What it runs comes from `generate` alone, which writes fixed words, numbered variables and numbered
constants, never template text; the namespace has no builtins, so that `open` or `__import__` are names
without a meaning; and every loop and text is on a budget. A row on which anything is raised goes to the
row renderer, which decides what it means.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from pipeline.templates import forms
from pipeline.templates.draws import prompt_seed
from pipeline.templates.environment import MAX_TEXT, GuardedEnvironment
from pipeline.templates.generate import Generator
from pipeline.templates.operations import Operations
from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.reference import PIPE_TOKEN, RESERVED, Rendered


class RowProgram:
    """A prompt as a Python function of its fields.

    Args:
        main: Form of the template.
        choices: Form of the answer choices; None where there are none.
        fields: Names of the row's fields, in the order of the columns that `run` gets.
        seed: Of the run.
        prompt_id: Of the prompt, for its draws.
    """

    def __init__(
        self,
        main: forms.Body,
        choices: forms.Body | None,
        fields: Sequence[str],
        *,
        seed: int,
        prompt_id: str,
    ) -> None:
        environment = GuardedEnvironment()
        operations = Operations(environment)
        self._budget, self._seed = environment.budget, prompt_seed(seed, prompt_id)
        variables = {name: f"f{i}" for i, name in enumerate(fields)}
        arguments = [*variables.values(), "options"]
        self._main = _function(main, variables | {RESERVED: "options"}, arguments, operations)
        self._choices, self._options = None, None
        if choices is not None and all(isinstance(part, forms.Text) for part in choices):
            self._options = _split_options("".join(part.text for part in choices))  # type: ignore[union-attr]
        elif choices is not None:
            self._choices = _function(choices, variables, arguments, operations)

    def run(self, columns: Sequence[Sequence[Any]], keys: Sequence[int]) -> list[Rendered | None]:
        """Render rows.

        Args:
            columns: The fields' values, `|||` in top-level texts protected; a template may change them.
            keys: Of the rows.

        Returns:
            Per row what was rendered; None where the row renderer must decide.
        """
        rows = zip(*columns, strict=True) if columns else (() for _ in keys)
        out: list[Rendered | None] = []
        for row, key in zip(rows, keys, strict=True):
            try:
                out.append(self._one(row, key))
            except Exception:  # whatever it is, Jinja itself shall say it
                out.append(None)
        return out

    def _one(self, row: tuple[Any, ...], key: int) -> Rendered:
        kept = self._options
        if self._choices is not None:
            self._budget.reset(self._seed + 1, key)
            kept = _split_options(self._choices(*row, None))
        self._budget.reset(self._seed, key)
        text = self._main(*row, None if kept is None else list(kept))
        self._budget.text(len(text))
        parts = text.split(SEPARATOR)
        return Rendered(tuple(part.replace(PIPE_TOKEN, SEPARATOR).strip() for part in parts), kept)


def _function(
    body: forms.Body, variables: dict[str, str], arguments: list[str], operations: Operations
) -> Any:
    """Compile the function of one template.

    Raises:
        SyntaxError, RecursionError: The form is nested too deeply for Python.
    """
    constants: list[object] = []
    lines = Generator(variables, constants).body(body)
    source = "\n".join([f"def one({', '.join(arguments)}):", "    out = []", "    write = out.append",
                        *lines, '    return join("", out)'])  # fmt: skip
    namespace: dict[str, Any] = {"__builtins__": {}, "join": _joined, **operations.names}
    namespace |= {f"k{i}": value for i, value in enumerate(constants)}
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # such as none[:2]
        exec(compile(source, "<generated from a form>", "exec"), namespace)  # noqa: S102 - see above
    return namespace["one"]


def _joined(between: str, pieces: list[str]) -> str:
    if sum(map(len, pieces)) > MAX_TEXT:
        raise ValueError("a long text")
    return between.join(pieces)


def _split_options(text: str) -> tuple[str, ...]:
    return tuple(part.strip().replace(PIPE_TOKEN, SEPARATOR) for part in text.split(SEPARATOR))
