import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import ragged, row_index
from pipeline.contract.choice import open_shards
from pipeline.contract.rows import IDS
from pipeline.errors import ArtefactError


def table(folder, task):
    return ipc.open_file(str(folder / f"{task}.arrow")).read_all().to_pylist()


def segments(part):
    cuts = zip(part.offsets[:-1], part.offsets[1:], strict=True)
    return [part.values[low:high].tolist() for low, high in cuts]


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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "beta.arrow").unlink(), "beta.arrow: does not exist"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json: does not exist"),
        (lambda f: (f / "manifest.json").write_text("{"), "not JSON"),
        (lambda f: change(f, lambda m: m.update(version=2)), "version: is 2"),
        (lambda f: change(f, lambda m: m.pop("special")), "special: is missing"),
        (
            lambda f: (f / "beta.arrow").write_bytes((f / "beta.arrow").read_bytes()[:-40]),
            "it was truncated or changed",
        ),
        (
            lambda f: change(f, lambda m: m["tasks"][1].update(start=3)),
            "task 'beta' starts at row 3",
        ),
        (lambda f: change(f, lambda m: m["tasks"][2].update(rows=21)), "holds 20 rows"),
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


def same(one, other) -> None:
    """Two `Rows` are equal in every array."""
    for name in ("task", "prefix", "choice_offsets", "label", "multi", "source"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
        assert getattr(one, name).dtype == getattr(other, name).dtype, name
    for name in ("context", "question", "choices", "golds"):
        assert segments(getattr(one, name)) == segments(getattr(other, name)), name
        assert getattr(one, name).values.dtype == np.int32, name


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 59), max_size=30))
def test_all_tasks_at_once_give_what_task_by_task_gives(shared_folders, rows):
    shards = open_shards(shared_folders.root / "tokens" / "train", verify=False)
    wanted = np.array(rows, dtype=np.int64)
    one_by_one = replace(shards, index=None)
    assert shards.index is not None
    same(shards.gather(wanted), one_by_one.gather(wanted))


def test_rows_with_long_segments_are_the_same_too(folders, monkeypatch):
    folder = folders().build().root / "tokens" / "train"
    wanted = np.array([0, 3, 3, 19, 20, 41, 59])
    expected = open_shards(folder).gather(wanted)
    for module in (ragged, row_index):
        monkeypatch.setattr(module, "LONG", 1)
    same(open_shards(folder).gather(wanted), expected)


def test_an_index_that_would_be_too_large_is_not_kept(folders, monkeypatch):
    folder = folders().build().root / "tokens" / "train"
    whole = open_shards(folder)
    monkeypatch.setattr(row_index, "MOST_BYTES", 400)
    small = open_shards(folder)
    assert (whole.index is None, small.index is None) == (False, True)
    same(small.gather(np.arange(60)), whole.gather(np.arange(60)))


def test_tokens_of_another_view_are_refused(folders):
    folder = folders().build().root / "tokens" / "train"
    change(folder, lambda m: m.update(view="text"))
    with pytest.raises(ArtefactError, match="holds tokens of the view 'text'") as caught:
        open_shards(folder)
    assert caught.value.expected == "'choice'"


@pytest.mark.parametrize("offsets", [[0, 5, 3], [0, 1, 9999], [2, 1, 3]])
def test_offsets_that_lead_outside_the_tokens_are_refused(folders, offsets):
    folder = folders().build().root / "tokens" / "train"
    path = folder / "alpha.arrow"
    batch = ipc.open_file(str(path)).get_batch(0)
    whole = batch.column("context").offsets.to_numpy().copy()
    whole[: len(offsets)] = offsets
    bad = pa.LargeListArray.from_buffers(
        IDS,
        len(batch),
        [None, pa.py_buffer(whole)],
        children=[batch.column("context").values],
    )
    columns = [bad, *batch.columns[1:]]
    with ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=batch.schema))
    with pytest.raises(ArtefactError, match="alpha.arrow: not a readable Arrow file"):
        open_shards(folder, verify=False)
