from pathlib import Path

import numpy as np
import pyarrow.ipc as ipc
import pytest

from pipeline.contract.choice import open_shards
from pipeline.contract.order import open_order
from pipeline.training.choice.batches import BatchPlan, rank_batch, steps
from pipeline.training.choice.masks import Masking

MASKING = Masking(0.25, "like_any_token")


def plan(**changes):
    values = {"seed": 13, "batch": 8, "token_budget": 160, "max_options": None, "masking": MASKING}
    return BatchPlan(**(values | changes))


@pytest.fixture
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


def choice_rows(batches):
    """Every row as its sequences' ids without padding, its gold and its task."""
    found = []
    for batch in batches:
        for row in range(len(batch.gold)):
            mine = np.flatnonzero(batch.row == row)
            ids = tuple(tuple(batch.inputs.ids[i][batch.inputs.real[i]].tolist()) for i in mine)
            found.append((ids, int(batch.gold[row]), int(batch.task[row])))
    return sorted(found)


def masked_rows(batches):
    found = []
    for batch in batches:
        for row in range(len(batch.inputs.ids)):
            mine = batch.masked.sequence == row
            ids = tuple(batch.inputs.ids[row][batch.inputs.real[row]].tolist())
            found.append((ids, tuple(batch.masked.place[mine]), tuple(batch.masked.target[mine])))
    return sorted(found)


def test_sequences_are_those_of_the_contract(opened, shared_folders):
    shards, order = opened
    batch = rank_batch(shards, order, plan(), 0)
    folder = Path(shared_folders.root) / "tokens" / "train"
    whole = [
        (index, row)
        for index, task in enumerate(shards.tasks)
        for row in ipc.open_file(str(folder / f"{task}.arrow")).read_all().to_pylist()
    ]
    expected = []
    for position in range(8):
        task, row = whole[order.row[position]]
        if row["labels"]:
            continue  # the drawn gold is tested with the options
        head = [2, 65 + task, *row["context"], 3]
        ids = tuple((*head, *choice, 3) for choice in row["choices"])
        expected.append((ids, row["label"], task))
    single = [found for found in choice_rows(batch.choice) if found[2] != 2]
    assert single == sorted(expected)
    assert len(single) < 8


@pytest.mark.parametrize("world", [2, 3, 11])
def test_ranks_share_out_exactly_the_global_batch(opened, world):
    shards, order = opened
    for index in (0, 9):
        alone = rank_batch(shards, order, plan(max_options=3), index)
        parts = [
            rank_batch(shards, order, plan(max_options=3), index, rank=rank, world=world)
            for rank in range(world)
        ]
        choice = [batch for part in parts for batch in part.choice]
        stems = [batch for part in parts for batch in part.masked]
        assert choice_rows(choice) == choice_rows(alone.choice)
        assert masked_rows(stems) == masked_rows(alone.masked)
        assert sum(part.rows for part in parts) == alone.rows


def test_the_token_budget_changes_the_cut_and_nothing_else(opened):
    shards, order = opened
    whole = rank_batch(shards, order, plan(token_budget=10**6, overhead=10**9), 3)
    small = rank_batch(shards, order, plan(token_budget=100), 3)
    assert len(whole.choice) == 1
    assert len(small.choice) > 2
    assert choice_rows(small.choice) == choice_rows(whole.choice)
    assert masked_rows(small.masked) == masked_rows(whole.masked)
    for batch in small.choice:
        assert batch.inputs.ids.size <= 100 or len(batch.gold) == 1
    assert small.cells()[0] == whole.cells()[0]
    assert small.cells()[1] < whole.cells()[1]


def test_the_last_batch_holds_what_is_left(opened):
    shards, order = opened
    assert steps(order, plan()) == 10
    assert rank_batch(shards, order, plan(), 9).rows == 6


def test_types_mark_the_second_text_and_padding_is_marked(opened):
    shards, order = opened
    batch = rank_batch(shards, order, plan(overhead=10**9, token_budget=10**6), 0)
    batch = batch.choice[0].inputs
    for ids, real, types in zip(batch.ids, batch.real, batch.types, strict=True):
        first = int(np.flatnonzero(ids == 3)[0]) + 1
        length = int(real.sum())
        assert types.tolist() == [0] * first + [1] * (length - first) + [0] * (len(ids) - length)
        assert (ids[length:] == 0).all()


def test_no_masked_pass_without_masking(opened):
    assert rank_batch(*opened, plan(masking=None), 0).masked == []
