"""Shards of a role: names, starts, and rows of many tasks at once."""

import numpy as np
import pytest
from token_folders import choice_row, write_choice

from pipeline.contract.choice import open_shards
from pipeline.errors import ArtefactError


@pytest.fixture
def shards(tmp_path):
    tasks = {
        "a": [choice_row([1] * n, row=n) for n in range(3)],
        "b": [],
        "c": [choice_row([2], row=n) for n in range(2)],
    }
    write_choice(tmp_path, tasks, vocabulary=13)
    return open_shards(tmp_path)


def test_tasks_prefixes_and_starts_are_those_of_the_manifest(shards):
    assert shards.tasks == ["a", "b", "c"]
    assert shards.prefixes == {"a": 10, "b": 11, "c": 12}
    assert shards.starts.tolist() == [0, 3, 3, 5]
    assert (shards.role, shards.max_tokens, shards.vocabulary) == ("train", 64, 13)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([0, 2, 4], [(0, 0), (0, 2), (2, 1)]),
        ([4, 0, 2, 0], [(2, 1), (0, 0), (0, 2), (0, 0)]),
        ([3], [(2, 0)]),
        ([], []),
    ],
)
def test_rows_come_in_the_order_asked(shards, rows, found):
    gathered = shards.gather(np.array(rows, dtype=np.int64))
    pairs = zip(gathered.task.tolist(), gathered.source.tolist(), strict=True)
    assert list(pairs) == found


def test_a_shard_of_other_rows_is_refused(tmp_path, shards):
    (tmp_path / "c.arrow").write_bytes((tmp_path / "a.arrow").read_bytes())
    with pytest.raises(ArtefactError, match="c.arrow: holds 3 rows") as caught:
        open_shards(tmp_path, verify=False)
    assert caught.value.expected == "2"
