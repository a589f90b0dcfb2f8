"""Tokenising: ours against `tokenizers` itself and against `datasets.map` batched, on all cores.

Real texts (below `data_dir` where they are, else the embed_rows suite), each once; a WordPiece and a
byte-level BPE vocabulary are trained on them first. Ours is what the stage runs: a column of texts to
one array of ids. Where the faster tokenizer is installed it is proven on these texts; then it is timed
made anew, with nothing seen before ("cold"), and as it is after that ("warm"); the bar is over cold. All
ids are compared first. `tokenizers` is timed without copying its ids out, and `datasets.map` calls its
batch method.

Usage: python -m benchmarks.bench_tokenize [--texts 40000] [--data FOLDER] [--rounds 7] [--out FILE]
"""

import argparse
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.real_texts import data_folder, real_texts
from pipeline.tokens import wordpiece
from pipeline.tokens.encode import Encoder, encode, package_encoder
from pipeline.tokens.fast import Chosen, proven

VOCABULARY = 8000
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BATCH = 1000
"""Rows of a batch of `datasets.map`: its default."""


def byte_bpe(texts: Sequence[str]) -> Tokenizer:
    """Train byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def raw(tokenizer: Tokenizer, texts: list[str]) -> Callable[[], Any]:
    """Return a run of the package's own batch method."""
    return lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)


def mapped(tokenizer: Tokenizer, texts: list[str]) -> Callable[[], Any]:
    """Return a run of `datasets.map` batched, in memory, with its output type given."""
    import datasets

    datasets.disable_progress_bars()
    datasets.disable_caching()
    data = datasets.Dataset.from_dict({"text": texts})
    features = datasets.Features({"ids": datasets.List(datasets.Value("int32"))})

    def batch(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        found = tokenizer.encode_batch_fast(rows["text"], add_special_tokens=False)
        return {"ids": [row.ids for row in found]}

    return lambda: data.map(
        batch, batched=True, batch_size=BATCH, remove_columns=["text"], features=features,
        keep_in_memory=True, new_fingerprint="benchmark",
    )  # fmt: skip


def flat(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return ids and lengths."""
    return list(chain.from_iterable(rows)), [len(row) for row in rows]


def check_equal(encoders: Sequence[Encoder], column: pl.Series, raw: Any, mapped: Any) -> None:
    """Compare the ids of all contenders.

    Raises:
        AssertionError: Some id differs.
    """
    expected = flat([row.ids for row in raw()])
    table = mapped().data.table["ids"].combine_chunks()
    assert expected == (table.values.to_pylist(), np.diff(table.offsets.to_numpy()).tolist())
    for encoder in encoders:
        rows = encode(encoder, column).rows()
        assert expected == (rows.values.tolist(), rows.lengths.tolist())


def chosen(tokenizer: Tokenizer, texts: list[str]) -> Chosen | None:
    """Return the faster tokenizer, proven on these texts; None where none is."""
    found = proven(tokenizer, lambda: texts)
    if found.note:
        print(found.note)
    return None if found.name.startswith("tokenizers") else found


def measure(
    name: str, tokenizer: Tokenizer, texts: list[str], rounds: int
) -> tuple[dict[str, Bar], dict[str, Any]]:
    """Compare, then time one vocabulary."""
    tokenizer.encode_special_tokens = True
    column, size = pl.Series(texts, dtype=pl.String), sum(len(text.encode()) for text in texts)
    ours, by_map, by_raw = (
        package_encoder(tokenizer),
        mapped(tokenizer, texts),
        raw(tokenizer, texts),
    )
    faster = chosen(tokenizer, texts)
    check_equal([ours, *([faster.encoder] if faster else [])], column, by_raw, by_map)
    runs: dict[str, Callable[[], Any]] = {
        "ours, tokenizers": lambda: encode(ours, column),
        "tokenizers": by_raw,
        "datasets.map": by_map,
    }
    if faster is not None:
        warm = faster.encoder
        # an empty sample: it is proven above, and each run gets one that has seen only `NASTY`
        runs["ours, faster, warm"] = lambda: encode(warm, column)
        runs["ours, faster, cold"] = lambda: encode(proven(tokenizer, list).encoder, column)
    speeds = rotate([Contender(key, run, size) for key, run in runs.items()], rounds=rounds)
    show(f"{name}, {len(texts):,} texts", speeds, "bytes/s")
    bars: dict[str, Bar] = {
        f"{name}: tokenizers' batch speed": (
            ratio(speeds, "ours, tokenizers", "tokenizers"),
            0.95,
            ">=",
        )
    }
    if faster is not None:
        times = ratio(speeds, "ours, faster, cold", "datasets.map")
        bars[f"{name}: faster over datasets.map"] = (times, 10, ">=")
    details = {key: round(median(values) / 1e6, 2) for key, values in speeds.items()}
    return bars, {"MB/s": details, "faster": faster.name if faster else None}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=40_000)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    texts, where = real_texts(arguments.data or data_folder(), most=arguments.texts)
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts):,} distinct texts, {size / 1e6:.1f} MB, from {where}")
    bars: dict[str, Bar] = {}
    details: dict[str, Any] = {
        "texts": len(texts), "megabytes": round(size / 1e6, 2), "source": where,
        "rounds": arguments.rounds,
    }  # fmt: skip
    for name, tokenizer in (
        ("wordpiece", wordpiece.train([texts], vocabulary=VOCABULARY)),
        ("byte-level bpe", byte_bpe(texts)),
    ):
        found, details[name] = measure(name, tokenizer, texts, arguments.rounds)
        bars |= found
    packages = ["tokenizers", "datasets", *(["gigatoken"] if find_spec("gigatoken") else [])]
    if find_spec("gigatoken") is None:
        print("gigatoken is not installed (the extra `fast`): its bar is not measured")
    finish("tokenize", bars, equal=True, out=arguments.out, details=details, packages=packages)


if __name__ == "__main__":
    main()
