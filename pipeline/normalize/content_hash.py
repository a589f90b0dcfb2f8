"""The content hash: XXH3-128 over one injective encoding of what an example says.

    context RS question RS choice US choice ... RS gold

in UTF-8, where RS is U+001E and US is U+001F. `gold` is `#` and the label in decimal; or `{`, the gold
set in decimal joined by `,`, and `}`; or `=` and the target of a row without choices; or nothing where
the gold answer is hidden. No text of an example holds RS or US, since text with control characters is
a reject, and no choice is empty; hence no two contents have one encoding. The digest is the 16 bytes
of XXH3-128 (seed 0) in the algorithm's canonical, big-endian form.

Task, split and row are no part of it: the same content has the same hash wherever it occurs. Knows
no card and no form.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

RS, US = "\x1e", "\x1f"


def encode(drafts: pl.DataFrame, options: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the encoding of each row.

    Args:
        drafts: N rows with `context`, `question`, `choices`, `label`, `labels`, `target`, `reason`;
            the first three hold no null where `reason` does.
        options: The choices of every row, where they are the same: quicker than joining each list.

    Returns:
        N rows of `encoding` (String; null where a row has a reason) and `separators` (Int64), the
        number of RS and US that the encoding has by right.
    """
    gold_set = pl.col("labels").cast(pl.List(pl.String)).list.join(",")
    gold = {
        "label": pl.concat_str(pl.lit("#"), "label"),
        "labels": pl.concat_str(pl.lit("{"), gold_set, pl.lit("}")),
        "target": pl.concat_str(pl.lit("="), "target"),
    }
    known = [text for name, text in gold.items() if drafts[name].null_count() < drafts.height]
    is_encoded = pl.col("reason").is_null()
    # a null part makes the whole null
    gold_or_null = pl.when(is_encoded).then(pl.coalesce(*known, pl.lit("")))
    if options is None:
        choices = pl.col("choices").list.join(US)
        between = (pl.col("choices").list.len().cast(pl.Int64) - 1).clip(0)
    else:
        choices, between = pl.lit(US.join(options)), pl.lit(max(len(options) - 1, 0), pl.Int64)
    return drafts.select(
        pl.concat_str("context", "question", choices, gold_or_null, separator=RS).alias("encoding"),
        pl.when(is_encoded).then(between + 3).otherwise(0).alias("separators"),
    )


def digests(encoded: pl.Series) -> pl.Series:
    """Return the XXH3-128 digest of each row's UTF-8 bytes, as Binary of 16 bytes."""
    digest = xxhash.xxh3_128_digest
    offsets, data = buffers(encoded)
    view, stops = data.data, offsets.tolist()
    hashes = [digest(view[start:stop]) for start, stop in pairwise(stops)]
    return pl.Series("content_hash", hashes, dtype=pl.Binary)


def buffers(texts: pl.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the N + 1 offsets and the UTF-8 bytes of a String series; null takes no bytes."""
    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(array):
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    _, offsets, data = array.buffers()
    kept = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return kept, np.frombuffer(data or b"", dtype=np.uint8)[: kept[-1]]
