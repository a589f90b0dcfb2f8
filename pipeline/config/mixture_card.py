"""The mixture card: which tasks, in which proportions, for which target.

Adding a task to a mixture is one line under `tasks:`. `params:` overrides single values of
`params.yaml` for this mixture, key by key.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.strict import Name, Positive, Share, Strict

Strategy = Literal["proportional", "temperature", "equal", "weights", "counts"]


class MixtureTask(Strict):
    """What a mixture says of one of its tasks; all of it may be left out (`sst2: {}`)."""

    weight: Positive | None = None
    """Multiplies the rate that the strategy gives (default 1); required by `weights`."""
    count: Annotated[int, Field(ge=0)] | None = None
    """Rows to draw; required by `counts`, refused elsewhere."""


class Sampling(Strict):
    """How often each task is drawn, and how many rows the mixture has in all."""

    strategy: Strategy
    """`proportional` to the rows a task has; `temperature`: those sizes to the power 1/T; `equal`;
    `weights`: the weights alone; `counts`: exactly these rows."""
    temperature: Positive | None = None
    """T of `temperature`: 1 keeps proportions, larger flattens them."""
    cap: Annotated[int, Field(gt=0)] | None = None
    """Size above which a task counts as no larger, applied before the temperature."""
    rows: Annotated[int, Field(gt=0)] | None = None
    """Rows of the mixture; give this or `epochs`, neither with `counts`."""
    epochs: Positive | None = None
    """Rows of the mixture as a multiple of all tasks' train rows."""

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        sizes = [name for name in ("rows", "epochs") if getattr(self, name) is not None]
        if self.strategy == "counts" and sizes:
            raise ValueError(
                f"'{sizes[0]}' does not go with strategy 'counts', which fixes the rows"
            )
        if self.strategy != "counts" and len(sizes) != 1:
            raise ValueError("give exactly one of 'rows' and 'epochs'")
        if (self.temperature is not None) != (self.strategy == "temperature"):
            raise ValueError("'temperature' goes with strategy 'temperature' and only with it")
        if self.cap is not None and self.strategy not in ("proportional", "temperature"):
            raise ValueError("'cap' goes with strategy 'proportional' or 'temperature'")
        return self


class Limits(Strict):
    """Most rows that a task may have in each role; null is no limit."""

    train: Annotated[int, Field(gt=0)] | None = None
    select: Annotated[int, Field(gt=0)] | None = None
    report: Annotated[int, Field(gt=0)] | None = None


class Tailor(Strict):
    """Augmentation of one target task with tasks that complement it."""

    target: Name
    k: Annotated[int, Field(ge=0)] = 4
    """Most tasks to take; fewer are taken where fewer score above `min_score`."""
    scorer: str = "prefix"
    min_score: float = 0.0
    """Tasks that do not score above this are refused, so that the choice can be empty."""
    epochs: Positive = 2.0
    """Passes over the target's train rows in the tailored mixture."""
    ratio: Annotated[float, Field(ge=0.0)] = 1.0
    """Rows of all complements together, as a multiple of the target's."""
    max_epochs: Positive = 2.0
    """Most passes over a complement's rows."""
    max_share: Share = 0.5
    """Most that one complement may have of the complements' rows, where there are several."""
    init: Literal["base", "compass"] = "compass"
    """Start of the tailored training: the base model again, or the compass checkpoint."""


class MixtureCard(Strict):
    """One mixture: a whole experiment, side by side with others under its `name`."""

    name: Name
    description: str = ""
    view: Literal["choice"] = "choice"
    tasks: dict[Name, MixtureTask] = Field(min_length=1)
    sampling: Sampling
    limits: Limits = Limits()
    tailor: Tailor
    params: dict[str, Any] = {}
    """Overrides of `params.yaml`, for example `{train: {batch: 16}}`."""

    @model_validator(mode="after")
    def _tasks_agree(self) -> Self:
        if self.tailor.target not in self.tasks:
            raise ValueError(f"tailor.target: '{self.tailor.target}' is not among the tasks")
        counts = [task for task, entry in self.tasks.items() if entry.count is not None]
        if self.sampling.strategy == "counts":
            lacking = sorted(set(self.tasks) - set(counts))
            if lacking:
                raise ValueError(
                    f"tasks.{lacking[0]}: strategy 'counts' needs a count for every task"
                )
        elif counts:
            raise ValueError(f"tasks.{counts[0]}: 'count' goes with strategy 'counts' only")
        if self.sampling.strategy == "weights":
            lacking = sorted(task for task, entry in self.tasks.items() if entry.weight is None)
            if lacking:
                raise ValueError(
                    f"tasks.{lacking[0]}: strategy 'weights' needs a weight for every task"
                )
        return self
