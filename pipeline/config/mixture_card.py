"""The mixture card: which tasks, in which proportions, for which target.

Adding a task to a mixture is one line under `tasks:`. `params:` overrides single values of
`params.yaml` for this mixture, key by key. `docs/mixtures.md` shows every key with what it gives.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.mixture import MixtureParts
from pipeline.config.mixture_rules import complaint
from pipeline.config.strict import Name, Positive, Share, Strict

BASE = "base"
"""What a training may start from beside another training: the model of params.yaml."""


class Limits(Strict):
    """Most rows that a task may have in each role; null is no limit."""

    train: Annotated[int, Field(gt=0)] | None = None
    select: Annotated[int, Field(gt=0)] | None = None
    report: Annotated[int, Field(gt=0)] | None = None


class Tailor(Strict):
    """Augmentation of one target task with tasks that complement it."""

    target: Name
    selection: Literal["race", "top_k"] = "race"
    """`race`: a guard, a greedy sequence by score and coverage, a race of nested sets on the target's
    held-out rows, a backward check; of the choice view, where it is the default. `top_k`: the best by
    score; the default of the text view, which has nothing else."""
    k: Annotated[int, Field(ge=0)] = 4
    """Most tasks to take; fewer are taken where fewer help."""
    scorer: str = "source_head"
    """What ranks; left out, `source_head` for a race and `prefix` for `top_k`. The stage `relate` runs
    it, whether `relate.scorers` names it or not."""
    min_score: float | None = None
    """Tasks that do not score above this are refused, so that the choice can be empty. Left out, 0 for
    `top_k`; a race has its guard instead."""
    guard: bool = True
    """Of a race: whether tasks that the evidence speaks against are refused before any is ranked."""
    coverage: bool = True
    """Of a race: whether the sequence counts what rows of the target a task speaks to, beside its
    score."""
    backward: bool = True
    """Of a race: whether each task that won is left out once, and stays out where it is not missed."""
    epochs: Positive = 2.0
    """Passes over the target's train rows in the tailored mixture."""
    ratio: Annotated[float, Field(ge=0.0)] = 1.0
    """Rows of all complements together, as a multiple of the target's."""
    max_epochs: Positive = 2.0
    """Most passes over a complement's rows."""
    max_share: Share = 0.5
    """Most that one complement may have of the complements' rows, where there are several."""
    budget: Literal["saturating", "proportional"] = "saturating"
    """How the complements share their rows: where the next row of each is worth the same, rows of one
    task giving less and less; or in proportion to what each is worth."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_top_k(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("selection") != "top_k":
            return value
        return {"scorer": "prefix", "min_score": 0.0} | value


class Training(Strict):
    """One training of a mixture: what it draws and which model it starts from.

    DVC reads these keys from the card too, so that all of them but `kind` are written out.
    """

    recipe: Literal["all", "tailored"]
    """What is drawn: `all`, the tasks of the card in its proportions; `tailored`, what Tailor chose."""
    start: Name
    """`base`, the model that `model` of params.yaml names; or another training, whose result it is."""
    kind: Literal["whole"] = "whole"
    """What is trained: `whole`, every weight of the model."""


class Mixture(MixtureParts):
    """What of a card decides how many rows each task gives, and in which order."""

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
    trainings: dict[Name, Training] = Field(min_length=1)
    """By name, in the order in which reports list them: the models that this mixture trains."""
    params: dict[str, Any] = {}
    """Overrides of `params.yaml`, for example `{train: {batch: 16}}`."""

    @model_validator(mode="before")
    @classmethod
    def _selection_of_the_view(cls, value: Any) -> Any:
        """Say `top_k` where a card of the text view is silent; an explicit `race` is an error."""
        if not isinstance(value, dict) or value.get("view") != "text":
            return value
        tailor = value.get("tailor")
        if not isinstance(tailor, dict):
            return value
        return value | {"tailor": {"selection": "top_k"} | tailor}

    @model_validator(mode="after")
    def _races_run_on_choices(self) -> Self:
        if self.view == "text" and self.tailor.selection == "race":
            raise ValueError(
                "tailor.selection: a race needs features of choices, which the text view has not; "
                "say `top_k`"
            )
        return self

    @model_validator(mode="after")
    def _trainings_start_somewhere(self) -> Self:
        for name in self.trainings:
            if name == BASE:
                raise ValueError(f"trainings: '{BASE}' is the model that trainings start from")
            seen = [name]
            while (start := self.trainings[seen[-1]].start) != BASE:
                if start not in self.trainings:
                    raise ValueError(
                        f"trainings.{seen[-1]}.start: '{start}' is no training of this mixture; "
                        f"say '{BASE}' or one of {', '.join(self.trainings)}"
                    )
                if start in seen:
                    raise ValueError(f"trainings.{name}.start: starts from itself")
                seen.append(start)
        return self

    @model_validator(mode="after")
    def _target_is_a_task(self) -> Self:
        if self.tailor.target not in self.tasks:
            raise ValueError(f"tailor.target: '{self.tailor.target}' is not among the tasks")
        if self.tailor.target in self.held_out:
            raise ValueError(
                f"tailor.target: '{self.tailor.target}' is held out; a target is trained on, and what "
                "a model does on a held-out task is zero-shot only where nothing was"
            )
        return self
