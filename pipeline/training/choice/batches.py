"""Global batches of the choice view, one rank's part of them, and micro-batches under a token budget.

Global batch b is positions [b * batch, (b + 1) * batch) for any number of ranks; the last may be
shorter. Its rows are dealt to the ranks by length, so that each gets rows of all lengths. The token
budget shapes micro-batches only: the loss does not depend on it. Everything is a pure function of (seed,
order, b, rank, world).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.contract.choice import Rows, Shards, Special
from pipeline.contract.order import Order
from pipeline.contract.ragged import Bools, Ints, segment_of, spread
from pipeline.training.choice.exact_layouts import RaggedLayout
from pipeline.training.choice.lines import ChoiceLayout, ChoiceLines
from pipeline.training.choice.masks import Masking, mask_lines, mask_stems
from pipeline.training.choice.options import Keys, Options
from pipeline.training.choice.pack import Packing, join_lines, pack_groups
from pipeline.training.choice.sequences import Padded, Sequences, frame_sequences, pad_sequences
from pipeline.training.grouping import OVERHEAD, deal_by_length, group_by_length


@dataclass(frozen=True, slots=True)
class BatchPlan:
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
    layout: ChoiceLayout = field(default_factory=RaggedLayout)


@dataclass(frozen=True, slots=True)
class MaskedTokens:
    """M masked tokens of a rectangle."""

    sequence: Ints
    """Sequence of each, (M,)."""
    place: Ints
    """Its place in the sequence, (M,)."""
    target: Ints
    """The token that was there, (M,)."""


@dataclass(frozen=True, slots=True)
class ChoiceBatch:
    """ChoiceLines of some rows: R rows with S options in all."""

    position: int
    """Least position among its rows: what its dropout belongs to."""
    inputs: Padded
    tokens: int
    """Of lines that hold choices; the rest of the rectangle is padding."""
    line: Ints
    """Line in which each option is scored, (S,)."""
    place: Ints
    """Place in that line, (S,)."""
    row: Ints
    """Row of each option, (S,)."""
    slot: Ints
    """Place of each option among its row's, (S,)."""
    gold: Ints
    """Gold slot of each row, (R,)."""
    task: Ints
    """Task of each row, (R,)."""
    masked: MaskedTokens | None
    """Where the masked tokens belong to the same pass: those of each row's gold line."""


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """Stems of some rows with masked tokens."""

    position: int
    inputs: Padded
    masked: MaskedTokens


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
        parts = [batch.masked for batch in self.choice] + [batch.masked for batch in self.masked]
        return sum(len(part.target) for part in parts if part is not None)

    def cells(self) -> tuple[int, int]:
        """Return the tokens that the encoder reads, fillers left out, and all cells."""
        tokens = sum(batch.tokens for batch in self.choice)
        tokens += sum(int(batch.inputs.real.sum()) for batch in self.masked)
        inputs = [batch.inputs for batch in self.choice] + [batch.inputs for batch in self.masked]
        return tokens, sum(padded.real.size for padded in inputs)


