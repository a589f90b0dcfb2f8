"""Loading: ragged rows in random order into one buffer, against a torch DataLoader and Grain.

One million rows of 1 to 64 ids, batches of 1,024. "column" gathers one ragged column, as the others do
(the DataLoader over `datasets`). "rows" is what the trainer does: `Shards.gather` over twenty tasks, with
context, question, choices, labels and all, at most 64 ids a row. "packed" gathers rows of 2,048 ids
from a memory-mapped file into one buffer. Every contender's batches are compared first. The others get
fewer batches, and `datasets` the best of three formats.

Usage: python -m benchmarks.bench_loader [--rows 1000000] [--rounds 7] [--out FILE]
"""

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.loader_peers import COLLATE, Buffer, Rows, grain_loader, has_grain, torch_loader
from pipeline.contract.choice import ChoiceManifest, LongRows, Shards, open_shards
from pipeline.contract.files import read_arrow, write_arrow
from pipeline.contract.manifest import write_manifest
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.contract.ragged import Ragged as Column
from pipeline.seeds import derive_rng
from pipeline.tokens import wordpiece
from pipeline.tokens.choice_shards import write_shard
from pipeline.tokens.fit import Fitted
from pipeline.tokens.vocabulary import ENCODER, load, save

BATCH = 1024
TASKS = 20
PACKED = 2048
LIST = pa.large_list(pa.int32())
Batches = Sequence[npt.NDArray[np.int64]]


def column(rng: np.random.Generator, rows: int, least: int, most: int) -> Column:
    """Return rows of `least` to `most` ids."""
    offsets = offsets_of(rng.integers(least, most + 1, rows))
    return Column(rng.integers(10, 30_000, offsets[-1], dtype=np.int32), offsets)


def mapped(folder: Path, whole: Column) -> tuple[Ragged, pa.Table]:
    """Write one ragged column as an Arrow file and map it, for us and for the others."""
    ids = pa.LargeListArray.from_arrays(pa.array(whole.offsets), pa.array(whole.values))
    write_arrow(pa.table({"ids": ids}), folder / "ids.arrow")
    batch = read_arrow(folder / "ids.arrow")
    ids = batch.column("ids")
    return Ragged(ids.values.to_numpy(), ids.offsets.to_numpy()), pa.Table.from_batches([batch])


def write_tasks(folder: Path, rows: int) -> Shards:
    """Write the shards of twenty tasks with the pipeline's own code and open them as the trainer does.

    A row has a context of 1 to 40 ids, a question of up to 8 and two to four choices of 1 to 4.
    """
    tokenizer, tokens = folder / "tokenizer", folder / "train"
    tokenizer.mkdir()
    tokens.mkdir()
    tasks = [f"task{i:02d}" for i in range(TASKS)]
    words = wordpiece.train([["a b c"] * 2], vocabulary=300)
    save(words, wordpiece.SPECIAL, {task: f"[task: {task}]" for task in tasks}, tokenizer)
    vocabulary, entries = load(tokenizer, ENCODER), []
    for task in tasks:
        rng, count = derive_rng(7, "loader", task), rows // TASKS
        first = offsets_of(rng.integers(2, 5, count))
        fitted = Fitted(
            context=column(rng, count, 1, 40),
            question=column(rng, count, 0, 8),
            choices=column(rng, int(first[-1]), 1, 4),
            first=first,
            row=np.arange(count, dtype=np.int64),
        )
        view = pl.DataFrame(
            {"label": rng.integers(0, 2, count), "labels": [None] * count},
            schema={"label": pl.Int32, "labels": pl.List(pl.Int32)},
        )
        entries.append(
            write_shard(
                tokens / f"{task}.arrow", fitted, view, task=task, form="multiple_choice",
                prefix_id=vocabulary.prefixes[task], curated_sha256="",
            )
        )  # fmt: skip
    manifest = ChoiceManifest(
        role="train", max_tokens=64, long_rows=LongRows(), vocabulary=vocabulary.size,
        special=vocabulary.special, tokenizer_sha256=vocabulary.sha256,
        tokenizer_files=vocabulary.files,
    )  # fmt: skip
    write_manifest(tokens, manifest, entries)
    return open_shards(tokens)


def batches(rows: int, most: int, *names: str) -> Batches:
    """Return batches of rows in random order, `most` at most."""
    order = derive_rng(7, "order", *names).permutation(rows)
    return [order[low : low + BATCH] for low in range(0, rows - BATCH + 1, BATCH)][:most]


def spend(stream: Iterable[object]) -> Callable[[], None]:
    """Return a run that draws all of a stream."""

    def run() -> None:
        for _ in stream:
            pass

    return run


