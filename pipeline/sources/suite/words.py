"""Words that share a value of a property, drawn alone or several to a sentence.

Knows fact tables and wordings; nothing of labels or choices.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.errors import ConfigError
from pipeline.seeds import derive_rng
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.draw import Rows, fresh_slots
from pipeline.sources.suite.facts import Ids, Wording


@dataclass(frozen=True)
class Lexicon:
    """The words of a table, grouped by a property.

    Attributes:
        entity: Column of the words, and name of their slots.
        words: One text per row of the table.
        values: The values in use.
        of_value: Index into `values` per word, -1 where its value is not in use.
        groups: Ids of the words of each value.
    """

    entity: str
    words: pl.Series
    values: tuple[str, ...]
    of_value: Ids
    groups: tuple[Ids, ...]

    def members(self, values: Ids, rng: np.random.Generator) -> Ids:
        """Draw one word per wanted value, all words of a value equally often."""
        drawn = np.empty(len(values), dtype=np.int64)
        for value, group in enumerate(self.groups):
            mine = np.flatnonzero(values == value)
            if len(mine):
                drawn[mine] = choices.balanced(group, len(mine), rng)
        return drawn

    def others(self, values: Ids, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `count` different words of other values per row, (n, count)."""
        drawn = np.empty((len(values), count), dtype=np.int64)
        for value in range(len(self.values)):
            pool = np.flatnonzero((self.of_value >= 0) & (self.of_value != value))
            mine = np.flatnonzero(values == value)
            drawn[mine] = pool[_distinct(len(pool), len(mine), count, rng)]
        return drawn

    def sentences(self, first: Ids, wording: Wording, rng: np.random.Generator) -> Rows:
        """Draw rows about given words; further words of a row are others of the same value."""
        facts.require_slot(wording, self.entity)
        slots = [slot for slot in wording.slots if slot.kind == self.entity]
        rows = fresh_slots(wording, len(first), rng, {slot.name for slot in slots})
        rows[self.entity] = first.copy()
        fellows = [slot.name for slot in slots if slot.number]
        drawn = np.empty((len(first), len(fellows)), dtype=np.int64)
        for value, group in enumerate(self.groups):
            mine = np.flatnonzero(self.of_value[first] == value)
            place = np.searchsorted(group, first[mine])
            ahead = 1 + _distinct(len(group) - 1, len(mine), len(fellows), rng)
            drawn[mine] = group[(place[:, None] + ahead) % len(group)]
        return rows | {name: drawn[:, column] for column, name in enumerate(fellows)}


def lexicon(
    table: str, entity: str, column: str, wanted: tuple[str, ...] | None, *, share: float = 1.0
) -> Lexicon:
    """Read a table's words and group them by the wanted values of a column (all, where None).

    Args:
        table: Fact table.
        entity: Column of the words.
        column: Column that groups them.
        wanted: Values to use, in this order.
        share: Keep this share of each value's words, at least one; which ones depends on the table
            alone, and a smaller share is a part of a larger one.

    Raises:
        ConfigError: There is no such table, column or value.
    """
    frame = facts.table(table, entity, column)
    known = frame[column].unique().sort().to_list()
    values = wanted if wanted is not None else tuple(known)
    for value in values:
        facts.require_value(column, value, known)
    codes = pl.DataFrame({"value": values, "code": np.arange(len(values))})
    joined = (
        frame[column]
        .alias("value")
        .to_frame()
        .join(codes, on="value", how="left", maintain_order="left")
    )
    of_value = joined["code"].fill_null(-1).to_numpy().astype(np.int64)
    # a word's rank among its value's words, by a draw that belongs to the table
    luck = derive_rng(0, "suite", "share", table).random(len(of_value))
    for value in range(len(values)):
        group = np.flatnonzero(of_value == value)
        ranked = group[np.argsort(luck[group])]
        of_value[ranked[max(1, round(share * len(group))) :]] = -1
    groups = tuple(np.flatnonzero(of_value == value) for value in range(len(values)))
    return Lexicon(entity, frame[entity], values, of_value, groups)


def _distinct(members: int, size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` different numbers below `members` for each of `size` rows, in random order.

    Raises:
        ConfigError: There are not that many members.
    """
    if members < count:
        raise ConfigError(
            f"{count} different words are wanted where {members} share the value",
            remedy="use a value that more words have, or a wording with fewer of them",
        )
    low_to_high = np.sort(rng.integers(members - count + 1, size=(size, count)), axis=1)
    return rng.permuted(low_to_high + np.arange(count), axis=1)
