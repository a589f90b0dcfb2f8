"""Strategies that count out tokens instead of rows; `by` on the card says how they are split."""

from typing import ClassVar

from pipeline.config.strategies.base import SizeKey, Strategy, Unit


class Tokens(Strategy):
    """A number of tokens."""

    name = "tokens"
    sizes: ClassVar[tuple[SizeKey, ...]] = ("tokens",)
    unit: ClassVar[Unit] = "tokens"


class SupervisedTokens(Tokens):
    """A number of tokens that a loss is taken of; in the choice view a row has none."""

    name = "supervised_tokens"
    unit: ClassVar[Unit] = "supervised_tokens"
    view = "text"
    view_note = "in the choice view a row has no tokens that are targets, only a right choice"