def same(found: Buffer, expected: Buffer) -> None:
    assert found[0].dtype == np.int32
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def measure_column(folder: Path, rows: int, rounds: int) -> tuple[dict[str, Bar], dict[str, float]]:
    """Compare, then time one ragged column."""
    ours, table = mapped(folder, column(derive_rng(7, "column"), rows, 1, 64))
    many = batches(rows, 1000, "column")
    few, values, offsets = many[:32], ours.values, ours.offsets

    def grain(number: int) -> Iterable[Buffer]:
        return grain_loader(Rows(values, offsets, np.concatenate(many[:number])), batch=BATCH)

    streams: dict[str, Callable[[int], Iterable[Buffer]]] = {
        f"DataLoader, datasets ({kind})": lambda n, kind=kind: torch_loader(table, many[:n], kind)
        for kind in COLLATE
    }
    if has_grain():
        streams["grain"] = grain
    else:
        print("grain is not installed (the extra `bench`): it is left out")
    for stream in streams.values():
        for batch, found in zip(few[:8], stream(8), strict=True):
            taken = ours.take(batch)
            same(found, (taken.values, taken.offsets))
            assert taken.values.tolist() == list(
                itertools.chain.from_iterable(values[offsets[r] : offsets[r + 1]] for r in batch)
            )
    contenders = [
        Contender("ours", spend_lazy(lambda: (ours.take(b) for b in many)), len(many) * BATCH),
        *(
            Contender(name, spend_lazy(lambda stream=stream: stream(len(few))), len(few) * BATCH)
            for name, stream in streams.items()
        ),
    ]
    speeds = rotate(contenders, rounds=rounds)
    show("one ragged column, 1 to 64 ids", speeds, "rows/s")
    best = max((n for n in streams if "datasets" in n), key=lambda name: median(speeds[name]))
    bars: dict[str, Bar] = {
        "ragged rows/s": (median(speeds["ours"]), 1e6, ">="),
        "ragged over DataLoader and datasets, best format": (ratio(speeds, "ours", best), 1, ">="),
    }
    if "grain" in streams:
        bars["ragged over grain"] = (ratio(speeds, "ours", "grain"), 1, ">=")
    return bars, {name: round(median(found)) for name, found in speeds.items()}


def spend_lazy(stream: Callable[[], Iterable[object]]) -> Callable[[], None]:
    """Return a run that opens a stream and draws all of it."""
    return lambda: spend(stream())()


def check_rows(shards: Shards, batch: npt.NDArray[np.int64]) -> None:
    """Compare the rows of all tasks, gathered at once, with each row read by itself.

    Raises:
        AssertionError: Some value differs.
    """
    found, starts = shards.gather(batch), shards.starts
    for i, row in enumerate(batch.tolist()):
        task = int(np.searchsorted(starts, row, side="right")) - 1
        one = shards.shards[task].rows.take(np.array([row - starts[task]]))
        low, high = found.choice_offsets[i : i + 2]
        for part, whole, span in (
            (one.context, found.context, (i, i + 1)),
            (one.question, found.question, (i, i + 1)),
            (one.choices, found.choices, (low, high)),
        ):
            ends = whole.offsets[span[0]], whole.offsets[span[1]]
            np.testing.assert_array_equal(whole.values[ends[0] : ends[1]], part.values)
        assert (found.label[i], found.task[i]) == (one.label[0], task)


def measure_rows(folder: Path, rows: int, rounds: int) -> tuple[dict[str, Bar], dict[str, float]]:
    """Compare, then time whole rows of twenty tasks: at once, and task by task."""
    shards = write_tasks(folder, rows)
    many = [np.sort(batch) for batch in batches(rows // TASKS * TASKS, 500, "rows")]
    for batch in many[:4]:
        check_rows(shards, batch)
    run = spend_lazy(lambda: (shards.gather(batch) for batch in many))
    small = [np.sort(part) for batch in many[:50] for part in np.array_split(batch, 32)]
    steps = spend_lazy(lambda: (shards.gather(batch) for batch in small))
    speeds = rotate(
        [
            Contender("batches of 1,024", run, len(many) * BATCH),
            Contender("batches of 32", steps, sum(map(len, small))),
        ],
        rounds=rounds,
    )
    show("whole rows of 20 tasks, Shards.gather", speeds, "rows/s")
    bars: dict[str, Bar] = {"whole rows/s": (median(speeds["batches of 1,024"]), 1e6, ">=")}
    return bars, {name: round(median(found)) for name, found in speeds.items()}


def measure_packed(folder: Path, rounds: int) -> tuple[dict[str, Bar], dict[str, float]]:
    """Compare, then time rows of 2,048 ids from a memory map."""
    rows = 32_768
    path, rng = folder / "packed.bin", derive_rng(7, "packed")
    rng.integers(0, 30_000, rows * PACKED, dtype=np.int32).tofile(path)
    matrix = np.memmap(path, np.int32, "r").reshape(rows, PACKED)
    ours = Ragged(matrix.reshape(-1), np.arange(rows + 1, dtype=np.int64) * PACKED)
    many = [part for batch in batches(rows, 32, "packed") for part in np.split(batch, 16)]
    for batch in many[:4]:
        found = ours.take(batch, np.empty(len(batch) * PACKED, np.int32))
        np.testing.assert_array_equal(found.values.reshape(-1, PACKED), matrix[batch])
    items = sum(map(len, many))
    flat = np.empty(len(many[0]) * PACKED, np.int32)
    out = flat.reshape(-1, PACKED)
    speeds = rotate(
        [
            Contender("ours", spend_lazy(lambda: (ours.take(b, flat) for b in many)), items),
            Contender(
                "numpy take, one width, one buffer",
                spend_lazy(lambda: (np.take(matrix, b, 0, out, "clip") for b in many)),
                items,
            ),
        ],
        rounds=rounds,
    )
    show("packed rows of 2,048 ids, batches of 64", speeds, "rows/s")
    bars: dict[str, Bar] = {"packed rows/s": (median(speeds["ours"]), 0.4e6, ">=")}
    return bars, {name: round(median(found)) for name, found in speeds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    bars: dict[str, Bar] = {}
    details: dict[str, Any] = {"rows": arguments.rows, "rounds": arguments.rounds, "batch": BATCH}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (found, speeds) in (
            ("column", measure_column(folder, arguments.rows, arguments.rounds)),
            ("rows", measure_rows(folder, arguments.rows, arguments.rounds)),
            ("packed", measure_packed(folder, arguments.rounds)),
        ):
            bars |= found
            details[kind] = speeds
    packages = ["datasets", "torch", *(["grain"] if has_grain() else [])]
    finish("loader", bars, equal=True, out=arguments.out, details=details, packages=packages)


if __name__ == "__main__":
    main()
