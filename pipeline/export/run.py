"""Run an export from its request to its manifest: write all shards that are not there yet."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.contract.files import read_arrow, sha256, whole_file
from pipeline.errors import ArtefactError
from pipeline.export import target
from pipeline.export.dataset_card import side_files
from pipeline.export.formats import COLUMNS, write_shard
from pipeline.export.request import Request, Shard
from pipeline.export.text_store import TextStore, write_store

PART_ROWS = 32_768
"""Rows that are held at once; also the row groups and record batches of what is written."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to."""

    rows: int
    """In the files."""
    without_target: int
    """Rows that JSONL leaves out."""
    shards: int
    written: int
    """Shards written by this run; the others were there whole."""


def export(request: Request, folder: Path, *, advance: Callable[[int], object]) -> Exported:
    """Write an export to `folder`, or finish the one that is there.

    Args:
        request: What to export.
        folder: New, empty, or with the same export, unfinished or finished.
        advance: Called with the number of positions of each shard when it is complete.

    Raises:
        ArtefactError: The folder holds something else, an input is missing or damaged, or the folder
            cannot be written; what is done stays, and a second run goes on from there.
    """
    target.claim(folder, request.recipe())
    shards = request.shards()
    notes = target.done(folder, shards)
    missing = [shard for shard in shards if shard.index not in notes]
    advance(sum(shard.last - shard.first for shard in shards if shard.index in notes))
    if missing:
        for shard, rows in _written(request, folder, missing):
            notes[shard.index] = target.note_done(folder, shard, rows=rows)
            advance(shard.last - shard.first)
    digest = mixture_sha256(request)
    if request.format == "datasets":
        for name, text in side_files(request, shards, digest).items():
            with whole_file(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    target.finish(folder, request, [notes[shard.index] for shard in shards], digest)
    rows = sum(note["rows"] for note in notes.values())
    return Exported(rows, request.positions - rows, len(shards), len(missing))


def mixture_sha256(request: Request) -> str:
    """Return one hash over the order and the text of the tasks: the same for every format."""
    parts = {"order": request.order_sha256, "text": dict(request.text_sha256)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _written(request: Request, folder: Path, shards: list[Shard]) -> Iterator[tuple[Shard, int]]:
    """Write shards, one after the other; yield each with its rows when its file is there."""
    store_path = target.scratch(folder) / "text.arrow"
    schema = COLUMNS[request.view]
    write_store(request.draws, request.rendered, store_path, schema)
    order, store = checked_order(request), TextStore(store_path, request.draws)
    for shard in shards:
        with whole_file(folder / shard.file) as temporary:
            parts = rows_of(order, store, shard, schema)
            rows = write_shard(parts, temporary, request.format, schema)
        yield shard, rows


def checked_order(request: Request) -> pa.Table:
    """Memory-map the order.

    Raises:
        ArtefactError: It is missing, damaged, or not the one of its manifest.
    """
    order = read_arrow(request.order)
    if order.num_rows != request.positions or sha256(request.order) != request.order_sha256:
        raise ArtefactError(
            "is not the order that its manifest describes",
            where=str(request.order),
            expected=f"{request.positions} positions, SHA-256 {request.order_sha256}",
            remedy="delete the folder and run `dvc repro mix`",
        )
    return order


def rows_of(
    order: pa.Table, store: TextStore, shard: Shard, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Yield a shard's rows in training order, as tables of `schema` of at most `PART_ROWS` rows."""
    for first in range(shard.first, shard.last, PART_ROWS):
        last = min(first + PART_ROWS, shard.last)
        part = order.slice(first, last - first)
        tasks, text = store.take(part.column("row").to_numpy())
        columns = {name: text.column(name) for name in text.column_names} | {
            "task": tasks,
            "position": pa.array(np.arange(first, last, dtype=np.int64)),
            "epoch": part.column("epoch"),
        }
        yield pa.table({name: columns[name] for name in schema.names}).cast(schema)
