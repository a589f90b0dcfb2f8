"""How rows are shared out among tasks, as people write it: strategies, presets, groups, phases.

Models and the rules inside each of them; `mixture_rules` checks them against each other. Computes
nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.config.strict import Name, Positive, Strict

SplitStrategy = Literal["proportional", "temperature", "equal", "weights", "unimax"]
"""Ways to split a number of rows, or of tokens, among the members of a level."""

Strategy = Literal[
    "proportional", "temperature", "equal", "weights", "unimax",
    "counts", "epochs", "tokens", "supervised_tokens",
]  # fmt: skip

Stop = Literal["fixed", "first_exhausted", "all_seen", "exactly_once", "endless"]
Order = Literal["shuffled", "smooth", "stratified"]
Preset = Literal["t0", "compassmtl"]
SizeKey = Literal["rows", "epochs", "passes", "tokens"]
Unit = Literal["rows", "tokens", "supervised_tokens"]

Count = Annotated[int, Field(gt=0)]

_KNOBS = ("temperature", "scale", "cap", "per", "max_epochs")
_TAKES: dict[str, tuple[str, ...]] = {
    "proportional": ("scale", "cap", "per"),
    "temperature": ("temperature", "scale", "cap", "per"),
    "unimax": ("max_epochs",),
}
"""Knobs that each strategy takes; the others take none."""
_NEEDS = {"temperature": "temperature", "unimax": "max_epochs"}

SIZES: dict[str, tuple[SizeKey, ...]] = {
    "proportional": ("rows", "epochs", "passes"),
    "temperature": ("rows", "epochs"),
    "equal": ("rows", "epochs"),
    "weights": ("rows", "epochs"),
    "unimax": ("rows", "epochs", "tokens"),
    "counts": (),
    "epochs": (),
    "tokens": ("tokens",),
    "supervised_tokens": ("tokens",),
}
"""Keys that say how large a mixture is, of which a strategy wants exactly one."""

PRESETS: dict[str, dict[str, Any]] = {
    "t0": {"strategy": "proportional", "cap": 500_000, "per": "prompt"},
    "compassmtl": {"strategy": "proportional", "cap": 10_000, "passes": 6},
}
"""What a preset stands for. `t0`: the mixing rate of T0 (Sanh et al., 2022), where each prompt of a
dataset of at most 500,000 rows has all of them, and the prompts of a larger one share 500,000.
`compassmtl`: examples-proportional with a cap of 10,000, six times over (Task Compass, Zhang et al.,
2022)."""


class Knobs(Strict):
    """What a strategy can be told."""

    temperature: Positive | None = None
    """T of `temperature`: 1 keeps proportions, larger flattens them. Applied last."""
    scale: Positive | None = None
    """Multiplies a size before the cap is applied."""
    cap: Count | None = None
    """Size above which a task counts as no larger, applied before the temperature."""
    per: Literal["task", "prompt"] | None = None
    """`prompt`: the cap is T0's. Each prompt of a task up to the cap has the whole size, and those of
    a larger task share the cap; a task's size is the sum over its prompts. Default `task`."""
    max_epochs: Positive | None = None
    """Most times that `unimax` repeats a row."""

    def given(self) -> dict[str, Any]:
        """Return the knobs that were written."""
        return {key: getattr(self, key) for key in _KNOBS if getattr(self, key) is not None}


def knob_complaint(strategy: str, knobs: Knobs) -> str | None:
    """Word the first knob that a strategy does not take, or lacks; None where all is well."""
    for key in knobs.given():
        if key not in _TAKES.get(strategy, ()):
            takers = " or ".join(f"'{name}'" for name in _TAKES if key in _TAKES[name])
            return f"'{key}' goes with strategy {takers}"
    need = _NEEDS.get(strategy)
    if need and getattr(knobs, need) is None:
        return f"strategy '{strategy}' needs '{need}'"
    return None


