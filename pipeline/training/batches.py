"""Global batches, what one rank does of them, and micro-batches under a token budget.

Global batch b is positions [b * batch, (b + 1) * batch) for any number of ranks; the last may be
shorter. Ranks deal out its rows by length, so that each gets rows of all lengths. The token budget
shapes micro-batches only: the loss does not depend on it. Everything is a pure function of (seed,
order, b, rank, world). Knows shards and an order; knows no model.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.training.masks import Masking, masked
from pipeline.training.options import Keys, Options, sampled
from pipeline.training.order import Order
from pipeline.training.ragged import Bools, Ints, offsets_of, segment_of, spread
from pipeline.training.sequences import Padded, Sequences, framed, rectangle
from pipeline.training.shards import Rows, Shards, Special

OVERHEAD = {"cpu": 256, "cuda": 4096}
"""Cells that a micro-batch of its own costs by kind of device, about: below it, padding is cheaper."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What shapes the batches of a run."""

    seed: int
    batch: int
    """Rows of a global batch."""
    token_budget: int
    """Most cells of a micro-batch, padding included; a row that has more stands alone."""
    max_options: int | None
    masking: Masking | None
    """None where there is no masked-token loss."""
    overhead: int = OVERHEAD["cpu"]
    """Cells that one more micro-batch costs."""


@dataclass(frozen=True, slots=True)
class ChoiceBatch:
    """Sequences of all kept choices of some rows: R rows, S sequences."""

    position: int
    """Least position among its rows: what its dropout belongs to."""
    inputs: Padded
    row: Ints
    """Row of each sequence, (S,)."""
    slot: Ints
    """Place of each sequence among its row's, (S,)."""
    gold: Ints
    """Gold slot of each row, (R,)."""
    task: Ints
    """Task of each row, (R,)."""


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """Stems of some rows with masked tokens, M of them."""

    position: int
    inputs: Padded
    sequence: Ints
    """Stem of each masked token, (M,)."""
    place: Ints
    """Its place in the stem, (M,)."""
    target: Ints
    """The token that was there, (M,)."""


@dataclass(frozen=True, slots=True)
class RankBatch:
    """What one rank does of one global batch; empty lists where there are more ranks than rows."""

    choice: list[ChoiceBatch]
    masked: list[MaskedBatch]

    @property
    def rows(self) -> int:
        """Rows with a gold choice, over which the choice loss is a mean."""
        return sum(len(batch.gold) for batch in self.choice)

    @property
    def masked_tokens(self) -> int:
        """Masked tokens, over which the masked-token loss is a mean."""
        return sum(len(batch.target) for batch in self.masked)

    def cells(self) -> tuple[int, int]:
        """Return the tokens that the encoder reads, and with padding."""
        inputs = [batch.inputs for batch in self.choice]
        inputs += [batch.inputs for batch in self.masked]
        return sum(int(i.real.sum()) for i in inputs), sum(i.real.size for i in inputs)


