"""The strictness that all models of what people write share, and the names they may use."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.layout import MAX_NAME, NAME_PATTERN

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME)]
"""Of a task, a mixture or a training. It becomes part of file names, hence the pattern."""

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]

PLAIN = "plain"
"""Name and id of the built-in format of the text view, which counts as a prompt."""
PROMPT_SETS = ("all", "original", PLAIN)
"""What a mixture may say of a task's prompts instead of their names."""


def _prompt_names(value: Any) -> Any:
    """Refuse what is neither a word of `PROMPT_SETS`, nor a list of names, nor names with weights."""
    sets = ", ".join(PROMPT_SETS)
    if isinstance(value, str) and value not in PROMPT_SETS:
        raise ValueError(f"is '{value}', not one of {sets}, or a list: [{value}]")
    if not isinstance(value, str | list | tuple | dict) or not value:
        raise ValueError(f"is {value!r}, not one of {sets}, a list of names, or names with weights")
    if isinstance(value, dict):
        _check_weights(value)
    return value if isinstance(value, str) else _distinct(value)


def _check_weights(weights: dict[Any, Any]) -> None:
    for name, weight in weights.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 < weight < float("inf"):
            raise ValueError(f"'{name}' has the weight {weight!r}, which must be above 0")


def _distinct(names: Any) -> Any:
    seen = set()
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is no name of a prompt: put it in quotes")
        if name in seen:
            raise ValueError(f"'{name}' is named twice")
        seen.add(name)
    return names


PromptNames = Annotated[str | tuple[str, ...] | dict[str, Positive], BeforeValidator(_prompt_names)]


class Strict(BaseModel):
    """Unknown keys are errors, values never change after reading, NaN is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
