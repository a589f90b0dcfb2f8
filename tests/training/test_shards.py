import json

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pytest

from pipeline.errors import ArtefactError
from pipeline.training.shards import open_shards


def table(folder, task):
    return ipc.open_file(str(folder / f"{task}.arrow")).read_all().to_pylist()


def segments(ragged):
    cuts = zip(ragged.offsets[:-1], ragged.offsets[1:], strict=True)
    return [ragged.values[low:high].tolist() for low, high in cuts]


def change(folder, edit):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def test_gather_returns_what_the_files_hold(shared_folders):
    folder = shared_folders.root / "tokens" / "train"
    shards = open_shards(folder)
    wanted = np.array([0, 3, 3, 19, 20, 41, 59])
    rows = shards.gather(wanted)
    whole = [row for task in shards.tasks for row in table(folder, task)]
    expected = [whole[i] for i in wanted]
    assert segments(rows.context) == [row["context"] for row in expected]
    assert segments(rows.question) == [row["question"] for row in expected]
    assert segments(rows.choices) == [choice for row in expected for choice in row["choices"]]
    assert rows.counts.tolist() == [len(row["choices"]) for row in expected]
    assert rows.label.tolist() == [-1 if r["label"] is None else r["label"] for r in expected]
    assert segments(rows.golds) == [row["labels"] or [] for row in expected]
    assert rows.multi.tolist() == [row["labels"] is not None for row in expected]
    assert rows.source.tolist() == [row["row"] for row in expected]
    assert rows.task.tolist() == [0, 0, 0, 0, 1, 2, 2]
    assert rows.prefix.tolist() == [65, 65, 65, 65, 66, 67, 67]


def test_items_of_lists_may_be_declared_not_null(folders):
    folder = folders().build().root / "tokens" / "train"
    path = folder / "alpha.arrow"
    strict = pa.large_list(pa.field("item", pa.int32(), nullable=False))
    columns = ipc.open_file(str(path)).read_all()
    columns = columns.set_column(0, "context", columns["context"].cast(strict))
    with ipc.new_file(str(path), columns.schema) as writer:
        writer.write_batch(columns.combine_chunks().to_batches()[0])
    assert len(open_shards(folder, verify=False).shards[0].rows) == 20


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "beta.arrow").unlink(), "beta.arrow: does not exist"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json: does not exist"),
        (lambda f: (f / "manifest.json").write_text("{"), "not JSON"),
        (lambda f: change(f, lambda m: m.update(version=2)), "version: is 2"),
        (lambda f: change(f, lambda m: m.pop("special")), "lacks 'special'"),
        (
            lambda f: (f / "beta.arrow").write_bytes((f / "beta.arrow").read_bytes()[:-40]),
            "it was truncated or changed",
        ),
        (
            lambda f: change(f, lambda m: m["tasks"][1].update(start=3)),
            "a start is not the sum of the rows before it",
        ),
        (lambda f: change(f, lambda m: m["tasks"][1].update(rows=21)), "holds 20 rows"),
        (lambda f: change(f, lambda m: m.update(max_tokens=9)), "at most 9"),
    ],
)
def test_damaged_shards_are_refused(folders, damage, message):
    folder = folders().build().root / "tokens" / "train"
    damage(folder)
    with pytest.raises(ArtefactError, match=message):
        open_shards(folder)


def test_a_truncated_file_is_refused_even_unverified(folders):
    folder = folders().build().root / "tokens" / "train"
    path = folder / "beta.arrow"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArtefactError, match="not a readable Arrow file"):
        open_shards(folder, verify=False)


@pytest.mark.parametrize(
    ("task", "key", "value"), [("beta", "label", 3), ("gamma", "labels", [0, 5])]
)
def test_a_label_outside_the_choices_is_refused(folders, task, key, value):
    def edit(name, rows):
        if name == task:
            rows[4][key] = value

    folder = folders().build(edit=edit).root / "tokens" / "train"
    with pytest.raises(ArtefactError, match="row 4 has a label outside its choices"):
        open_shards(folder)
