import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.errors import ArtefactError
from pipeline.relationships.evidence import read_prefixes

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def write(path, *, tasks=("a", "b"), initial=ROWS, final=ROWS + 1):
    metadata = {"tasks": json.dumps(list(tasks))} if tasks else None
    save_file({"initial": initial, "final": final}, path, metadata=metadata)
    return path


def test_prefixes_are_read_with_their_tasks(tmp_path):
    prefixes = read_prefixes(write(tmp_path / "p.safetensors"))
    assert prefixes.tasks == ("a", "b")
    assert prefixes.initial_TD.dtype == np.float64
    assert (prefixes.final_TD - prefixes.initial_TD == 1).all()


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(ArtefactError, match="p.safetensors: does not exist"):
        read_prefixes(tmp_path / "p.safetensors")
    path = write(tmp_path / "p.safetensors")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtefactError, match="not the prefixes of a trained model"):
        read_prefixes(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ()}, "not the prefixes of a trained model: 'tasks'"),
        ({"tasks": ("a",)}, r"shape \(2, 3\) and \(2, 3\) for 1 tasks"),
        ({"final": ROWS[:1]}, r"shape \(2, 3\) and \(1, 3\) for 2 tasks"),
        ({"final": np.full_like(ROWS, np.inf)}, "the prefix of task 'a' is not finite"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, change, message):
    with pytest.raises(ArtefactError, match=message):
        read_prefixes(write(tmp_path / "p.safetensors", **change))
