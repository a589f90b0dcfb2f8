"""Global batches of the text view, one rank's part of them, and micro-batches under a token budget.

Global batch b is units [b * batch, (b + 1) * batch) for any number of ranks; the last may be shorter.
Its units are dealt to the ranks by length. The token budget shapes micro-batches only: the loss does not
depend on it. Everything is a pure function of (order, packs, b, rank, world).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.contract.order import Order
from pipeline.contract.ragged import Bools, Ints, padded
from pipeline.contract.text import TextRows, TextShards, TextSpecial
from pipeline.modeling.language import LineInputs, PairInputs
from pipeline.training.grouping import deal_by_length, group_sequences
from pipeline.training.text.lines import Asks, Pairs, TextLines, documents, pairs
from pipeline.training.text.units import Units, take_units
from pipeline.training.view import to_tensor

PADDING = -1
"""Segment of padding."""


@dataclass(frozen=True, slots=True)
class TextPlan:
    """What shapes the batches of a run."""

    batch: int
    """Units of a global batch."""
    token_budget: int
    """Most cells of a micro-batch, padding included; a unit that has more stands alone."""
    overhead: int
    """Cells that one more micro-batch costs."""
    start: int | None = None
    """Token that the decoder of an encoder-decoder starts from; None for a causal model."""


@dataclass(frozen=True, slots=True)
class AskedTokens:
    """Tokens that are asked of a micro-batch, M of them."""

    line: Ints
    at: Ints
    answer: Ints
    owner: Ints
    """Row, or option, that each counts for."""

    def on(self, device: torch.device) -> list[Tensor]:
        """Return line, place and answer of each on a device."""
        return [to_tensor(part, device) for part in (self.line, self.at, self.answer)]


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Padded lines of a causal model, N x L."""

    ids: Ints
    place: Ints
    segment: Ints
    asked: AskedTokens
    tokens: int
    """That are no padding."""
    position: int = 0
    """Least position among its rows: what its dropout belongs to."""

    @property
    def cells(self) -> int:
        """With padding."""
        return int(self.ids.size)

    def inputs_on(self, device: torch.device) -> LineInputs:
        """Return what the model takes, on a device."""
        lines = [to_tensor(part, device) for part in (self.ids, self.place, self.segment)]
        return LineInputs(*lines, *self.asked.on(device))


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Padded inputs, E x L, and texts, N x T, of an encoder-decoder."""

    inputs: Ints
    real: Bools
    input: Ints
    """Input of each text, (N,)."""
    texts: Ints
    asked: AskedTokens
    tokens: int
    position: int = 0

    @property
    def cells(self) -> int:
        """With padding."""
        return int(self.inputs.size + self.texts.size)

    def inputs_on(self, device: torch.device) -> PairInputs:
        """Return what the model takes, on a device."""
        parts = (self.inputs, self.real, self.input, self.texts)
        return PairInputs(*[to_tensor(part, device) for part in parts], *self.asked.on(device))


MicroBatch = LineBatch | PairBatch


@dataclass(frozen=True, slots=True)
class TextRankBatch:
    """What one rank does of one global batch; no micro-batches where there are more ranks than units."""

    micro: list[MicroBatch]
    task: Ints
    """Task of each row, (R,)."""
    supervised: int
    """Asked tokens."""

    def cells(self) -> tuple[int, int]:
        """Return the tokens that the model reads, and with padding."""
        return sum(part.tokens for part in self.micro), sum(part.cells for part in self.micro)


def text_steps(units: Units, plan: TextPlan) -> int:
    """Return the number of global batches."""
    return -(-len(units) // plan.batch)


def text_rank_batch(
    shards: TextShards, order: Order, units: Units, plan: TextPlan, index: int, *, rank: int, world: int
) -> TextRankBatch:  # fmt: skip
    """Return rank `rank`'s part of global batch `index`."""
    low = index * plan.batch
    high = min(low + plan.batch, len(units))
    positions, offsets = units.span(low, high)
    rows = shards.gather(order.at(positions)[0])
    if world > 1:
        tokens = np.add.reduceat(rows.input.lengths + rows.target.lengths, offsets[:-1])
        mine = deal_by_length(tokens, np.arange(len(tokens)), rank=rank, world=world)
        which, cuts = take_units(np.arange(len(rows)), offsets, mine)
        rows, positions, offsets = rows.take(which), positions[which], cuts
    if not len(rows):
        return TextRankBatch([], rows.task, 0)
    asked = int(rows.target.lengths.sum()) + len(rows)
    return TextRankBatch(
        list(_micro(rows, positions, offsets, plan, shards.special)), rows.task, asked
    )


