"""Recipe `lookup`: ask for a fact in one direction, or, with the columns swapped, in the other.

The answer comes with wrong choices, or alone for tasks of free text and spans. Which table, which
columns and which wording come from the card.
"""

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.config.strict import Strict
from pipeline.schema import Split
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.draw import Rows, fresh_slots, say, settle
from pipeline.sources.suite.facts import Ids

Choices = Annotated[int, Field(ge=2, le=10)]


class Lookup(Strict):
    """Options of `lookup`."""

    table: str
    given: str
    """Column that the text names. Any column of the table may be a slot; a digit (`{given2}`) makes it
    that of another fact, the same for all slots of that digit."""
    answer: str
    """Column that is asked for."""
    choices: tuple[Choices, Choices] | Choices | None = 4
    """How many; a pair is the least and the most per row; null writes the answer alone."""
    wording: str


def read_lookup(options: Lookup, size: int, split: Split, rng: np.random.Generator) -> pl.DataFrame:
    """Return `context`, `question`, `answer`, and with choices also `choices` and `label`."""
    frame = facts.table(options.table, options.given, options.answer)
    wording = facts.wording(options.wording)
    facts.require_slot(wording, options.given)
    slots = [slot for slot in wording.slots if slot.kind in frame.columns]

    def draw(anchors: Ids) -> Rows:
        rows = fresh_slots(wording, len(anchors), rng, {slot.name for slot in slots})
        about = {"": anchors}
        for slot in slots:
            if slot.number not in about:
                ahead = rng.integers(1, len(frame), size=len(anchors))
                about[slot.number] = (anchors + ahead) % len(frame)
            rows[slot.name] = about[slot.number].copy()
        return rows

    anchors = choices.balanced(np.arange(len(frame)), size, rng)
    anchors, rows = settle(anchors, draw, wording, split, rng)
    texts = say(rows, wording, {slot.kind: frame[slot.kind] for slot in slots})
    texts = texts.with_columns(answer=frame[options.answer].gather(anchors))
    if options.choices is None:
        return texts
    return texts.with_columns(_choices(frame[options.answer], anchors, options.choices, rng))


def _choices(
    answers: pl.Series, anchors: Ids, wanted: tuple[int, int] | int, rng: np.random.Generator
) -> list[pl.Series]:
    low, high = (wanted, wanted) if isinstance(wanted, int) else sorted(wanted)
    texts = answers.unique(maintain_order=True)
    codes = answers.to_frame("text").join(
        texts.to_frame("text").with_row_index("code"), on="text", maintain_order="left"
    )["code"]
    gold = codes.to_numpy().astype(np.int64)[anchors]
    options = np.column_stack([gold, choices.wrong_answers(gold, high - 1, rng)])
    counts = rng.integers(low, high + 1, size=len(gold))
    return choices.columns(options, texts, rng, counts)
