"""One prompt: what a `templates.yaml` says of it."""

from dataclasses import dataclass, field

SEPARATOR = "|||"
"""Stands between input and target, and between answer choices."""
RESERVED = "answer_choices"
"""The name under which a template sees its options; no field may have it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A PromptSource template.

    Attributes:
        id: UUID4 in text form; stable, and unique over a pool.
        name: Unique within the dataset and subset.
        jinja: The template: input `|||` target.
        answer_choices: Template that renders to the options, separated by `|||`; None where the
            target is free text.
        reference: Author or paper.
        original_task: Whether the prompt asks for what the dataset was made for; None = not said.
        choices_in_prompt: Whether the input shows the options; None = not said.
        metrics: Names of metrics to evaluate by; None = not said.
        languages: ISO 639-1 codes of the prompt's own words; None = not said.
        extra: Keys that the format does not know, kept as they were read; those of the metadata after
            `metadata.`.
    """

    id: str
    name: str
    jinja: str
    answer_choices: str | None = None
    reference: str = ""
    original_task: bool | None = None
    choices_in_prompt: bool | None = None
    metrics: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    extra: tuple[tuple[str, object], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The prompts of one dataset, as one `templates.yaml` holds them.

    Attributes:
        dataset: Name of the dataset, or of our task.
        subset: Name of the configuration; None where there is only one.
        prompts: In the file's order.
    """

    dataset: str
    subset: str | None
    prompts: tuple[Prompt, ...]

    @property
    def name(self) -> str:
        """Dataset, and subset after a slash where there is one."""
        return f"{self.dataset}/{self.subset}" if self.subset else self.dataset
