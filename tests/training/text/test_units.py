import numpy as np
import pyarrow as pa
import pytest

from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.order import (
    PACKING,
    PACKS,
    SHUFFLED,
    OrderManifest,
    PacksEntry,
    write_order_manifest,
)
from pipeline.errors import ArtefactError
from pipeline.training.text.units import open_units, take_units


def packs(folder, lists, **manifest):
    write_arrow(pa.table({"positions": lists}, schema=PACKS), folder / "packs.arrow")
    entry = {
        "algorithm": PACKING, "pack_tokens": 9, "window": 9, "lines": len(lists),
        "sha256": sha256(folder / "packs.arrow"),
    }  # fmt: skip
    write_manifest(folder, PacksEntry(**entry | manifest))


def write_manifest(folder, packs=None):
    write_order_manifest(
        folder,
        OrderManifest(
            name="toy", which="compass", algorithm=SHUFFLED, batch=None, seed=1, positions=6,
            phases=(), tasks=(), sha256="0" * 64, packs=packs,
        ),
    )  # fmt: skip


def test_units_are_lines_of_packs(tmp_path):
    packs(tmp_path, [[0, 3], [1], [2, 4, 5]])
    units = open_units(tmp_path, 6, packed=True)
    assert len(units) == 3
    positions, offsets = units.span(1, 3)
    assert (positions.tolist(), offsets.tolist()) == ([1, 2, 4, 5], [0, 1, 4])
    assert units.rows(0, 2) == 3
    positions, offsets = take_units(positions, offsets, np.array([1]))
    assert (positions.tolist(), offsets.tolist()) == ([2, 4, 5], [0, 3])


def test_units_are_positions_where_nothing_is_packed(tmp_path):
    write_manifest(tmp_path)
    units = open_units(tmp_path, 6, packed=False)
    positions, offsets = units.span(4, 6)
    assert (len(units), positions.tolist(), offsets.tolist()) == (6, [4, 5], [0, 1, 2])
    assert units.rows(4, 6) == 2


@pytest.mark.parametrize(
    "lists", [[[0, 1], [1, 2]], [[0], [1]], [[0, 1], [2, 3]], [[0, 1], [], [2]]]
)
def test_packs_hold_every_position_once(tmp_path, lists):
    packs(tmp_path, lists)
    with pytest.raises(ArtefactError, match="each of the order's 3 positions once"):
        open_units(tmp_path, 3, packed=True)


def test_foreign_packs_are_refused(tmp_path):
    packs(tmp_path, [[0, 1]], algorithm="first-fit-9")
    with pytest.raises(ArtefactError, match=r"packs.algorithm: is 'first-fit-9'"):
        open_units(tmp_path, 2, packed=True)
    packs(tmp_path, [[0, 1]], sha256="0" * 64)
    with pytest.raises(ArtefactError, match="truncated or changed"):
        open_units(tmp_path, 2, packed=True)
    assert len(open_units(tmp_path, 2, packed=True, verify=False)) == 1
    with pytest.raises(ArtefactError, match="its rows are packed, the run's are not"):
        open_units(tmp_path, 2, packed=False)
