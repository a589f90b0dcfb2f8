"""How rows are shared out among tasks, as people write it: sampling, presets, groups, phases.

The models and the rules inside each of them; `mixture_rules` holds them against each other.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.config.strategies.base import Count, Knobs, SizeKey, SplitStrategy, Strategy, Unit
from pipeline.config.strategies.registry import FIXED_STRATEGIES, SPLIT_STRATEGIES, STRATEGIES
from pipeline.config.strict import Name, Positive

if TYPE_CHECKING:
    StrategyName = str
    SplittingName = str
else:
    StrategyName = Literal[tuple(STRATEGIES)]
    SplittingName = Literal[tuple(SPLIT_STRATEGIES)]

Stop = Literal["fixed", "first_exhausted", "all_seen", "exactly_once", "endless"]
OrderName = Literal["shuffled", "smooth", "stratified"]
Preset = Literal["t0", "compassmtl"]

PRESETS: dict[str, dict[str, Any]] = {
    "t0": {"strategy": "proportional", "cap": 500_000, "per": "prompt"},
    "compassmtl": {"strategy": "proportional", "cap": 10_000, "passes": 6},
}
"""What a preset stands for. `t0`: the mixing rate of T0 (Sanh et al., 2022), where each prompt of a
dataset of at most 500,000 rows has all of them, and the prompts of a larger one share 500,000.
`compassmtl`: examples-proportional with a cap of 10,000, six times over (Task Compass, Zhang et al.,
2022)."""


def knob_complaint(strategy: Strategy, knobs: Knobs) -> str | None:
    """Word the first knob that a strategy does not take, or lacks; None where all is well."""
    for key in knobs.given():
        if key not in strategy.takes:
            takers = [name for name, other in STRATEGIES.items() if key in other.takes]
            return f"'{key}' goes with strategy {_one_of(takers)}"
    if strategy.needs and getattr(knobs, strategy.needs) is None:
        return f"strategy '{strategy.name}' needs '{strategy.needs}'"
    return None


class Sampling(Knobs):
    """How often each task is drawn, how many rows the mixture has in all, and in which order."""

    strategy: StrategyName
    """`proportional` to the rows a task has; `temperature`: those sizes to the power 1/T; `equal`;
    `weights`: the weights alone; `unimax`: as even as `max_epochs` allows; `counts`: exactly these
    rows; `epochs`: each task's rows so many times; `tokens` and `supervised_tokens`: a number of
    tokens, split as `by` says."""
    by: SplittingName | None = None
    """How the tokens are split; `equal` (times the weights) where it is left out."""
    rows: Count | None = None
    """Rows of the mixture."""
    epochs: Positive | None = None
    """Rows of the mixture as a multiple of all tasks' train rows; with strategy `epochs` the default
    of each task's own `epochs`."""
    passes: Positive | None = None
    """Rows of the mixture as a multiple of the sum of all rates, so of the *capped* sizes."""
    tokens: Count | None = None
    """Tokens of the mixture."""
    stop: Stop = "fixed"
    """Where the mixture ends: `fixed` at the size on the card; `first_exhausted` before any task's share
    outgrows its rows; `all_seen` as soon as every task's share holds all its rows; `exactly_once`
    with every row once; `endless` nowhere, of which the first `rows` are built."""
    order: OrderName = "shuffled"
    """`shuffled` as one; `smooth`: at every position within one row of the shares; `stratified`: every
    global batch of the same composition."""
    preset: Preset | None = None
    """Stands for a strategy and its knobs; what is written beside it takes precedence."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or value.get("preset") not in get_args(Preset):
            return value
        preset = dict(PRESETS[value["preset"]])
        sized = any(value.get(key) is not None for key in get_args(SizeKey))
        if sized or value.get("stop", "fixed") not in ("fixed", None):
            preset.pop("passes", None)
        return preset | {key: inner for key, inner in value.items() if inner is not None}

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        taker = FIXED_STRATEGIES.get(self.strategy) or self.split_strategy
        words = knob_complaint(taker, self) or self._size_complaint()
        if words:
            raise ValueError(words)
        if self.by is not None and self.strategy in FIXED_STRATEGIES | SPLIT_STRATEGIES:
            others = [
                name for name in STRATEGIES if name not in FIXED_STRATEGIES | SPLIT_STRATEGIES
            ]
            raise ValueError(f"'by' goes with strategy {_one_of(others)}")
        return self

    @property
    def split_strategy(self) -> SplitStrategy:
        """The strategy that splits rows or tokens; where all rows are fixed, nothing asks for it."""
        return SPLIT_STRATEGIES.get(self.strategy) or SPLIT_STRATEGIES[self.by or "equal"]

    @property
    def unit(self) -> Unit:
        """What is counted out: rows, tokens or supervised tokens."""
        own = STRATEGIES[self.strategy].unit
        return "tokens" if own == "rows" and self.tokens is not None else own

    def sizes(self) -> list[str]:
        """Return the keys by which the card gives the size of the mixture."""
        keys = [key for key in get_args(SizeKey) if getattr(self, key) is not None]
        fixing = FIXED_STRATEGIES.get(self.strategy)
        return [key for key in keys if not (fixing and key == fixing.task_key)]

    def size_wanted(self) -> str | None:
        """Word the size that a mixture lacks; None where it has one, or needs none."""
        allowed = STRATEGIES[self.strategy].sizes
        if self.stop != "fixed" or not allowed or self.sizes():
            return None
        if len(allowed) == 1:
            return f"strategy '{self.strategy}' needs '{allowed[0]}'"
        return f"give exactly one of {_all_of(allowed)}"

    def _size_complaint(self) -> str | None:
        """Word a size key that does not belong; `size_wanted` looks for missing ones."""
        given = self.sizes()
        if self.stop != "fixed" and self.strategy in FIXED_STRATEGIES:
            return f"stop '{self.stop}' does not go with strategy '{self.strategy}', which fixes the rows"
        if self.stop == "endless":
            return None if given == ["rows"] else (
                "stop 'endless' needs 'rows', and no other size: how many of its rows are built"
            )  # fmt: skip
        if self.stop != "fixed" and self.split_strategy.splits_known_size:
            name = self.split_strategy.name
            return (
                f"stop '{self.stop}' does not go with '{name}', which splits a size that is known"
            )
        if self.stop != "fixed" and given:
            return f"'{given[0]}' does not go with stop '{self.stop}', which decides the size"
        return self._wrong_size(given)

    def _wrong_size(self, given: list[str]) -> str | None:
        allowed = STRATEGIES[self.strategy].sizes
        for key in given:
            if not allowed:
                return f"'{key}' does not go with strategy '{self.strategy}', which fixes the rows"
            if key not in allowed:
                return (
                    f"'{key}' does not go with strategy '{self.strategy}'; give {_one_of(allowed)}"
                )
        return f"give exactly one of {_all_of(allowed)}" if len(given) > 1 else None


def _one_of(words: Sequence[str]) -> str:
    return " or ".join(f"'{word}'" for word in words)


def _all_of(words: Sequence[str]) -> str:
    quoted = [f"'{word}'" for word in words]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


class OwnSplit(Knobs):
    """A part of a mixture that may have a strategy of its own."""

    strategy: SplittingName | None = None
    """How the part is split; left out, as the level above, with its knobs."""

    def split_complaint(self, kind: str) -> str | None:
        """Word knobs without a strategy, or that it does not take; None where all is well."""
        if self.strategy is not None:
            return knob_complaint(SPLIT_STRATEGIES[self.strategy], self)
        given = next(iter(self.given()), None)
        return f"'{given}' needs the {kind}'s own 'strategy' beside it" if given else None


class Group(OwnSplit):
    """Tasks, or further groups, that share one member's part of the level above."""

    weight: Positive | None = None
    """As of a task: multiplies the group's rate (default 1); required where the level is `weights`."""
    tasks: tuple[Name, ...] = ()
    groups: dict[Name, "Group"] = {}

    def members(self) -> set[str]:
        """Return all tasks of the group, those of its groups with them."""
        return set(self.tasks).union(*(inner.members() for inner in self.groups.values()))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.tasks and not self.groups:
            raise ValueError("the group is empty: give it 'tasks' or 'groups'")
        words = self.split_complaint("group")
        if words:
            raise ValueError(words)
        return self


class Phase(OwnSplit):
    """A stretch of the mixture with proportions of its own; phases follow each other as listed.

    Its `strategy` splits the topmost level.
    """

    name: Name
    share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Part of the mixture; the shares of all phases sum to 1. One phase may leave it out and takes
    the rest."""
    rows: Count | None = None
    """Rows of the phase, instead of a share."""
    tasks: tuple[Name, ...] = ()
    """Tasks, or groups, that the phase draws from; all where it is left out."""
    weights: dict[Name, Positive] = {}
    """Weights of tasks and groups in this phase, over those of the card."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.share is not None and self.rows is not None:
            raise ValueError("give 'share' or 'rows', not both")
        words = self.split_complaint("phase")
        if words:
            raise ValueError(words)
        return self
