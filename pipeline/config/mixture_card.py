"""The mixture card: which tasks, in which proportions, for which target.

Adding a task to a mixture is one line under `tasks:`. `params:` overrides single values of
`params.yaml` for this mixture, key by key. `docs/mixtures.md` shows every key with what it gives.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.mixture_rules import complaint
from pipeline.config.sampling import Group, Phase, Sampling
from pipeline.config.strict import Name, Positive, Share, Strict

View = Literal["choice", "text"]


class MixtureTask(Strict):
    """What a mixture says of one of its tasks; all of it may be left out (`sst2: {}`)."""

    weight: Positive | None = None
    """Multiplies the rate that the strategy gives (default 1); required by `weights`."""
    count: Annotated[int, Field(ge=0)] | None = None
    """Rows to draw; required by `counts`, refused elsewhere."""
    epochs: Positive | None = None
    """Times that the task's rows are drawn; of strategy `epochs`, refused elsewhere."""
    prompts: Annotated[int, Field(gt=0)] | None = None
    """Prompts that a cap `per: prompt` counts; left out, those that the task's rows were made through,
    and 1 where there are none."""


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


class Mixture(Strict):
    """What of a card decides how many rows each task gives, and in which order."""

    view: View = "choice"
    """`choice`: every row is a question with choices; `text`: a prompt and its target."""
    tasks: dict[Name, MixtureTask] = Field(min_length=1)
    sampling: Sampling
    groups: dict[Name, Group] = {}
    """Tasks that share one part of the mixture; a task is in one group or in none."""
    phases: tuple[Phase, ...] = ()
    """Stretches with proportions of their own, one after the other; none is one phase of all."""
    same_content: Literal["refuse", "merge", "allow"] = "refuse"
    """What happens to tasks whose train rows are the same under two names: an error; the first name
    stays (the target's, if it is one of them) and the others leave; or nothing."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        words = complaint(self)
        if words:
            raise ValueError(words)
        return self


class MixtureCard(Mixture):
    """One mixture: a whole experiment, side by side with others under its `name`."""

    name: Name
    description: str = ""
    limits: Limits = Limits()
    tailor: Tailor
    params: dict[str, Any] = {}
    """Overrides of `params.yaml`, for example `{train: {batch: 16}}`."""

    @model_validator(mode="after")
    def _target_is_a_task(self) -> Self:
        if self.tailor.target not in self.tasks:
            raise ValueError(f"tailor.target: '{self.tailor.target}' is not among the tasks")
        return self
