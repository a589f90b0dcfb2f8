import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.errors import ArtefactError
from pipeline.relationships.features import read_features

FIRST = np.array([0, 2, 5, 7])
FEATURES = np.arange(14, dtype=np.float32).reshape(7, 2)
ORIGIN = {"version": "2", "encoder": "e0", "tokens": "t0", "rows": "3"}


def write(path, *, features=FEATURES, first=FIRST, gold=(1, -1, 0), metadata=ORIGIN):
    tensors = {"features": features, "first": first, "gold": np.array(gold, dtype=np.int64)}
    save_file(tensors, path, metadata=metadata)
    return path


def test_rows_of_one_known_gold_are_read(tmp_path):
    got = read_features(write(tmp_path / "a.safetensors"), "a")
    assert (got.rows, got.encoder, got.tokens) == (3, "e0", "t0")
    assert got.task.name == "a"
    assert got.task.gold.tolist() == [1, 0]
    assert got.task.first.tolist() == [0, 2, 4]
    assert got.task.features_OD.tolist() == [[0, 1], [2, 3], [10, 11], [12, 13]]


def test_a_task_may_have_no_such_row(tmp_path):
    got = read_features(write(tmp_path / "a.safetensors", gold=(-1, -1, -1)), "a")
    assert len(got.task) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": ORIGIN | {"version": "9"}}, "has version 9"),
        ({"metadata": None}, "not the features of a task: 'encoder'"),
        ({"gold": (2, -1, 0)}, "a gold choice lies outside its row's choices"),
        ({"gold": (1, 0)}, "choices, offsets and golds do not fit together"),
        ({"features": np.full_like(FEATURES, np.nan)}, "holds features that are not finite"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, change, message):
    with pytest.raises(ArtefactError, match=message):
        read_features(write(tmp_path / "a.safetensors", **change), "a")


def test_a_missing_or_torn_file_is_named(tmp_path):
    with pytest.raises(ArtefactError, match=r"a.safetensors: does not exist"):
        read_features(tmp_path / "a.safetensors", "a")
    path = write(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ArtefactError, match="not the features of a task"):
        read_features(path, "a")
