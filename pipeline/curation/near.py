"""Pairs of texts that are nearly the same: MinHash finds candidates, exact Jaccard decides.

Broder, "On the resemblance and containment of documents" (1997), over word trigrams: 30 minima in 10
bands of 3. A pair of similarity 0.7 becomes a candidate with probability 0.98, one of 0.3 with 0.24.
Candidates are compared part by part: two questions over one passage are not nearly the same question.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.curation.keys import text_hashes

_WORDS_PER_GRAM = 3
_BANDS, _MINIMA_PER_BAND = 10, 3
_MOST_PER_BUCKET = 4
"""Targets of one group that a source is compared with in one bucket."""
_ROWS_PER_CHUNK = 50_000
_PAIRS_PER_CHUNK = 100_000

# Odd multipliers: powers of one odd constant (the golden ratio in 64 bits, as in Fibonacci hashing).
_MIX = 0x9E3779B97F4A7C15
_MULTIPLIERS = np.array(
    [pow(_MIX, 2 * i + 1, 2**64) for i in range(_BANDS * _MINIMA_PER_BAND)], dtype=np.uint64
)

Hashes = NDArray[np.uint64]

PAIRS = pl.Schema({"source": pl.UInt32, "target": pl.UInt32, "similarity": pl.Float64})


class _Grams(NamedTuple):
    """The distinct trigrams of many texts: `values[starts[i]:starts[i + 1]]` are those of text i."""

    values: Hashes
    starts: NDArray[np.int64]


def near_pairs(texts: pl.DataFrame, *, least: float) -> pl.DataFrame:
    """Return pairs of a source and a target whose texts are nearly the same.

    Args:
        texts: One row a text: `at` (u32, unique), `first` and `second` (normalised, words separated
            by single spaces), `is_source` and `is_target` (a text may be both), `group` (u32; the
            bound of candidates holds for each group of targets).
        least: Smallest similarity, in [0, 1]: the Jaccard index of trigrams, the smaller of the two
            parts', the larger of the two ways to pair the parts.

    Returns:
        `source`, `target` (their `at`) and `similarity`, sorted; a text is no pair with itself. In a
        bucket of many texts only the first few targets of each group are compared, so a source may
        have more near targets than are returned: counts of them are lower bounds.
    """
    candidates = _candidates(texts.sort("at"))
    used = pl.concat([candidates["source"], candidates["target"]]).unique()
    read = texts.filter(pl.col("at").is_in(used.implode())).sort("at")
    places = read["at"].to_numpy()
    left = np.searchsorted(places, candidates["source"].to_numpy())
    right = np.searchsorted(places, candidates["target"].to_numpy())
    similarity = _similarity(_grams(read["first"]), _grams(read["second"]), left, right)
    pairs = candidates.with_columns(similarity=pl.Series(similarity, dtype=pl.Float64))
    return pairs.filter(pl.col("similarity") >= least).cast(PAIRS).sort("source", "target")


def _candidates(texts: pl.DataFrame) -> pl.DataFrame:
    """Return pairs that share a band, distinct and sorted."""
    bands = _bands(texts)
    found = []
    for band in range(_BANDS):
        frame = texts.select("at", "group", "is_source", "is_target", bucket=bands[band])
        frame = frame.filter(pl.col("bucket") != 0)
        targets = frame.filter("is_target").filter(
            pl.col("at").rank("ordinal").over("bucket", "group") <= _MOST_PER_BUCKET
        )
        pairs = frame.filter("is_source").join(targets, on="bucket", suffix="_target")
        found.append(
            pairs.filter(pl.col("at") != pl.col("at_target")).select(
                source="at", target="at_target"
            )
        )
    return pl.concat(found).unique().sort("source", "target")


def _bands(texts: pl.DataFrame) -> list[Hashes]:
    """Return one array of bucket numbers a band, one number a text; 0 where a text has no word."""
    parts: list[list[Hashes]] = [[] for _ in range(_BANDS)]
    for chunk in texts.iter_slices(_ROWS_PER_CHUNK):
        whole = chunk.select(text=pl.concat_str("first", "second", separator=" ").str.strip_chars())
        grams = _grams(whole["text"])
        for band, buckets in enumerate(_buckets(grams)):
            parts[band].append(buckets)
    return [np.concatenate([np.zeros(0, np.uint64), *part]) for part in parts]


def _buckets(grams: _Grams) -> Iterator[Hashes]:
    filled = np.flatnonzero(np.diff(grams.starts))
    for band in range(_BANDS):
        mixed = np.zeros(len(filled), dtype=np.uint64)
        for i in range(band * _MINIMA_PER_BAND, (band + 1) * _MINIMA_PER_BAND):
            if len(filled):
                hashed = grams.values * _MULTIPLIERS[i]
                # the high bits of a product are its good ones; fold them down before comparing
                hashed ^= hashed >> np.uint64(32)
                minima = np.minimum.reduceat(hashed, grams.starts[filled])
                mixed = (mixed ^ minima) * np.uint64(_MIX)
        buckets = np.zeros(len(grams.starts) - 1, dtype=np.uint64)
        buckets[filled] = mixed | np.uint64(1)
        yield buckets


def _grams(texts: pl.Series) -> _Grams:
    """Hash every run of three words of every text; a text of fewer words is one run."""
    rows = pl.DataFrame({"text": texts}).with_row_index("row")
    words = (
        rows.filter(pl.col("text") != "")
        .with_columns(word=pl.col("text").str.split(" "))
        .select("row", "word")
        .explode("word")
    )
    row, hashes = words["row"].to_numpy(), text_hashes(words["word"])
    value = np.zeros(len(row), dtype=np.uint64)
    whole = np.ones(len(row), dtype=np.bool_)
    for step in range(_WORDS_PER_GRAM):
        inside = np.zeros(len(row), dtype=np.bool_)
        inside[: len(row) - step] = row[step:] == row[: len(row) - step]
        shifted = np.zeros(len(row), dtype=np.uint64)
        shifted[: len(row) - step] = hashes[step:]
        value = np.where(inside, (value ^ shifted) * np.uint64(_MIX), value)
        whole &= inside
    leads = np.ones(len(row), dtype=np.bool_)
    leads[1:] = row[1:] != row[:-1]
    kept = whole | (leads & ~whole)
    distinct = pl.DataFrame({"row": row[kept], "value": value[kept]}).unique().sort("row", "value")
    starts = np.searchsorted(distinct["row"].to_numpy(), np.arange(len(texts) + 1))
    return _Grams(distinct["value"].to_numpy(), starts.astype(np.int64))


def _similarity(
    first: _Grams, second: _Grams, left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compare the texts of each pair part by part, straight and crossed."""
    chunks = [np.zeros(0)]
    for at in range(0, len(left), _PAIRS_PER_CHUNK):
        a, b = left[at : at + _PAIRS_PER_CHUNK], right[at : at + _PAIRS_PER_CHUNK]
        straight = np.minimum(_jaccard(first, a, first, b), _jaccard(second, a, second, b))
        crossed = np.minimum(_jaccard(first, a, second, b), _jaccard(second, a, first, b))
        chunks.append(np.maximum(straight, crossed))
    return np.concatenate(chunks)


def _jaccard(
    one: _Grams, a: NDArray[np.int64], other: _Grams, b: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the Jaccard index of each pair of gram sets; 1 where both are empty."""
    left, right = _gathered(one, a), _gathered(other, b)
    shared = left.join(right, on=["pair", "value"], how="semi")
    counts = np.bincount(shared["pair"].to_numpy(), minlength=len(a))
    sizes = np.diff(one.starts)[a] + np.diff(other.starts)[b]
    union = sizes - counts
    return np.where(union == 0, 1.0, counts / np.maximum(union, 1))


def _gathered(grams: _Grams, rows: NDArray[np.int64]) -> pl.DataFrame:
    """Return the grams of `rows`, each with the number of the pair that it belongs to."""
    lengths = np.diff(grams.starts)[rows]
    pair = np.repeat(np.arange(len(rows), dtype=np.int64), lengths)
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(grams.starts[rows], lengths) + np.arange(len(pair)) - before
    return pl.DataFrame({"pair": pair, "value": grams.values[at]})
