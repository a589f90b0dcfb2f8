"""Rows as a language model reads them: lines of tokens, and the tokens that the model must predict.

For a causal model a *document* is `[bos] prefix input target`; the model must predict the target and the
end token. A line holds several documents of one unit, or one context with all options after it. For an
encoder-decoder the input is `prefix input eos`, and the decoder reads `start target`.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.contract.ragged import Ints, Ragged, concatenate, offsets_of, segment_of, spread
from pipeline.contract.text import TextRows, TextSpecial


@dataclass(frozen=True, slots=True)
class Asks:
    """Tokens that are asked of N lines, line after line, M in all."""

    offsets: Ints
    """Line i is asked `offsets[i]` to `offsets[i + 1]`, (N + 1,)."""
    at: Ints
    """Place in the line of the token before the asked one, (M,)."""
    answer: Ints
    """The asked token, (M,)."""
    owner: Ints
    """Whose figure it counts for: index of a row, or of an option, (M,)."""

    def take(self, lines: Ints) -> "Asks":
        """Return what is asked of the named lines, in that order."""
        counts = np.diff(self.offsets)[lines]
        chosen = spread(self.offsets[lines], counts)
        return Asks(offsets_of(counts), self.at[chosen], self.answer[chosen], self.owner[chosen])


@dataclass(frozen=True, slots=True)
class TextLines:
    """N lines for a causal model."""

    tokens: Ragged
    place: Ragged
    """Position of each token in its document."""
    segment: Ragged
    """Which tokens see each other; see `modeling.language.SHARED`."""
    asks: Asks

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, lines: Ints) -> "TextLines":
        """Return the named lines, in that order."""
        return TextLines(
            self.tokens.take(lines),
            self.place.take(lines),
            self.segment.take(lines),
            self.asks.take(lines),
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """E inputs of an encoder and N texts for its decoder, those of an input next to each other."""

    inputs: Ragged
    texts: Ragged
    offsets: Ints
    """Input i has texts `offsets[i]` to `offsets[i + 1]`, (E + 1,)."""
    asks: Asks
    """Of the texts."""

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, inputs: Ints) -> "Pairs":
        """Return the named inputs with their texts, in that order."""
        counts = np.diff(self.offsets)[inputs]
        texts = spread(self.offsets[inputs], counts)
        return Pairs(
            self.inputs.take(inputs),
            self.texts.take(texts),
            offsets_of(counts),
            self.asks.take(texts),
        )


def documents(rows: TextRows, units: Ints, special: TextSpecial) -> TextLines:
    """Return units of whole documents as lines; owners are rows.

    Args:
        rows: Of all units, unit after unit.
        units: Unit i has rows `units[i]` to `units[i + 1]`.
        special: Ids of the special tokens.
    """
    context = _contexts(rows, special)
    tokens = concatenate(context, rows.target)
    starts = tokens.offsets[units]  # of each line, in the flat tokens
    line = segment_of(np.diff(starts))
    document = segment_of(tokens.lengths)
    asked = rows.target.lengths + 1
    owner = segment_of(asked)
    flat = spread(tokens.offsets[:-1] + context.lengths - 1, asked)
    first = np.repeat(starts[:-1], np.diff(units))  # of the line that holds each document
    return TextLines(
        tokens=Ragged(tokens.values, starts),
        place=Ragged(_counted(tokens.lengths), starts),
        segment=Ragged((document - units[:-1][line] + 1).astype(np.int32), starts),
        asks=Asks(
            offsets_of(asked)[units], flat - first[owner], _ended(rows.target, special.eos), owner
        ),
    )


def continuations(rows: TextRows, special: TextSpecial, *, room: int) -> TextLines:
    """Return every row's context with its options behind it, which do not see one another.

    The context is read once for all options of a line; owners are options. A row has further lines
    where its options take more than `room` tokens.

    Args:
        rows: Each has an option at least.
        special: Ids of the special tokens.
        room: Tokens of options from which a line takes no more.
    """
    lengths = rows.options.lengths
    before = offsets_of(lengths)[:-1]
    lines = _cut_options(rows, before, room)
    context = _contexts(rows, special).take(segment_of(rows.counts)[lines[:-1]])
    options = Ragged(rows.options.values, rows.options.offsets[lines])  # those of a line together
    tokens = concatenate(context, options)
    line = segment_of(np.diff(lines))
    place, segment = _counted(tokens.lengths), np.zeros(len(tokens.values), dtype=np.int32)
    # where each option starts, in its line and in the flat tokens
    at = context.lengths[line] + before - before[lines[:-1]][line]
    flat = spread(tokens.offsets[line] + at, lengths)
    place[flat] = _counted(lengths) + np.repeat(context.lengths[line], lengths)
    slot = np.arange(len(line)) - lines[:-1][line]
    segment[flat] = np.repeat(slot + 1, lengths)
    asked = lengths + 1
    owner = segment_of(asked)
    index = _counted(asked)
    after_context = context.lengths[line][owner] - 1
    return TextLines(
        tokens=tokens,
        place=Ragged(place, tokens.offsets),
        segment=Ragged(segment, tokens.offsets),
        asks=Asks(
            offsets_of(asked)[lines],
            np.where(index == 0, after_context, at[owner] + index - 1),
            _ended(rows.options, special.eos),
            owner,
        ),
    )


def _cut_options(rows: TextRows, before: Ints, room: int) -> Ints:
    """Return lines so that line i has options `lines[i]` to `lines[i + 1]`, those of one row.

    Args:
        rows: Each has an option at least.
        before: Tokens of all options before each.
        room: Tokens of options of a line.
    """
    row = segment_of(rows.counts)
    part = (before - before[rows.option_offsets[:-1]][row]) // room
    opens = np.ones(len(row), dtype=bool)
    opens[1:] = (row[1:] != row[:-1]) | (part[1:] != part[:-1])
    return np.append(np.flatnonzero(opens), len(row))


def pairs(
    rows: TextRows, texts: Ragged, offsets: Ints, special: TextSpecial, *, start: int
) -> Pairs:
    """Return inputs and the texts that belong to them; owners are texts.

    Args:
        rows: E rows.
        texts: What is written: targets, or all options.
        offsets: Row i has texts `offsets[i]` to `offsets[i + 1]`.
        special: Ids of the special tokens.
        start: Token that a decoder starts from.
    """
    inputs = concatenate(_headed(rows, special), special.eos)
    asked = texts.lengths + 1
    return Pairs(
        inputs=inputs,
        texts=concatenate(start, texts),
        offsets=offsets,
        asks=Asks(
            offsets_of(asked), _counted(asked).astype(np.int64), _ended(texts, special.eos),
            segment_of(asked),
        ),
    )  # fmt: skip


def _contexts(rows: TextRows, special: TextSpecial) -> Ragged:
    """Return `[bos] prefix input` of every row."""
    headed = _headed(rows, special)
    return headed if special.bos is None else concatenate(special.bos, headed)


def _headed(rows: TextRows, special: TextSpecial) -> Ragged:
    """Return every input behind its task's prefix, where there are any."""
    return concatenate(rows.prefix, rows.input) if special.prefix else rows.input


def _ended(texts: Ragged, end: int) -> Ints:
    """Return the tokens of all texts, each with its end, one text after the other."""
    return concatenate(texts, end).values.astype(np.int64)


def _counted(lengths: Ints) -> np.ndarray:
    """Return 0, 1, ... for each of these lengths, int32."""
    return spread(np.zeros(len(lengths), np.int64), lengths).astype(np.int32)
