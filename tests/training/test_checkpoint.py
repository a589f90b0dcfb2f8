import errno
import json

import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.training import checkpoint as checkpoints
from pipeline.training.checkpoint import (
    Checkpoint,
    list_checkpoints,
    load_best,
    load_newest,
    save,
    save_best,
)

MARKS = {"trainer": "1", "train.batch": "8"}


def checkpoint(step, best=None):
    looks = {"rows": [], "best_step": best, "best": {}}
    model = {"w": torch.full((2, 2), step)}
    return Checkpoint(step, model, {"m": torch.ones(1)}, {"rows": [0.1]}, looks, {"weights": [0.5]})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_checkpoint_comes_back_and_older_ones_go(tmp_path):
    assert load_newest(tmp_path / "none", MARKS) is None
    for step in (3, 6, 9, 12):
        save(tmp_path, checkpoint(step), MARKS, keep=2)
    found = load_newest(tmp_path, MARKS)
    assert (found.step, found.progress) == (12, {"rows": [0.1]})
    assert found.model["w"].tolist() == [[12, 12], [12, 12]]
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000009", "step-00000012"]


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_stay_as_are_asked_for(tmp_path, keep):
    for step in (3, 6, 9, 12):
        save(tmp_path, checkpoint(step), MARKS, keep=keep)
    assert names(tmp_path) == [f"step-{step:08d}" for step in (3, 6, 9, 12)[-keep:]]


def test_a_checkpoint_says_that_there_is_no_generator_to_restore(tmp_path):
    save(tmp_path, checkpoint(3), MARKS, keep=1)
    state = json.loads((tmp_path / "step-00000003" / "state.json").read_text())
    assert "keyed by (seed, position)" in state["randomness"]


def test_a_best_model_stays_as_long_as_a_checkpoint_may_come_back_to_it(tmp_path):
    """A run that is killed after step 9 goes on from step 6, for which the best was step 4."""
    save_best(tmp_path, 4, {"w": torch.ones(2)})
    save(tmp_path, checkpoint(6, best=4), MARKS, keep=2)
    save_best(tmp_path, 8, {"w": torch.zeros(2)})
    assert names(tmp_path) == ["best-00000004", "best-00000008", "step-00000006"]
    save(tmp_path, checkpoint(9, best=8), MARKS, keep=2)
    assert names(tmp_path)[:2] == ["best-00000004", "best-00000008"]
    save(tmp_path, checkpoint(12, best=8), MARKS, keep=2)
    assert names(tmp_path) == ["best-00000008", "step-00000009", "step-00000012"]
    assert load_best(tmp_path, 8)["w"].tolist() == [0, 0]
    with pytest.raises(TrainingError, match="best-00000004: not a readable checkpoint"):
        load_best(tmp_path, 4)


def test_without_its_best_model_a_checkpoint_is_damaged(tmp_path):
    save(tmp_path, checkpoint(6, best=4), MARKS, keep=2)
    with pytest.raises(TrainingError, match="the best model so far, .*best-00000004, is not there"):
        load_newest(tmp_path, MARKS)


def test_a_half_written_checkpoint_is_not_seen(tmp_path):
    save(tmp_path, checkpoint(3), MARKS, keep=2)
    (tmp_path / ".step-00000006.abc.tmp").mkdir()
    assert load_newest(tmp_path, MARKS).step == 3
    save(tmp_path, checkpoint(6), MARKS, keep=2)
    assert names(tmp_path) == ["step-00000003", "step-00000006"]


def test_a_foreign_checkpoint_is_refused_with_what_differs(tmp_path):
    save(tmp_path, checkpoint(3), MARKS, keep=2)
    with pytest.raises(TrainingError) as error:
        load_newest(tmp_path, MARKS | {"train.batch": "16", "mix": "a" * 64})
    said = str(error.value)
    assert (
        "- mix: other rows, or the same in another order, absent there, aaaaaaaaaaaa... here"
        in said
    )
    assert "- train.batch: 8 there, 16 here" in said
    assert f"delete {tmp_path} to start afresh" in error.value.remedy


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "model.safetensors").write_bytes(b"xx"),
        lambda f: (f / "optimizer.safetensors").unlink(),
        lambda f: (f / "state.json").write_text("{"),
        lambda f: (f / "state.json").unlink(),
        lambda f: (f / "state.json").write_text(json.dumps({"version": 9})),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, damage):
    save(tmp_path, checkpoint(3), MARKS, keep=2)
    damage(tmp_path / "step-00000003")
    with pytest.raises(TrainingError, match="step-00000003: not a readable checkpoint"):
        load_newest(tmp_path, MARKS)


def test_a_full_disk_leaves_the_checkpoint_before_it_intact(tmp_path, monkeypatch):
    save(tmp_path, checkpoint(3), MARKS, keep=2)
    write = checkpoints.save_file

    def full(tensors, path):
        if path.name.startswith("optimizer"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(tensors, path)

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(TrainingError, match="cannot be written: .*No space left on device"):
        save(tmp_path, checkpoint(6), MARKS, keep=2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]
    assert load_newest(tmp_path, MARKS).step == 3
