"""The units that global batches of the text view count: lines of packed rows, or single rows.

Unit u of a packed mixture is line u of `packs.arrow`, otherwise position u of the order.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.contract.files import REMEDY
from pipeline.contract.manifest import FILE
from pipeline.contract.order import open_packs, read_order_manifest
from pipeline.contract.ragged import Ints, offsets_of, spread
from pipeline.errors import ArtefactError


@dataclass(frozen=True, slots=True)
class Units:
    """U units over the positions of an order."""

    offsets: Ints | None
    """Unit u holds `positions[offsets[u] : offsets[u + 1]]`; None where it holds position u alone."""
    positions: np.ndarray | None
    """uint32, memory-mapped."""
    count: int

    def __len__(self) -> int:
        return self.count

    def span(self, low: int, high: int) -> tuple[Ints, Ints]:
        """Return the positions of units `low` to `high`, and their offsets by unit from 0."""
        if self.offsets is None or self.positions is None:
            return np.arange(low, high, dtype=np.int64), np.arange(high - low + 1, dtype=np.int64)
        offsets = self.offsets[low : high + 1].astype(np.int64)
        return self.positions[offsets[0] : offsets[-1]].astype(np.int64), offsets - offsets[0]

    def rows(self, low: int, high: int) -> int:
        """Return the number of positions in units `low` to `high`."""
        if self.offsets is None:
            return high - low
        return int(self.offsets[high] - self.offsets[low])


def take_units(positions: Ints, offsets: Ints, units: Ints) -> tuple[Ints, Ints]:
    """Return the positions of some units of a span, unit after unit, and their offsets."""
    counts = np.diff(offsets)[units]
    return positions[spread(offsets[units], counts)], offsets_of(counts)


def open_units(folder: Path, positions: int, *, packed: bool, verify: bool = True) -> Units:
    """Open the packs of a mix, or count its positions.

    Args:
        folder: `mixes/<which>`, whose order was opened before.
        positions: Of the order.
        packed: Whether the run wants packed rows.
        verify: Whether the file's hash is compared too.

    Raises:
        ArtefactError: The mix is packed and the run is not, or the other way round; packs are damaged,
            or do not hold every position once.
    """
    entry = read_order_manifest(folder).packs
    if (entry is not None) != packed:
        raise ArtefactError(
            f"its rows are {'packed' if entry else 'not packed'}, the run's are "
            f"{'packed' if packed else 'not'}",
            where=str(folder / FILE),
            remedy=REMEDY,
        )
    if entry is None:
        return Units(None, None, positions)
    column = open_packs(folder, entry, verify=verify)
    packs = Units(column.offsets.to_numpy(), column.values.to_numpy(), len(column))
    _check(packs, positions, folder / "packs.arrow")
    return packs


def _check(packs: Units, positions: int, path: Path) -> None:
    """Check that every position is in exactly one line, and no line is empty."""
    if packs.offsets is None or packs.positions is None:
        return
    seen = np.zeros(positions, dtype=bool)
    inside = packs.positions[packs.positions < positions]
    seen[inside] = True
    whole = len(inside) == len(packs.positions) == positions and bool(seen.all())
    if not whole or (np.diff(packs.offsets) < 1).any():
        raise ArtefactError(
            f"holds {len(packs.positions)} positions, {int(seen.sum())} of the order's",
            where=str(path),
            expected=f"each of the order's {positions} positions once, and no empty line",
            remedy=REMEDY,
        )
