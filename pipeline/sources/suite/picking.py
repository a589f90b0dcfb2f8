"""Recipes whose choices differ from row to row in a property of their words.

`pick` asks for the word that has a value, `contrast` for the sentence whose words have it. Which
words, which property and which wording come from the card.
"""

from typing import Annotated, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.config.strict import Share, Strict
from pipeline.schema import Split
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.draw import Rows, fresh_slots, say, settle
from pipeline.sources.suite.facts import Ids
from pipeline.sources.suite.words import lexicon

Choices = Annotated[int, Field(ge=2, le=10)]


class Pick(Strict):
    """Options of `pick`."""

    table: str
    entity: str
    property: str
    values: Annotated[dict[str, str], Field(min_length=2)]
    """Values that are asked for, and the word that the wording uses for each in `{value}`."""
    choices: Choices = 2
    wording: str


class Contrast(Strict):
    """Options of `contrast`."""

    table: str
    entity: str
    property: str
    gold: str
    """Value that the words of the right sentence have."""
    others: Annotated[tuple[str, ...], Field(min_length=1)]
    """Values of which the words of a wrong sentence have one, all of them the same."""
    train_share: Share = 1.0
    """Share of the words that train rows use; the other splits use all of them."""
    choices: Choices = 2
    wording: str
    """Its contexts are the sentences."""
    stem: str
    """Wording of what stands before them and of the question."""

    @model_validator(mode="after")
    def _gold_is_no_other(self) -> Self:
        if self.gold in self.others:
            raise ValueError(f"others: '{self.gold}' is the gold value")
        return self


def read_pick(options: Pick, size: int, split: Split, rng: np.random.Generator) -> pl.DataFrame:
    """Return `context`, `question`, `choices` (words) and `label`: the one with the value asked."""
    words = lexicon(options.table, options.entity, options.property, tuple(options.values))
    wording = facts.wording(options.wording)
    wrong = [f"option{place}" for place in range(1, options.choices)]

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {"value"})
        rows |= {"value": words.of_value[anchors], "option0": anchors.copy()}
        others = words.others(rows["value"], len(wrong), rng)
        return rows | {name: others[:, place] for place, name in enumerate(wrong)}

    turn = choices.balanced(np.arange(len(words.values)), size, rng)
    _, rows = settle(words.members(turn, rng), draw, wording, split, rng, kinds=turn)
    ids = np.column_stack([rows[name] for name in ("option0", *wrong)])
    asked = pl.Series([options.values[value] for value in words.values], dtype=pl.String)
    texts = say(rows, wording, {"value": asked})
    return texts.with_columns(choices.columns(ids, words.words, rng))


def read_contrast(
    options: Contrast, size: int, split: Split, rng: np.random.Generator
) -> pl.DataFrame:
    """Return `context`, `question`, `choices` (sentences) and `label`: the one about `gold`."""
    values = (options.gold, *options.others)
    share = options.train_share if split == "train" else 1.0
    words = lexicon(options.table, options.entity, options.property, values, share=share)
    wording, stem = facts.wording(options.wording), facts.wording(options.stem)
    turn = np.zeros((size, options.choices), dtype=np.int64)
    turn[:, 1:] = rng.integers(1, len(values), size=(size, options.choices - 1))
    _, rows = settle(
        words.members(turn.ravel(), rng),
        lambda anchors: words.sentences(anchors, wording, rng),
        wording,
        split,
        rng,
        kinds=turn.ravel(),
    )
    sentences = say(rows, wording, {options.entity: words.words})["context"]
    texts = say(fresh_slots(stem, size, rng, set()), stem, {})
    codes = np.arange(turn.size).reshape(turn.shape)
    return texts.with_columns(choices.columns(codes, sentences, rng))