def _micro(
    rows: TextRows, positions: Ints, offsets: Ints, plan: TextPlan, special: TextSpecial
) -> Iterator[MicroBatch]:
    first = np.minimum.reduceat(positions, offsets[:-1])
    if plan.start is None:
        return micro_batches(documents(rows, offsets, special), plan, special, first)
    every = np.arange(len(rows) + 1)
    texts = pairs(rows, rows.target, every, special, start=plan.start)
    return micro_batches(texts, plan, special, first)


def micro_batches(
    laid: TextLines | Pairs, plan: TextPlan, special: TextSpecial, first: Ints | None = None
) -> Iterator[MicroBatch]:
    """Yield lines or pairs as rectangles under the token budget.

    Args:
        laid: What the model reads.
        plan: Names the budget.
        special: Ids of the special tokens.
        first: Least position of each line or input; None where no dropout is drawn.
    """
    if isinstance(laid, TextLines):
        for group in group_sequences(
            laid.tokens.lengths, budget=plan.token_budget, overhead=plan.overhead
        ):
            position = 0 if first is None else int(first[group].min())
            yield line_batch(laid.take(group), special, position=position)
        return
    for group in group_pairs(laid, plan.token_budget):
        position = 0 if first is None else int(first[group].min())
        yield pair_batch(laid.take(group), special, position=position)


def group_pairs(texts: Pairs, budget: int) -> list[Ints]:
    """Return the inputs of each micro-batch: like lengths together, both rectangles under the budget."""
    counts = np.diff(texts.offsets)
    read = texts.inputs.lengths
    written = np.maximum.reduceat(texts.texts.lengths, texts.offsets[:-1])
    groups: list[Ints] = []
    open_: list[int] = []
    widths = [0, 0]
    total = 0
    for index in np.lexsort((written, read)).tolist():
        wider = [max(widths[0], int(read[index])), max(widths[1], int(written[index]))]
        more = total + int(counts[index])
        if open_ and wider[0] * (len(open_) + 1) + wider[1] * more > budget:
            groups.append(np.array(open_))
            open_, wider = [], [int(read[index]), int(written[index])]
            more = int(counts[index])
        open_.append(index)
        widths, total = wider, more
    return [*groups, np.array(open_)]


def line_batch(lines: TextLines, special: TextSpecial, *, position: int = 0) -> LineBatch:
    """Return lines as rectangles."""
    return LineBatch(
        ids=padded(lines.tokens, special.pad)[0],
        place=padded(lines.place, 0)[0],
        segment=padded(lines.segment, PADDING)[0],
        asked=_asked(lines.asks),
        tokens=len(lines.tokens.values),
        position=position,
    )


def pair_batch(texts: Pairs, special: TextSpecial, *, position: int = 0) -> PairBatch:
    """Return inputs and texts as rectangles."""
    inputs, real = padded(texts.inputs, special.pad)
    return PairBatch(
        inputs=inputs,
        real=real,
        input=np.repeat(np.arange(len(texts)), np.diff(texts.offsets)),
        texts=padded(texts.texts, special.pad)[0],
        asked=_asked(texts.asks),
        tokens=len(texts.inputs.values) + len(texts.texts.values),
        position=position,
    )


def _asked(asks: Asks) -> AskedTokens:
    line = np.repeat(np.arange(len(asks.offsets) - 1), np.diff(asks.offsets))
    return AskedTokens(line, asks.at.astype(np.int64), asks.answer, asks.owner)
