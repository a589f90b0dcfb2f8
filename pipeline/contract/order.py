"""The order: which mixture row stands at which position.

Memory-maps `order.arrow` and checks that it counts in the rows of these shards. Knows no token.
"""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from pipeline.contract.files import REMEDY, check_sha256, read_arrow, read_manifest
from pipeline.contract.ragged import Ints
from pipeline.contract.shards import lists_of
from pipeline.errors import ArtefactError

VERSION = 1

SHUFFLED = "shuffled-2"
SMOOTH = "smooth-1"
STRATIFIED = "stratified-1"
ALGORITHMS = (SHUFFLED, SMOOTH, STRATIFIED)

ORDER = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),  # mixture row: tasks in name order
        pa.field("epoch", pa.uint8(), nullable=False),  # times that row was drawn before
    ],
    metadata={"schema": "taskloom.order", "version": str(VERSION)},
)

PACKS = pa.schema(
    [pa.field("positions", lists_of(pa.uint32()), nullable=False)],
    metadata={"schema": "taskloom.packs", "version": "1"},
)
"""A line a row: the positions of the order that it holds, ascending."""

PACKING = "best-fit-decreasing-1"
"""The algorithm that packs an order."""

_KEYS = ("algorithm", "positions", "tasks", "sha256")


class CountedTask(Protocol):
    """One task of token shards, of any view."""

    @property
    def task(self) -> str:
        """Its name."""

    @property
    def start(self) -> int:
        """Mixture row of its first row."""

    @property
    def rows(self) -> Sized:
        """Its rows."""


class Counted(Protocol):
    """Token shards of any view: what an order counts in."""

    @property
    def role(self) -> str:
        """What the rows are for."""

    @property
    def starts(self) -> Ints:
        """Mixture row at which each task starts, and the number of all rows at the end."""

    @property
    def shards(self) -> Sequence[CountedTask]:
        """Tasks, in name order."""

    @property
    def prefixes(self) -> Mapping[str, int]:
        """Token id of each task's prefix."""

    @property
    def vocabulary(self) -> int:
        """Rows that an embedding table needs."""


@dataclass(frozen=True, slots=True)
class Order:
    """Position p holds mixture row `row[p]` for the `epoch[p]`-th time, counted from 0."""

    row: np.ndarray
    """uint32, memory-mapped."""
    epoch: np.ndarray
    """uint8, memory-mapped."""
    sha256: str

    def __len__(self) -> int:
        return len(self.row)

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the mixture rows and epochs at some positions."""
        return self.row[positions].astype(np.int64), self.epoch[positions].astype(np.int64)


def open_order(folder: Path, shards: Counted, *, verify: bool = True) -> Order:
    """Memory-map the order of a mix.

    Args:
        folder: `mixes/<which>`.
        shards: The train shards that it was mixed from.
        verify: Whether the whole file is read, to compare its hash and its rows. Without, it is
            mapped only, which takes the same few milliseconds whatever its length.

    Raises:
        ArtefactError: The order is missing, damaged, empty, or was mixed from other shards.
    """
    manifest = read_manifest(folder, version=VERSION, keys=_KEYS)
    _check_manifest(manifest, shards, where=str(folder / "manifest.json"))
    path = folder / "order.arrow"
    if verify:
        check_sha256(path, manifest["sha256"])
    batch = read_arrow(path, ORDER)
    order = Order(batch["row"].to_numpy(), batch["epoch"].to_numpy(), manifest["sha256"])
    if len(order) != manifest["positions"] or not len(order):
        raise ArtefactError(
            f"holds {len(order)} positions",
            where=str(path),
            expected=f"{manifest['positions']}, and at least one",
            remedy=REMEDY,
        )
    if verify and int(order.row.max()) >= int(shards.starts[-1]):
        raise ArtefactError("names a row that the shards do not have", where=str(path))
    return order


def _check_manifest(manifest: Mapping[str, Any], shards: Counted, *, where: str) -> None:
    """Check that an order is of a known algorithm and counts in the rows of these shards."""
    if manifest["algorithm"] not in ALGORITHMS:
        raise ArtefactError(
            f"algorithm: is {manifest['algorithm']!r}",
            where=where,
            expected=" or ".join(ALGORITHMS),
        )
    known = {shard.task: (shard.start, len(shard.rows)) for shard in shards.shards}
    for entry in manifest["tasks"]:
        if known.get(entry["task"]) != (entry["start"], entry["rows"]):
            raise ArtefactError(
                f"task '{entry['task']}' has other rows than in the {shards.role} shards",
                where=where,
                expected="an order that was mixed from these shards",
                remedy="run `dvc repro`, which mixes again",
            )