class Sampling(Knobs):
    """How often each task is drawn, how many rows the mixture has in all, and in which order."""

    strategy: Strategy
    """`proportional` to the rows a task has; `temperature`: those sizes to the power 1/T; `equal`;
    `weights`: the weights alone; `unimax`: as even as `max_epochs` allows; `counts`: exactly these
    rows; `epochs`: each task's rows so many times; `tokens` and `supervised_tokens`: a number of
    tokens, split as `by` says."""
    by: SplitStrategy | None = None
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
    """Where the mixture ends: `fixed` at its size as told; `first_exhausted` before any task's share
    outgrows its rows; `all_seen` as soon as every task's share holds all its rows; `exactly_once`
    with every row once; `endless` nowhere, of which the first `rows` are built."""
    order: Order = "shuffled"
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
        complaint = knob_complaint(self.split, self) or self._size_complaint()
        if complaint:
            raise ValueError(complaint)
        if self.by is not None and self.strategy not in ("tokens", "supervised_tokens"):
            raise ValueError("'by' goes with strategy 'tokens' or 'supervised_tokens'")
        return self

    @property
    def split(self) -> str:
        """The strategy that splits rows or tokens; `counts` and `epochs` split nothing."""
        if self.strategy in ("tokens", "supervised_tokens"):
            return self.by or "equal"
        return self.strategy

    @property
    def unit(self) -> Unit:
        """What is counted out: rows, tokens or supervised tokens."""
        if self.strategy == "supervised_tokens":
            return "supervised_tokens"
        return "rows" if self.tokens is None else "tokens"

    def sizes(self) -> list[str]:
        """Return the keys by which the size of the mixture was told."""
        keys = [key for key in get_args(SizeKey) if getattr(self, key) is not None]
        return [key for key in keys if not (key == "epochs" and self.strategy == "epochs")]

    def _size_complaint(self) -> str | None:
        """Word a size key that does not belong; `mixture_rules` looks for missing ones."""
        allowed, given = SIZES[self.strategy], self.sizes()
        if self.stop != "fixed" and self.strategy in ("counts", "epochs"):
            return f"stop '{self.stop}' does not go with strategy '{self.strategy}', which fixes the rows"
        if self.stop == "endless":
            return None if given == ["rows"] else (
                "stop 'endless' needs 'rows', and no other size: how many of its rows are built"
            )  # fmt: skip
        if self.stop != "fixed" and self.split == "unimax":
            return (
                f"stop '{self.stop}' does not go with 'unimax', which splits a size that is known"
            )
        if self.stop != "fixed" and given:
            return f"'{given[0]}' does not go with stop '{self.stop}', which decides the size"
        for key in given:
            if not allowed:
                return f"'{key}' does not go with strategy '{self.strategy}', which fixes the rows"
            if key not in allowed:
                return (
                    f"'{key}' does not go with strategy '{self.strategy}'; give {_one_of(allowed)}"
                )
        return f"give exactly one of {_both(allowed)}" if len(given) > 1 else None


def _one_of(words: tuple[str, ...]) -> str:
    return " or ".join(f"'{word}'" for word in words)


def _both(words: tuple[str, ...]) -> str:
    quoted = [f"'{word}'" for word in words]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def size_wanted(sampling: Sampling) -> str | None:
    """Word the size that a mixture lacks; None where it has one, or needs none."""
    allowed = SIZES[sampling.strategy]
    if sampling.stop != "fixed" or not allowed or sampling.sizes():
        return None
    if len(allowed) == 1:
        return f"strategy '{sampling.strategy}' needs '{allowed[0]}'"
    return f"give exactly one of {_both(allowed)}"


class Group(Knobs):
    """Tasks, or further groups, that share one member's part of the level above."""

    weight: Positive | None = None
    """As of a task: multiplies the group's rate (default 1); required where the level is `weights`."""
    strategy: SplitStrategy | None = None
    """How the group's part is split; left out, as the level above, with its knobs."""
    tasks: tuple[Name, ...] = ()
    groups: dict[Name, "Group"] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.tasks and not self.groups:
            raise ValueError("the group is empty: give it 'tasks' or 'groups'")
        if self.strategy is None and self.given():
            key = next(iter(self.given()))
            raise ValueError(f"'{key}' needs the group's own 'strategy' beside it")
        complaint = knob_complaint(self.strategy, self) if self.strategy else None
        if complaint:
            raise ValueError(complaint)
        return self


class Phase(Knobs):
    """A stretch of the mixture with proportions of its own; phases follow each other as listed."""

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
    strategy: SplitStrategy | None = None
    """How the topmost level is split in this phase, with its knobs; left out, as elsewhere."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.share is not None and self.rows is not None:
            raise ValueError("give 'share' or 'rows', not both")
        if self.strategy is None and self.given():
            key = next(iter(self.given()))
            raise ValueError(f"'{key}' needs the phase's own 'strategy' beside it")
        complaint = knob_complaint(self.strategy, self) if self.strategy else None
        if complaint:
            raise ValueError(complaint)
        return self
