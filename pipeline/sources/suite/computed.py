"""Recipes that compute their answers: sums, steps round a cycle, measures in different units.

`arithmetic` needs no table, `cycle` any ordered one, `compare` one of units with a dimension and a
factor. Ranges and wordings come from the card.
"""

from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.config.strict import Strict
from pipeline.schema import Split
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.draw import Rows, fresh_slots, say, settle
from pipeline.sources.suite.facts import Ids

Choices = Annotated[int, Field(ge=2, le=10)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]

_TOO_CLOSE = 1.1
"""Ratio below which two measures are too alike to ask about."""


class Arithmetic(Strict):
    """Options of `arithmetic`; `{a}` and `{b}` in the wording."""

    operation: Literal["add", "subtract", "multiply"] = "add"
    low: Number = 1
    high: Number = 999
    spread: Annotated[int, Field(ge=1)] = 10
    """Wrong choices are up to this far apart; the gold one is as often the largest as any other."""
    choices: Choices = 4
    wording: str

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low: {self.low} is not below high: {self.high}")
        return self


class Cycle(Strict):
    """Options of `cycle`; `{step}` and the column in the wording."""

    table: str
    column: str
    """Names in the order of the cycle."""
    steps: Annotated[int, Field(ge=2)]
    """Most steps onward; the least are two, since wordings speak of several."""
    choices: Choices = 4
    wording: str


class Compare(Strict):
    """Options of `compare`."""

    table: str
    unit: str
    dimension: str
    factor: str
    """Column with the size of the unit in one reference unit of its dimension."""
    asked: dict[str, str]
    """Dimensions to use, and the word for the larger measure that fills `{more}`."""
    high: Annotated[int, Field(ge=3, le=10_000)] = 40
    """Largest number in front of a unit."""
    wording: str


def read_arithmetic(
    options: Arithmetic, size: int, split: Split, rng: np.random.Generator
) -> pl.DataFrame:
    """Return `context`, `question`, `choices`, `label` and `answer` (the number as text)."""
    wording = facts.wording(options.wording)

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {"a", "b"})
        second = rng.integers(options.low, options.high + 1, size=len(anchors))
        if options.operation == "subtract":
            second = np.minimum(second, anchors)
        return rows | {"a": anchors.copy(), "b": second}

    anchors = rng.integers(options.low, options.high + 1, size=size)
    _, rows = settle(anchors, draw, wording, split, rng)
    a, b = rows["a"], rows["b"]
    answer = {"add": a + b, "subtract": a - b, "multiply": a * b}[options.operation]
    gap = rng.integers(1, options.spread + 1, size=size)
    below = np.minimum(rng.integers(options.choices, size=size), answer // gap)
    ladder = (np.arange(options.choices) - below[:, None]) * gap[:, None] + answer[:, None]
    wrong = ladder[ladder != answer[:, None]].reshape(size, -1)
    shown = np.column_stack([answer, wrong])
    codes = np.arange(shown.size).reshape(shown.shape)
    numbers = pl.Series(np.arange(options.high + 1)).cast(pl.String)
    return say(rows, wording, {"a": numbers, "b": numbers}).with_columns(
        *choices.columns(codes, pl.Series(shown.ravel()).cast(pl.String), rng),
        answer=pl.Series(answer).cast(pl.String),
    )


def read_cycle(options: Cycle, size: int, split: Split, rng: np.random.Generator) -> pl.DataFrame:
    """Return `context`, `question`, `choices`, `label` and `answer` (a name of the cycle)."""
    names = facts.table(options.table, options.column)[options.column]
    wording = facts.wording(options.wording)
    facts.require_slot(wording, options.column)

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {options.column, "step"})
        step = rng.integers(2, options.steps + 1, size=len(anchors))
        return rows | {options.column: anchors.copy(), "step": step}

    anchors = choices.balanced(np.arange(len(names)), size, rng)
    anchors, rows = settle(anchors, draw, wording, split, rng)
    answer = (anchors + rows["step"]) % len(names)
    wrong = choices.wrong_answers(answer, options.choices - 1, rng)
    steps = pl.Series(np.arange(options.steps + 1)).cast(pl.String)
    return say(rows, wording, {options.column: names, "step": steps}).with_columns(
        *choices.columns(np.column_stack([answer, wrong]), names, rng), answer=names.gather(answer)
    )


def read_compare(
    options: Compare, size: int, split: Split, rng: np.random.Generator
) -> pl.DataFrame:
    """Return `context`, `question`, `choices` (two measures) and `label`: the larger one."""
    frame = facts.table(options.table, options.unit, options.dimension, options.factor)
    for name in options.asked:
        facts.require_value(options.dimension, name, frame[options.dimension].unique().to_list())
    frame = frame.filter(pl.col(options.dimension).is_in(list(options.asked)))
    wording = facts.wording(options.wording)
    groups = [
        np.flatnonzero((frame[options.dimension] == name).to_numpy()) for name in options.asked
    ]

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {"more"})
        rows["more"] = anchors.copy()
        for place in ("option0", "option1"):
            rows[place] = np.empty(len(anchors), dtype=np.int64)
            for number, members in enumerate(groups):
                mine = anchors == number
                rows[place][mine] = rng.choice(members, int(mine.sum()))
            rows[f"{place}_count"] = rng.integers(2, options.high + 1, size=len(anchors))
        return rows

    anchors = choices.balanced(np.arange(len(groups)), size, rng)
    _, rows = settle(anchors, draw, wording, split, rng, kinds=anchors)
    return say(rows, wording, {"more": pl.Series(list(options.asked.values()))}).with_columns(
        *_measures(rows, frame[options.unit], frame[options.factor], rng)
    )


def _measures(
    rows: Rows, units: pl.Series, factors: pl.Series, rng: np.random.Generator
) -> list[pl.Series]:
    """Word the two measures of each row, far enough apart, the larger one in a random place."""
    factor = factors.cast(pl.Float64).to_numpy()
    unit = np.stack([rows["option0"], rows["option1"]], 1)
    count = np.stack([rows["option0_count"], rows["option1_count"]], 1)
    size = count * factor[unit]
    close = size.max(axis=1) < _TOO_CLOSE * size.min(axis=1)
    count[close, 0] = count[close, 0] * 2 + 1
    size = count * factor[unit]
    larger = np.argmax(size, axis=1)
    codes = np.arange(unit.size).reshape(unit.shape)
    codes = np.where(larger[:, None] == 1, codes[:, ::-1], codes)
    texts = pl.select(
        pl.concat_str(
            pl.Series(count.ravel()).cast(pl.String), pl.lit(" "), units.gather(unit.ravel())
        )
    ).to_series()
    return choices.columns(codes, texts, rng)
