"""Texts to ids with the `tokenizers` package: no special tokens, every distinct text once.

Class names and shared passages repeat over rows, so texts are encoded once each and referred to by
index. The result equals encoding every text by itself, for any number of threads.
"""

from itertools import chain

import numpy as np
import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.tokens.ragged import Coded, Ragged, offsets_of

_BATCH = 2048


def encode(tokenizer: Tokenizer, texts: pl.Series) -> Coded:
    """Encode strings without special tokens, uncut.

    Args:
        tokenizer: Encodes as `vocabulary.load` sets it up: special tokens that occur in a text are
            plain text.
        texts: Strings, no nulls; the empty string has no ids.

    Returns:
        One row of ids per text; equal texts share theirs.
    """
    array = texts.cast(pl.String).to_arrow()
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    distinct = whole.cast(pa.large_string()).dictionary_encode()
    pool = encode_all(tokenizer, distinct.dictionary.to_pylist())
    codes = distinct.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(pool, codes)


def encode_all(tokenizer: Tokenizer, texts: list[str]) -> Ragged:
    """Encode every text, repeated or not, in batches over all cores."""
    values, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for low in range(0, len(texts), _BATCH):
        rows = tokenizer.encode_batch_fast(texts[low : low + _BATCH], add_special_tokens=False)
        ids = [row.ids for row in rows]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        lengths.append(sizes)
        values.append(np.fromiter(chain.from_iterable(ids), np.int32, int(sizes.sum())))
    return Ragged(np.concatenate(values), offsets_of(np.concatenate(lengths)))
