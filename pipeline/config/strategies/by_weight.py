"""Strategies that look at weights alone, not at sizes."""

from typing import ClassVar, Literal

from pipeline.config.strategies.base import SplitStrategy


class Equal(SplitStrategy):
    """The same for every member, times its weight."""

    name = "equal"


class GivenWeights(SplitStrategy):
    """What the weights say, of which every member has one."""

    name = "weights"
    weights: ClassVar[Literal["optional", "required", "refused"]] = "required"