def steps(order: Order, plan: BatchPlan) -> int:
    """Return the number of global batches."""
    return -(-len(order) // plan.batch)


def rank_batch(
    shards: Shards, order: Order, plan: BatchPlan, index: int, *, rank: int = 0, world: int = 1
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
    options = plan.layout.options(rows, keys, seed=plan.seed, max_options=plan.max_options)
    choice = list(_choice_batches(rows, options, keys.positions, plan, shards.special))
    return RankBatch(choice, list(_masked_batches(rows, keys.positions, plan, shards.special)))


def _dealt(rows: Rows, positions: Ints, *, rank: int, world: int) -> Ints:
    """Return the rows of one rank; each gets rows of all lengths."""
    if world == 1:
        return np.arange(len(rows))
    sums = np.zeros(len(rows.choices) + 1, dtype=np.int64)
    np.cumsum(rows.choices.lengths, out=sums[1:])
    tokens = rows.counts * rows.context.lengths + np.diff(sums[rows.choice_offsets])
    return deal_by_length(tokens, positions, rank=rank, world=world)


def _choice_batches(
    rows: Rows, options: Options, positions: Ints, plan: BatchPlan, special: Special
) -> Iterator[ChoiceBatch]:
    lines = plan.layout.lines(rows, options, special)
    read, chosen = lines.sequences, None
    if plan.masking is not None and plan.masking.where == "same":
        read, chosen = mask_lines(
            lines, rows, positions, masking=plan.masking, special=special, seed=plan.seed
        )
    laid = _Laid(lines, read, chosen)
    for group, where in _groups(lines, positions, plan):
        yield _choice_batch(laid, group, where, rows.task, options.gold, positions, special)


@dataclass(frozen=True, slots=True)
class _Laid:
    """ChoiceLines of all rows, as they are and as the encoder reads them."""

    lines: ChoiceLines
    read: Sequences
    """With [MASK] where tokens are to be guessed."""
    chosen: Bools | None
    """Which tokens those are; None where they have a pass of their own."""


def _groups(
    lines: ChoiceLines, positions: Ints, plan: BatchPlan
) -> list[tuple[Ints, Packing | None]]:
    """Cut the rows that have options into micro-batches; packed where the layout says so."""
    counts = np.diff(lines.offsets)
    longest = np.zeros(len(counts), dtype=np.int64)
    np.maximum.at(longest, segment_of(counts), lines.sequences.tokens.lengths)
    longest = np.maximum(longest, lines.width)
    rows = np.flatnonzero(counts)
    if lines.packs:
        return [*pack_groups(longest, rows, plan.token_budget)]
    groups = group_by_length(
        longest, counts, rows, positions, budget=plan.token_budget, overhead=plan.overhead
    )
    return [(group, None) for group in groups]


def _choice_batch(
    laid: _Laid,
    group: Ints,
    where: Packing | None,
    task: Ints,
    gold: Ints,
    positions: Ints,
    special: Special,
) -> ChoiceBatch:
    """Return the lines of a group of rows, padded, and where in them its options are scored."""
    lines = laid.lines
    mine = spread(lines.offsets[group], np.diff(lines.offsets)[group])
    options = np.diff(lines.option_offsets)[group]
    scored = spread(lines.option_offsets[group], options)
    row = segment_of(options)
    seats = _seats(mine, len(lines.filler), where)
    sequences = laid.read.take(mine)
    lengths = sequences.tokens.lengths
    masked_tokens = None
    if laid.chosen is not None:
        of = lines.line[lines.option_offsets[group] + gold[group]]
        masked_tokens = _masked_tokens(lines.sequences, laid.chosen, of, seats)
    return ChoiceBatch(
        position=int(positions[group].min()),
        inputs=pad_sequences(
            sequences if where is None else join_lines(sequences, where),
            special,
            width=lines.width,
        ),
        tokens=int(lengths[~lines.filler[mine]].sum()),
        line=seats.line[lines.line[scored]],
        place=lines.place[scored] + seats.start[lines.line[scored]],
        row=row,
        slot=scored - lines.option_offsets[group][row],
        gold=gold[group],
        task=task[group],
        masked=masked_tokens,
    )


@dataclass(frozen=True, slots=True)
class _Seats:
    """Where each sequence lies in a rectangle; 0 for those that are not in it."""

    line: Ints
    start: Ints


def _seats(kept: Ints, count: int, where: Packing | None = None) -> _Seats:
    """Return the seats of the `kept` ones of `count` sequences: one after the other, or packed."""
    line, start = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    line[kept] = np.arange(len(kept)) if where is None else where.line
    if where is not None:
        start[kept] = where.start
    return _Seats(line, start)


def _masked_tokens(sequences: Sequences, chosen: Bools, of: Ints, seats: _Seats) -> MaskedTokens:
    """Return the chosen tokens of some sequences, not masked yet, where they lie in the rectangle."""
    lengths = sequences.tokens.lengths[of]
    flat = spread(sequences.tokens.offsets[of], lengths)
    at = np.flatnonzero(chosen[flat])
    sequence = of[segment_of(lengths)[at]]
    return MaskedTokens(
        sequence=seats.line[sequence],
        place=flat[at] - sequences.tokens.offsets[sequence] + seats.start[sequence],
        target=sequences.tokens.values[flat[at]].astype(np.int64),
    )


def _masked_batches(
    rows: Rows, positions: Ints, plan: BatchPlan, special: Special
) -> Iterator[MaskedBatch]:
    if plan.masking is None or plan.masking.where == "same":
        return
    stems = frame_sequences(rows.prefix, rows.context, rows.question, special)
    hidden, chosen = mask_stems(
        stems, positions, masking=plan.masking, special=special, seed=plan.seed
    )
    lengths = stems.tokens.lengths
    width = plan.layout.stem_width(stems)
    any_masked = np.unique(segment_of(lengths)[chosen])
    ones = np.ones(len(rows), dtype=np.int64)
    for group in group_by_length(
        np.maximum(lengths, width), ones, any_masked, positions,
        budget=plan.token_budget, overhead=plan.overhead,
    ):  # fmt: skip
        yield MaskedBatch(
            position=int(positions[group].min()),
            inputs=pad_sequences(hidden.take(group), special, width=width),
            masked=_masked_tokens(stems, chosen, group, _seats(group, len(rows))),
        )
