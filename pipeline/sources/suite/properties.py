"""Recipes that label a text by properties of its words.

`property` labels by one property, `traits` by several at once, `noise` by chance. Which words, which
property and which wording come from the card.
"""

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.config.strict import Share, Strict
from pipeline.schema import Split
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.draw import Rows, fresh_slots, say, settle
from pipeline.sources.suite.facts import Ids
from pipeline.sources.suite.words import lexicon


class Property(Strict):
    """Options of `property`."""

    table: str
    entity: str
    """Column of the words; `{entity}`, `{entity2}`, ... in the wording."""
    property: str
    """Column whose value is the label."""
    values: tuple[str, ...] | None = None
    """Values to use, equally often; all of them where left out."""
    train_share: Share = 1.0
    """Share of the words that train rows use; the other splits use all of them."""
    wording: str


class Noise(Strict):
    """Options of `noise`."""

    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    wording: str


class Traits(Strict):
    """Options of `traits`."""

    table: str
    entity: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    """Columns whose values are the gold set; a value of one must not occur in another."""
    wording: str


def read_property(
    options: Property, size: int, split: Split, rng: np.random.Generator
) -> pl.DataFrame:
    """Return `context`, `question` and `label`: the value that all the words of the row have."""
    share = options.train_share if split == "train" else 1.0
    words = lexicon(options.table, options.entity, options.property, options.values, share=share)
    wording = facts.wording(options.wording)
    turn = choices.balanced(np.arange(len(words.values)), size, rng)
    anchors, rows = settle(
        words.members(turn, rng),
        lambda anchors: words.sentences(anchors, wording, rng),
        wording,
        split,
        rng,
        kinds=turn,
    )
    label = pl.Series(words.values, dtype=pl.String).gather(words.of_value[anchors])
    return say(rows, wording, {options.entity: words.words}).with_columns(label=label)


def read_noise(options: Noise, size: int, split: Split, rng: np.random.Generator) -> pl.DataFrame:
    """Return `context`, `question` and a `label` that has nothing to do with them."""
    wording = facts.wording(options.wording)
    labels = choices.balanced(np.arange(len(options.labels)), size, rng)

    def draw(anchors: Ids) -> Rows:
        return fresh_slots(wording, len(anchors), rng, set())

    _, rows = settle(labels, draw, wording, split, rng, kinds=labels)
    return say(rows, wording, {}).with_columns(
        label=pl.Series(options.labels, dtype=pl.String).gather(labels)
    )


def read_traits(options: Traits, size: int, split: Split, rng: np.random.Generator) -> pl.DataFrame:
    """Return `context`, `question` and `labels`: the values of several columns, in their order."""
    frame = facts.table(options.table, options.entity, *options.columns)
    wording = facts.wording(options.wording)
    facts.require_slot(wording, options.entity)

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {options.entity})
        return rows | {options.entity: anchors}

    anchors = choices.balanced(np.arange(len(frame)), size, rng)
    anchors, rows = settle(anchors, draw, wording, split, rng)
    labels = frame.select(pl.concat_list(options.columns).alias("labels"))["labels"]
    texts = say(rows, wording, {options.entity: frame[options.entity]})
    return texts.with_columns(labels=labels.gather(anchors))
