"""Shards of any view: names, starts, and rows found task by task."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from pipeline.contract.shards import RoleShards, TaskShard, ragged_column
from pipeline.errors import ArtefactError


@dataclass(frozen=True)
class Letters:
    """Rows that are letters."""

    text: str

    def __len__(self):
        return len(self.text)

    def take(self, rows):
        return Letters("".join(self.text[row] for row in rows))


def role(*tasks, starts=(0, 3, 3)):
    shards = tuple(
        TaskShard(name, "letters", 10 + place, start, Letters(text))
        for place, ((name, text), start) in enumerate(zip(tasks, starts, strict=True))
    )
    return RoleShards(
        role="train", max_tokens=8, vocabulary=20, tokenizer_sha256="-", shards=shards
    )


SOUND = role(("a", "xyz"), ("b", ""), ("c", "uv"))


def test_tasks_prefixes_and_starts_are_those_of_the_shards():
    assert SOUND.tasks == ["a", "b", "c"]
    assert SOUND.prefixes == {"a": 10, "b": 11, "c": 12}
    assert SOUND.starts.tolist() == [0, 3, 3, 5]


@pytest.mark.parametrize(
    ("rows", "texts"),
    [([0, 2, 4], ["xz", "v"]), ([3], ["u"]), ([], []), ([1, 1, 3, 4], ["yy", "uv"])],
)
def test_rows_are_found_task_by_task(rows, texts):
    assert [part.text for part in SOUND.parts(np.array(rows, dtype=np.int64))] == texts


@pytest.mark.parametrize(
    "wrong",
    [
        role(("b", "xyz"), ("a", ""), ("c", "uv")),
        role(("a", "xyz"), ("b", ""), ("c", "uv"), starts=(0, 3, 4)),
    ],
)
def test_tasks_out_of_order_and_wrong_starts_are_refused(wrong, tmp_path):
    SOUND.check_places(tmp_path)
    with pytest.raises(ArtefactError, match="not in name order, or a start is not the sum") as info:
        wrong.check_places(tmp_path)
    assert info.value.where == str(tmp_path / "manifest.json")


def test_a_column_that_is_a_slice_starts_from_its_own_values():
    column = pa.array([[1, 2], [3], [4, 5]], pa.large_list(pa.int32())).slice(1)
    found = ragged_column(column)
    assert found.values.tolist() == [3, 4, 5]
    assert found.offsets.tolist() == [0, 1, 3]
