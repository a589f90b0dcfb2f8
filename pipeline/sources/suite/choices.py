"""Choices of a row: wrong answers that are right elsewhere, and a place for the gold one.

A model of little training learns first which texts are ever gold. Hence every text here is a wrong
choice in the same proportion as it is the right one. Knows no recipe and no table.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.errors import ConfigError
from pipeline.sources.suite.facts import Ids

_ROUNDS = 100


def balanced(ids: Ids, size: int, rng: np.random.Generator) -> Ids:
    """Draw `size` of `ids`, each as often as any other up to one, in random order."""
    cycles = -(-size // len(ids))
    return np.concatenate([rng.permutation(ids) for _ in range(cycles)])[:size]


def wrong_answers(gold: Ids, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Give each row the gold answers of `count` other rows as its wrong ones.

    The rows are put in a random ring and each looks `1 .. count` places ahead, so that an answer is
    wrong `count` times for each time that it is gold; only the rows that would repeat an answer
    draw again.

    Args:
        gold: Code of the right answer per row, (n,); equal codes mean equal texts.
        count: Wrong answers per row.
        rng: Source of the ring.

    Returns:
        Codes, (n, count), distinct within a row and never its gold.

    Raises:
        ConfigError: There are not that many different answers.
    """
    if len(np.unique(gold)) <= count:
        raise ConfigError(
            f"{count + 1} choices from {len(np.unique(gold))} different answers",
            remedy="ask for fewer choices, or for more rows",
        )
    ring = rng.permutation(len(gold))
    place = np.empty_like(ring)
    place[ring] = np.arange(len(gold))
    options = np.stack([gold[ring[(place + ahead) % len(gold)]] for ahead in range(count + 1)], 1)
    for _ in range(_ROUNDS):
        repeated = np.argwhere(_repeats(options))
        if not len(repeated):
            return np.asarray(options[:, 1:])
        options[repeated[:, 0], repeated[:, 1]] = rng.choice(gold, len(repeated))
    raise ConfigError(f"could not find {count} different wrong answers for every row")


def _repeats(options: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark options that occur further left in their row."""
    marks = np.zeros(options.shape, dtype=np.bool_)
    for column in range(1, options.shape[1]):
        marks[:, column] = (options[:, :column] == options[:, column : column + 1]).any(axis=1)
    return marks


def shuffled(
    options: npt.NDArray[np.int64], counts: Ids, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Ids, Ids]:
    """Put the options of each row in random order.

    Args:
        options: Codes, (n, k), the gold one in column 0.
        counts: How many of its options each row shows, (n,), from 2 to k.
        rng: Source of the order.

    Returns:
        The shown codes row after row, the offsets of the rows (n + 1), and the place of each gold.
    """
    keys = rng.random(options.shape)
    keys[np.arange(options.shape[1]) >= counts[:, None]] = 2.0  # not shown: sorts last
    order = np.argsort(keys, axis=1, kind="stable")
    shown = np.arange(options.shape[1]) < counts[:, None]
    flat = np.take_along_axis(options, order, axis=1)[shown]
    return flat, np.concatenate([[0], np.cumsum(counts)]), np.argmax(order == 0, axis=1)


def lists(texts: pl.Series, offsets: Ids) -> pl.Series:
    """Fold texts into one list per row."""
    values = pa.array(texts.to_arrow(), pa.large_string())
    return pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(offsets), values)))


def columns(
    options: npt.NDArray[np.int64],
    texts: pl.Series,
    rng: np.random.Generator,
    counts: Ids | None = None,
) -> list[pl.Series]:
    """Return the columns `choices` and `label` of rows whose gold option is in column 0.

    Args:
        options: Indices into `texts`, (n, k).
        texts: What they stand for.
        rng: Source of the order of each row's choices.
        counts: How many options each row shows; all where left out.
    """
    shown = np.full(len(options), options.shape[1]) if counts is None else counts
    flat, offsets, label = shuffled(options, shown, rng)
    return [
        lists(texts.gather(flat), offsets).alias("choices"),
        pl.Series("label", label, dtype=pl.Int32),
    ]
