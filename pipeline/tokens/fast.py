"""A faster tokenizer where one is installed and proven to give the same ids: `gigatoken`.

It reads a `tokenizer.json` of byte-level BPE, or of BPE with byte fallback; others it refuses (WordPiece,
Unigram), or reads and encodes otherwise than `tokenizers` does. So it is used for a vocabulary only after
it gave the same ids for a sample of the mixture's own texts and for strings that tokenizers are known to
disagree about. With or without it the shards are the same to the byte; it is an optional extra (`fast`).
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.tokens.encode import Encoder, package_encoder
from pipeline.tokens.nasty import NASTY

PACKAGE = "gigatoken"
SWITCH = "TASKLOOM_FAST"
"""Set to `0` in the environment, no faster tokenizer is looked for."""

_BATCH = 65_536
"""Texts that Python holds at a time."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What encodes a vocabulary.

    Attributes:
        encoder: Encodes.
        name: Package and version; an encoder's results are only reused by the same.
        note: Why a faster one that is installed is not used; empty where nothing surprises.
    """

    encoder: Encoder
    name: str
    note: str = ""


def proven(
    tokenizer: Tokenizer, sample: Callable[[], list[str]], *, package: str = PACKAGE
) -> Chosen:
    """Return the faster tokenizer where it is installed and gives the same ids, else `tokenizers`.

    Args:
        tokenizer: Encodes as `vocabulary.load` sets it up.
        sample: Gives texts to compare, beside `NASTY`; called only where there is something to compare.
        package: Name of the distribution.
    """
    exact = package_encoder(tokenizer)
    plain = Chosen(exact, f"tokenizers {version('tokenizers')}")
    if os.environ.get(SWITCH) == "0":
        return plain
    try:
        name = f"{package} {version(package)}"
        faster = _gigatoken(tokenizer)
    except (PackageNotFoundError, ImportError):
        return plain
    except Exception as error:  # it refuses a vocabulary with bare errors of many kinds
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Chosen(exact, plain.name, f"{name} does not read this vocabulary: {first}")
    texts = [*NASTY, *(f"{special} a{special}b" for special in _special(tokenizer)), *sample()]
    differs = first_difference(exact, faster, texts)
    if differs is not None:
        why = f"{name} is not used, it encodes {texts[differs][:60]!r} otherwise than tokenizers"
        return Chosen(exact, plain.name, why)
    return Chosen(faster, name)


def first_difference(exact: Encoder, other: Encoder, texts: list[str]) -> int | None:
    """Return the index of the first text to which two encoders give different ids, None if none."""
    array = pa.array(texts, pa.large_string())
    try:
        found = other(array)
    except Exception:  # an encoder that fails differs; which text it was cannot be said
        return 0
    expected = exact(array)
    for i in range(len(expected)):
        if i >= len(found) or not np.array_equal(expected[i], found[i]):
            return i
    return None


def _gigatoken(tokenizer: Tokenizer) -> Encoder:
    """Return an encoder for a vocabulary.

    Special tokens are left out of what it reads, since a special token inside a text is plain text
    here. It keeps what it has seen of each word: later batches are faster.
    """
    import gigatoken

    written: dict[str, Any] = json.loads(tokenizer.to_str())
    written["added_tokens"] = [t for t in written["added_tokens"] if not t["special"]]
    written["post_processor"] = None
    backend = gigatoken.Tokenizer.from_json(json.dumps(written))

    def encoder(texts: pa.LargeStringArray) -> Ragged:
        values, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for low in range(0, len(texts), _BATCH):
            layout = backend.encode_batch(
                texts.slice(low, _BATCH).to_pylist(), parallel=True
            ).layout
            offsets = np.asarray(layout.offsets.data, np.int64)
            values.append(np.asarray(layout.content.data)[offsets[0] : offsets[-1]])
            lengths.append(np.diff(offsets))
        ids = np.concatenate(values, dtype=np.int32, casting="unsafe")
        return Ragged(ids, offsets_of(np.concatenate(lengths)))

    return encoder


def _special(tokenizer: Tokenizer) -> list[str]:
    added = tokenizer.get_added_tokens_decoder()
    return [token.content for _, token in sorted(added.items())][:64]
