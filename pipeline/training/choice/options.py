"""Draws which choices of a row a training step uses, and which of them is the gold one.

A pure function of (seed, position, mixture row, epoch): the same on any number of processes.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.contract.choice import Rows
from pipeline.contract.ragged import Floats, Ints, offsets_of, segment_of
from pipeline.seeds import derive_seed
from pipeline.training.choice.draws import uniforms

NO_GOLD = -1


@dataclass(frozen=True, slots=True)
class Options:
    """The choices that a step looks at, row after row, in the order that the rows have them."""

    kept: Ints
    """Indices into the rows' choices."""
    offsets: Ints
    """Row i keeps `kept[offsets[i] : offsets[i + 1]]`."""
    gold: Ints
    """Which of its kept choices is a row's gold one; -1 where the row has none and keeps none."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the draws of a row belong to."""

    positions: Ints
    mixture_rows: Ints
    epochs: Ints


def sample_options(rows: Rows, keys: Keys, *, seed: int, max_options: int | None) -> Options:
    """Draw a gold choice for multi-label rows, and keep at most `max_options` choices of each row.

    The gold choice always stays; the others are drawn without replacement, keyed by the position. The
    other golds of a multi-label row are never among its negatives. A row without gold keeps nothing.
    """
    golds = _drawn_golds(rows, keys, seed=seed)
    counts = rows.counts
    row = segment_of(counts)
    slot = np.arange(len(row)) - rows.choice_offsets[row]
    priority = uniforms(derive_seed(seed, "options"), keys.positions[row], slot)
    is_gold = slot == golds[row]
    priority[is_gold] = -1.0
    eligible = (golds[row] != NO_GOLD) & (is_gold | ~_any_gold(rows))
    priority[~eligible] = 2.0
    if max_options is not None:
        eligible &= _rank_in_row(priority, row, rows.choice_offsets) < max_options
    kept = np.flatnonzero(eligible)
    offsets = offsets_of(np.bincount(row[kept], minlength=len(rows)))
    gold = np.full(len(rows), NO_GOLD, dtype=np.int64)
    at = np.flatnonzero(is_gold[kept])
    gold[row[kept[at]]] = at - offsets[row[kept[at]]]
    return Options(kept, offsets, gold)


def _drawn_golds(rows: Rows, keys: Keys, *, seed: int) -> Ints:
    """Return one gold a row: its label, or one of its gold set drawn by (mixture row, epoch)."""
    golds = rows.label.copy()
    several = np.flatnonzero(rows.multi & (rows.golds.lengths > 0))
    draws = uniforms(derive_seed(seed, "gold"), keys.mixture_rows, keys.epochs)[several]
    picks = (draws * rows.golds.lengths[several]).astype(np.int64)
    golds[several] = rows.golds.values[rows.golds.offsets[several] + picks]
    return golds


def _any_gold(rows: Rows) -> np.ndarray:
    """Mark the choices that are in their row's gold set."""
    marks = np.zeros(len(rows.choices), dtype=bool)
    marks[rows.choice_offsets[segment_of(rows.golds.lengths)] + rows.golds.values] = True
    return marks


def _rank_in_row(priority: Floats, row: Ints, offsets: Ints) -> Ints:
    """Return the rank of each choice in its row, 0 for the lowest priority."""
    order = np.lexsort((priority, row))
    ranks = np.empty(len(row), dtype=np.int64)
    ranks[order] = np.arange(len(row)) - offsets[row[order]]
    return ranks
