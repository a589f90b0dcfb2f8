import errno
import json

import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.training import checkpoint as checkpoints
from pipeline.training.checkpoint import Checkpoint, newest, save, stored

MARKS = {"trainer": "1", "train.batch": "8"}


def checkpoint(step):
    return Checkpoint(step, {"w": torch.full((2, 2), step)}, {"m": torch.ones(1)}, {"rows": [0.1]})


def test_the_newest_checkpoint_comes_back_and_older_ones_go(tmp_path):
    assert newest(tmp_path / "none", MARKS) is None
    for step in (3, 6, 9, 12):
        save(tmp_path, checkpoint(step), MARKS)
    found = newest(tmp_path, MARKS)
    assert (found.step, found.progress) == (12, {"rows": [0.1]})
    assert found.model["w"].tolist() == [[12, 12], [12, 12]]
    assert [path.name for path in stored(tmp_path)] == ["step-00000009", "step-00000012"]


def test_a_half_written_checkpoint_is_not_seen(tmp_path):
    save(tmp_path, checkpoint(3), MARKS)
    (tmp_path / ".step-00000006.abc.tmp").mkdir()
    assert newest(tmp_path, MARKS).step == 3


def test_a_foreign_checkpoint_is_refused_with_what_differs(tmp_path):
    save(tmp_path, checkpoint(3), MARKS)
    with pytest.raises(TrainingError) as error:
        newest(tmp_path, MARKS | {"train.batch": "16", "mix": "a" * 64})
    assert "mix: absent there, aaaaaaaaaaaa... here; train.batch: 8 there, 16 here" in str(
        error.value
    )
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
    save(tmp_path, checkpoint(3), MARKS)
    damage(tmp_path / "step-00000003")
    with pytest.raises(TrainingError, match="step-00000003: not a readable checkpoint"):
        newest(tmp_path, MARKS)


def test_a_full_disk_leaves_the_checkpoint_before_it_intact(tmp_path, monkeypatch):
    save(tmp_path, checkpoint(3), MARKS)
    write = checkpoints.save_file

    def full(tensors, path):
        if path.name.startswith("optimizer"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(tensors, path)

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(TrainingError, match="cannot be written: .*No space left on device"):
        save(tmp_path, checkpoint(6), MARKS)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]
    assert newest(tmp_path, MARKS).step == 3
