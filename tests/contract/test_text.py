import json

import numpy as np
import pytest

from pipeline.contract.text import open_text_shards
from pipeline.errors import ArtefactError


def test_rows_come_in_the_order_asked(shared_text_folders):
    shards = open_text_shards(shared_text_folders.root / "tokens" / "train")
    wanted = np.array([45, 3, 21, 3])
    rows = shards.gather(wanted)
    assert rows.task.tolist() == [2, 0, 1, 0]
    assert rows.prefix.tolist() == [67, 65, 66, 65]
    assert rows.source.tolist() == [5, 3, 1, 3]
    one = shards.shards[1].rows.take(np.array([1]))
    low, high = rows.input.offsets[2:4]
    assert rows.input.values[low:high].tolist() == one.input.values.tolist()
    assert rows.counts[2] == len(one.options) == 3
    assert shards.special.bos == 2


def test_a_text_that_begins_with_nothing_has_no_bos(shared_pair_folders):
    shards = open_text_shards(shared_pair_folders.root / "tokens" / "train")
    assert (shards.special.bos, shards.model) == (None, "seq2seq")


def label(task, table):
    table[4]["label"] = 9 if task == "alpha" else table[4]["label"]


def long(task, table):
    table[4]["options"] = [[5] * 40, *table[4]["options"]] if task == "alpha" else []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (label, "row 4 has a label outside its options"),
        (long, "since the trainer cuts nothing"),
    ],
)
def test_a_shard_is_checked_against_itself(text_folders, edit, words):
    folders = text_folders(positions=10).build(edit=edit)
    with pytest.raises(ArtefactError, match=words):
        open_text_shards(folders.root / "tokens" / "train")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("begins"), "begins: is missing"),
        (lambda m: m.update(view="choice"), "holds tokens of the view 'choice'"),
        (lambda m: m["tasks"][2].update(rows=7), "holds 20 rows"),
        (lambda m: m["tasks"][0].update(supervised=7), "supervised tokens"),
        (lambda m: m["tasks"][1].update(start=7), "task 'beta' starts at row 7"),
        (lambda m: m["tasks"][1].update(sha256="0"), "truncated or changed"),
    ],
)
def test_a_shard_is_checked_against_its_manifest(text_folders, change, words):
    folder = text_folders(positions=10).build().root / "tokens" / "train"
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match=words):
        open_text_shards(folder)