def steps(order: Order, plan: Plan) -> int:
    """Return the number of global batches."""
    return -(-len(order) // plan.batch)


def rank_batch(
    shards: Shards, order: Order, plan: Plan, index: int, *, rank: int = 0, world: int = 1
) -> RankBatch:
    """Return rank `rank`'s part of global batch `index`."""
    low = index * plan.batch
    positions = np.arange(low, min(low + plan.batch, len(order)), dtype=np.int64)
    mixture_rows, epochs = order.at(positions)
    ascending = np.argsort(mixture_rows, kind="stable")
    rows = shards.gather(mixture_rows[ascending])
    keys = Keys(positions[ascending], mixture_rows[ascending], epochs[ascending])
    mine = _dealt(rows, keys.positions, rank=rank, world=world)
    rows = rows.take(mine)
    keys = Keys(keys.positions[mine], keys.mixture_rows[mine], keys.epochs[mine])
    options = sampled(rows, keys, seed=plan.seed, max_options=plan.max_options)
    choice = list(_choice_batches(rows, options, keys.positions, plan, shards.special))
    return RankBatch(choice, list(_masked_batches(rows, keys.positions, plan, shards.special)))


def _dealt(rows: Rows, positions: Ints, *, rank: int, world: int) -> Ints:
    """Return the rows of one rank: every `world`-th, the longest first, back and forth."""
    if world == 1:
        return np.arange(len(rows))
    sums = np.zeros(len(rows.choices) + 1, dtype=np.int64)
    np.cumsum(rows.choices.lengths, out=sums[1:])
    tokens = rows.counts * rows.context.lengths + np.diff(sums[rows.choice_offsets])
    turn = np.lexsort((positions, -tokens))
    place = np.arange(len(rows))
    forth = place // world % 2 == 0
    seat = np.where(forth, place % world, world - 1 - place % world)
    return np.sort(turn[seat == rank])


def _choice_batches(
    rows: Rows, options: Options, positions: Ints, plan: Plan, special: Special
) -> Iterator[ChoiceBatch]:
    counts = np.diff(options.offsets)
    row = segment_of(counts)
    sequences = framed(
        rows.prefix[row], rows.context.take(row), rows.choices.take(options.kept), special
    )
    longest = np.zeros(len(rows), dtype=np.int64)
    np.maximum.at(longest, row, sequences.tokens.lengths)
    with_gold = np.flatnonzero(counts)
    for group in cut(
        longest, counts, with_gold, positions, budget=plan.token_budget, overhead=plan.overhead
    ):
        chosen = spread(options.offsets[group], counts[group])
        local = segment_of(counts[group])
        yield ChoiceBatch(
            position=int(positions[group].min()),
            inputs=rectangle(sequences.take(chosen), special),
            row=local,
            slot=chosen - options.offsets[group][local],
            gold=options.gold[group],
            task=rows.task[group],
        )


def _masked_batches(
    rows: Rows, positions: Ints, plan: Plan, special: Special
) -> Iterator[MaskedBatch]:
    if plan.masking is None:
        return
    stems = framed(rows.prefix, rows.context, rows.question, special)
    hidden, chosen = masked(stems, positions, masking=plan.masking, special=special, seed=plan.seed)
    lengths = stems.tokens.lengths
    any_masked = np.unique(segment_of(lengths)[chosen])
    ones = np.ones(len(rows), dtype=np.int64)
    for group in cut(
        lengths, ones, any_masked, positions, budget=plan.token_budget, overhead=plan.overhead
    ):
        yield _masked_batch(group, stems, hidden, chosen, positions, special)


def _masked_batch(
    group: Ints,
    stems: Sequences,
    hidden: Sequences,
    chosen: Bools,
    positions: Ints,
    special: Special,
) -> MaskedBatch:
    lengths = stems.tokens.lengths[group]
    flat = spread(stems.tokens.offsets[group], lengths)
    at = np.flatnonzero(chosen[flat])
    sequence = segment_of(lengths)[at]
    return MaskedBatch(
        position=int(positions[group].min()),
        inputs=rectangle(hidden.take(group), special),
        sequence=sequence,
        place=flat[at] - stems.tokens.offsets[group][sequence],
        target=stems.tokens.values[flat[at]].astype(np.int64),
    )


def cut(
    longest: Ints, counts: Ints, rows: Ints, positions: Ints, *, budget: int, overhead: int
) -> list[Ints]:
    """Cut rows into groups whose padded rectangles stay under a budget, like lengths together.

    Args:
        longest: Longest sequence of each row.
        counts: Sequences of each row.
        rows: The rows to place, each of at least one sequence; never divided.
        positions: Break ties of length.
        budget: Most cells, `longest x sequences` of a group; a row above it stands alone.
        overhead: Cells that one more group costs.

    Returns:
        Groups of rows, from short to long.
    """
    by_length = rows[np.lexsort((positions[rows], counts[rows], longest[rows]))]
    groups = []
    for band in _bands(by_length, longest[by_length], counts[by_length], overhead):
        groups += _split(band, longest[band].tolist(), counts[band].tolist(), budget)
    return groups


def _bands(rows: Ints, lengths: Ints, counts: Ints, overhead: int) -> list[Ints]:
    """Cut rows, sorted by length, where padding saved outweighs one more group: the cheapest cut.

    Dynamic programming over the distinct lengths: the rows up to a length cost least with a last band
    that starts after some shorter length.
    """
    distinct, starts = np.unique(lengths, return_index=True)
    ends = np.append(starts, len(rows))
    sequences = offsets_of(counts)[ends]
    best = np.zeros(len(distinct) + 1)
    previous = np.zeros(len(distinct) + 1, dtype=np.int64)
    for level in range(1, len(best)):
        cells = distinct[level - 1] * (sequences[level] - sequences[:level])
        costs = best[:level] + cells + overhead
        previous[level] = np.argmin(costs)
        best[level] = costs[previous[level]]
    bands, level = [], len(distinct)
    while level:
        bands.append(rows[ends[previous[level]] : ends[level]])
        level = int(previous[level])
    return bands[::-1]


def _split(rows: Ints, lengths: list[int], counts: list[int], budget: int) -> list[Ints]:
    """Cut rows, sorted by length, so that each part stays under the budget or is one row."""
    groups: list[Ints] = []
    start = sequences = 0
    for place, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        # sorted by length: the newest row is the longest, so its length is the rectangle's
        if place > start and length * (sequences + count) > budget:
            groups.append(rows[start:place])
            start, sequences = place, 0
        sequences += count
    return [*groups, rows[start:]]
