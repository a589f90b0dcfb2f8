import json

import numpy as np
import pytest

from pipeline.errors import ArtefactError
from pipeline.training.order import open_order
from pipeline.training.shards import open_shards


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
        ({"tasks": [{"task": "beta", "start": 20, "rows": 21}]}, "'beta' has other rows"),
        ({"tasks": [{"task": "delta", "start": 0, "rows": 20}]}, "'delta' has other rows"),
    ],
)
def test_an_order_of_other_shards_is_refused(folders, changes, message):
    built = folders().build()
    shards = open_shards(built.root / "tokens" / "train")
    change(built.root / "mix" / "manifest.json", **changes)
    with pytest.raises(ArtefactError, match=message):
        open_order(built.root / "mix", shards)
