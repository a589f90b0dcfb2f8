"""The parts of a mixture: what a card says of tasks, sampling, groups and phases.

`mixture_card.Mixture` has the same parts, held against each other by the rules.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from pipeline.config.sampling import Group, Phase, Sampling
from pipeline.config.strict import Name, Positive, PromptNames, Strict

View = Literal["choice", "text"]
PromptDraw = Literal["all", "one"]


class MixtureTask(Strict):
    """What a mixture says of one of its tasks; all of it may be left out (`sst2: {}`)."""

    weight: Positive | None = None
    """Multiplies the rate that the strategy gives (default 1); required by `weights`."""
    count: Annotated[int, Field(ge=0)] | None = None
    """Rows to draw; required by `counts`, refused elsewhere."""
    epochs: Positive | None = None
    """Times that the task's rows are drawn; of strategy `epochs`, refused elsewhere."""
    prompts: PromptNames | None = None
    """Of the text view, what its rows are seen through: names or ids of prompts, in a list, or with
    weights (`{short: 2, long: 1}`); `all`; `original`, those that ask for what the dataset was made
    for; or `plain`, the built-in format, which a list may name too. Left out: `plain`, or `all` where
    there is a `pool`."""
    pool: str | None = None
    """Dataset (`paws/labeled_final`) whose prompts see the task's raw records; it lies below
    `prompts_dir`, or else `mixtures/prompts`. The task's own prompts, `mixtures/prompts/<task>`, see
    examples."""
    draw: PromptDraw | None = None
    """As of the mixture, for this task."""
    held_out: bool = False
    """Whether the task is evaluated and nothing else: no row of it is drawn, no model learns from it,
    and Tailor neither takes nor targets it. What a model then does on it is zero-shot."""


class MixtureParts(Strict):
    """What of a card decides how many rows each task gives, and in which order."""

    view: View = "choice"
    """`choice`: every row is a question with choices; `text`: a prompt and its target."""
    draw: PromptDraw = "all"
    """Whether each train row is seen through all prompts of its task, or through one, drawn by the
    seed and the weights. Rows for evaluation are seen through all."""
    tasks: dict[Name, MixtureTask] = Field(min_length=1)
    sampling: Sampling
    groups: dict[Name, Group] = {}
    """Tasks that share one part of the mixture; a task is in one group or in none."""
    phases: tuple[Phase, ...] = ()
    """Stretches with proportions of their own, one after the other; none is one phase of all."""
    same_content: Literal["refuse", "merge", "allow"] = "refuse"
    """What happens to tasks whose train rows are the same under two names: an error; the first name
    stays (the target's, if it is one of them) and the others leave; or nothing."""

    @property
    def held_out(self) -> tuple[str, ...]:
        """Tasks that are evaluated and never drawn, in name order."""
        return tuple(sorted(task for task, entry in self.tasks.items() if entry.held_out))

    def drawn(self) -> Self:
        """Return the mixture without its held-out tasks, which no group and no phase names."""
        kept = {task: entry for task, entry in self.tasks.items() if not entry.held_out}
        return self.model_copy(update={"tasks": kept})

    def strategies(self) -> set[str]:
        """Return the names of all strategies that the mixture uses."""
        parts = [*(group for _, _, group in self.all_groups()), *self.phases]
        own = {part.strategy for part in parts if part.strategy is not None}
        return own | {self.sampling.strategy, self.sampling.split_strategy.name}

    def all_groups(self) -> Iterator[tuple[str, str, Group]]:
        """Yield every group with its path (`a/b`) and its name, outer ones first."""
        yield from _groups_below(self.groups, "")

    def drawn_in(self, phase: Phase | None) -> set[str]:
        """Return the tasks that a phase draws from: its own, and those of its groups."""
        if phase is None or not phase.tasks:
            return set(self.tasks)
        inside = {name: group.members() for _, name, group in self.all_groups()}
        return set().union(*(inside.get(name, {name}) for name in phase.tasks))


def _groups_below(groups: Mapping[str, Group], path: str) -> Iterator[tuple[str, str, Group]]:
    for name in sorted(groups):
        where = f"{path}/{name}" if path else name
        yield where, name, groups[name]
        yield from _groups_below(groups[name].groups, where)
