import json

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pytest

from pipeline.contract.choice import open_shards
from pipeline.contract.files import sha256
from pipeline.contract.order import open_order
from pipeline.errors import ArtefactError

ALL = np.arange(78)


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_an_order_is_read_by_position(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    order = open_order(shared_folders.root / "mix", shards)
    rows, epochs = order.at(np.array([60, 0, 77]))
    assert len(order) == 78
    assert epochs.tolist() == [1, 0, 1]
    assert rows.tolist() == [int(order.row[60]), int(order.row[0]), int(order.row[77])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "woven-9"}, "algorithm: is 'woven-9'"),
        ({"positions": 77}, "holds 78 positions"),
        ({"sha256": "0" * 64}, "it was truncated or changed"),
        (
            {"tasks": [{"task": "beta", "start": 20, "rows": 21, "quota": 1}]},
            "'beta' has other rows",
        ),
        (
            {"tasks": [{"task": "delta", "start": 0, "rows": 20, "quota": 1}]},
            "'delta' has other rows",
        ),
    ],
)
def test_an_order_of_other_shards_is_refused(folders, changes, message):
    built = folders().build()
    shards = open_shards(built.root / "tokens" / "train")
    change(built.root / "mix" / "manifest.json", **changes)
    with pytest.raises(ArtefactError, match=message):
        open_order(built.root / "mix", shards)


def test_rows_that_the_shards_do_not_have_are_found_where_the_file_is_read(folders):
    built = folders().build()
    shards = open_shards(built.root / "tokens" / "train")
    path = built.root / "mix" / "order.arrow"
    rows, epochs = (np.asarray(column) for column in open_order(built.root / "mix", shards).at(ALL))
    rows[5] = int(shards.starts[-1])
    table = pa.table({"row": pa.array(rows, pa.uint32()), "epoch": pa.array(epochs, pa.uint8())})
    with ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    change(built.root / "mix" / "manifest.json", sha256=sha256(path))
    with pytest.raises(ArtefactError, match="names a row that the shards do not have"):
        open_order(built.root / "mix", shards)


def test_without_verifying_the_file_is_mapped_and_not_read(folders):
    """So that going on from any position takes the same few milliseconds."""
    built = folders().build()
    shards = open_shards(built.root / "tokens" / "train")
    change(built.root / "mix" / "manifest.json", sha256="0" * 64)
    order = open_order(built.root / "mix", shards, verify=False)
    assert len(order) == 78
    assert not order.row.flags.owndata
