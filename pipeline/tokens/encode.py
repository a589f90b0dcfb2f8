"""Texts to ids: no special tokens, every distinct text once, all cores.

Class names and shared passages repeat over rows, so texts are encoded once each and referred to by
index. Each text is encoded as one that starts, just as `tokenizer(a, b)` encodes both of a pair:
whether a space goes before its first word is what the tokenizer's own file says (`add_prefix_space`,
`prepend_scheme`), for a context after the prefix as for a choice after `[SEP]`. The result equals
encoding every text by itself, for any number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.tokens.coded import Coded

_BATCH = 512

Encoder = Callable[[pa.LargeStringArray], Ragged]
"""Encodes every text of a column without nulls, uncut and without special tokens."""


def encode(tokenizer: Tokenizer | Encoder, texts: pl.Series) -> Coded:
    """Encode strings without special tokens, uncut.

    Args:
        tokenizer: Encodes as `vocabulary.load` sets it up: special tokens that occur in a text are
            plain text. Or an encoder that is known to do the same, see `fast.proven`.
        texts: Strings, no nulls; the empty string has no ids.

    Returns:
        One row of ids per text; equal texts share theirs.
    """
    encoder = package_encoder(tokenizer) if isinstance(tokenizer, Tokenizer) else tokenizer
    array = texts.cast(pl.String).to_arrow()
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    distinct = whole.cast(pa.large_string()).dictionary_encode()
    codes = distinct.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(encoder(distinct.dictionary), codes)


def package_encoder(tokenizer: Tokenizer) -> Encoder:
    """Return the encoder of the `tokenizers` package.

    Its threads are ours: it uses all cores also where `TOKENIZERS_PARALLELISM` is off, and one thread
    copies ids out while another encodes. Python holds a few batches of texts at a time.
    """

    def encoder(texts: pa.LargeStringArray) -> Ragged:
        def batch(low: int) -> tuple[np.ndarray, np.ndarray]:
            return _batch(tokenizer, texts.slice(low, _BATCH).to_pylist())

        starts = range(0, len(texts), _BATCH)
        if len(starts) < 2:
            parts = [batch(low) for low in starts]
        else:
            with ThreadPoolExecutor(cores()) as pool:
                parts = list(pool.map(batch, starts))
        values = [np.empty(0, np.int32), *(part[0] for part in parts)]
        lengths = [np.empty(0, np.int64), *(part[1] for part in parts)]
        return Ragged(np.concatenate(values), offsets_of(np.concatenate(lengths)))

    return encoder


def _batch(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return all ids of a batch, and how many each text has."""
    ids = [row.ids for row in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    sizes = np.fromiter(map(len, ids), np.int64, len(ids))
    return np.fromiter(chain.from_iterable(ids), np.int32, int(sizes.sum())), sizes


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
