"""The order of a mixture: which mixture row stands at which position, and how positions are packed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.contract.files import REMEDY, check_sha256, read_arrow, read_json, write_json
from pipeline.contract.manifest import FILE, VERSION, refused
from pipeline.contract.ragged import Ints
from pipeline.contract.records import Reader
from pipeline.contract.rows import lists_of
from pipeline.contract.shards import RoleShards
from pipeline.errors import ArtefactError

SHUFFLED = "shuffled-2"
SMOOTH = "smooth-1"
STRATIFIED = "stratified-1"
ALGORITHMS = (SHUFFLED, SMOOTH, STRATIFIED)

ORDER = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),  # mixture row: tasks in name order
        pa.field("epoch", pa.uint8(), nullable=False),  # times that row was drawn before
    ],
    metadata={"schema": "taskloom.order", "version": "1"},
)

PACKING = "best-fit-decreasing-1"
"""The algorithm that packs an order."""

PACKS = pa.schema(
    [pa.field("positions", lists_of(pa.uint32()), nullable=False)],
    metadata={"schema": "taskloom.packs", "version": "1"},
)
"""A line a row: the positions of the order that it holds, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One task's part in an order."""

    task: str
    start: int
    """Mixture row of the task's first row."""
    rows: int
    """Rows that the task has."""
    quota: int
    """Rows to draw of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """A stretch of positions with a composition of its own."""

    name: str
    positions: int
    quotas: dict[str, int]
    """Rows drawn of each task, in name order; sums to `positions`. Tasks that the phase does not draw
    are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacksEntry:
    """What `packs.arrow` is."""

    algorithm: str
    pack_tokens: int
    """Tokens of a line."""
    window: int
    """Positions that were packed together."""
    lines: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderManifest:
    """What an order is."""

    version: int = VERSION
    name: str
    """Of the mixture."""
    which: str
    """The training that it is for."""
    algorithm: str
    """One of `ALGORITHMS`."""
    batch: int | None
    """Rows of a global batch; None where the order does not depend on it."""
    seed: int
    positions: int
    phases: tuple[PhasePlan, ...]
    tasks: tuple[Draw, ...]
    sha256: str
    """Of `order.arrow`."""
    packs: PacksEntry | None = None
    """None where rows are not packed."""


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


def write_order_manifest(folder: Path, manifest: OrderManifest) -> None:
    """Write `manifest.json`, the last file of a mix; it does not name packs where there are none."""
    value = asdict(manifest)
    if manifest.packs is None:
        del value["packs"]
    write_json(value, folder / FILE)


def read_order_manifest(folder: Path) -> OrderManifest:
    """Read the manifest of a mix.

    Raises:
        ArtefactError: It is missing, damaged, or of another version or algorithm.
    """
    path = folder / FILE
    value = read_json(path)
    version = value.get("version") if isinstance(value, Mapping) else None
    if version != VERSION:
        raise refused(f"version: is {version!r}", path, str(VERSION))
    manifest = Reader(str(path), ArtefactError, REMEDY).build(OrderManifest, value)
    if manifest.algorithm not in ALGORITHMS:
        raise refused(f"algorithm: is {manifest.algorithm!r}", path, " or ".join(ALGORITHMS))
    if manifest.packs is not None and manifest.packs.algorithm != PACKING:
        raise refused(f"packs.algorithm: is {manifest.packs.algorithm!r}", path, PACKING)
    return manifest


def open_order(folder: Path, shards: RoleShards[Any, Any], *, verify: bool = True) -> Order:
    """Memory-map the order of a mix.

    Args:
        folder: `mixes/<which>`.
        shards: The train shards that it was mixed from.
        verify: Whether the whole file is read, to compare its hash and its rows. Without, it is
            mapped only, which takes the same few milliseconds whatever its length.

    Raises:
        ArtefactError: The order is missing, damaged, empty, or was mixed from other shards.
    """
    manifest = read_order_manifest(folder)
    known = {shard.task: (shard.start, len(shard.rows)) for shard in shards.shards}
    for draw in manifest.tasks:
        if known.get(draw.task) != (draw.start, draw.rows):
            raise ArtefactError(
                f"task '{draw.task}' has other rows than in the {shards.role} shards",
                where=str(folder / FILE),
                expected="an order that was mixed from these shards",
                remedy="run `dvc repro`, which mixes again",
            )
    path = folder / "order.arrow"
    if verify:
        check_sha256(path, manifest.sha256)
    batch = read_arrow(path, ORDER)
    order = Order(batch["row"].to_numpy(), batch["epoch"].to_numpy(), manifest.sha256)
    if len(order) != manifest.positions or not len(order):
        expected = f"{manifest.positions}, and at least one"
        raise refused(f"holds {len(order)} positions", path, expected)
    if verify and int(order.row.max()) >= int(shards.starts[-1]):
        raise refused("names a row that the shards do not have", path, "rows of the shards")
    return order


def open_packs(folder: Path, packs: PacksEntry, *, verify: bool = True) -> pa.LargeListArray:
    """Memory-map the packs of an order: the positions of each line.

    Args:
        folder: `mixes/<which>`.
        packs: What its manifest says of them.
        verify: Whether the file's hash is compared too.

    Raises:
        ArtefactError: The file is missing or damaged.
    """
    path = folder / "packs.arrow"
    if verify:
        check_sha256(path, packs.sha256)
    return read_arrow(path, PACKS).column("positions")
