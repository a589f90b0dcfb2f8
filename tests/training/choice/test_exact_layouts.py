import dataclasses

import numpy as np
import pytest

from pipeline.contract.choice import open_shards
from pipeline.contract.order import open_order
from pipeline.training.choice.batches import BatchPlan, rank_batch
from pipeline.training.choice.exact_layouts import PaddedLayout, RaggedLayout
from pipeline.training.choice.masks import Masking

PLAN = BatchPlan(13, 16, 10**6, 4, Masking(0.25, "like_any_token"))


@pytest.fixture(scope="module")
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


def test_padded_has_as_many_lines_for_every_row_and_one_length(opened):
    ragged = rank_batch(*opened, PLAN, 1)
    whole = rank_batch(*opened, dataclasses.replace(PLAN, layout=PaddedLayout()), 1)
    [choice], [stems] = whole.choice, whole.masked
    counts = np.bincount(choice.row)
    longest = max(int(batch.inputs.real.sum(1).max()) for batch in ragged.choice)
    assert choice.inputs.ids.shape == (len(choice.gold) * counts.max(), longest)
    assert choice.tokens == sum(batch.tokens for batch in ragged.choice)
    assert choice.inputs.real[choice.line].sum() == choice.tokens
    empty = np.delete(choice.inputs.real, choice.line, axis=0)
    assert len(empty) > 0
    assert (empty.sum(1) == 1).all(), "a line without any token would have nothing to attend to"
    assert len({batch.inputs.ids.shape[1] for batch in whole.masked}) == 1
    assert stems.inputs.ids.shape[1] == max(b.inputs.ids.shape[1] for b in ragged.masked)
    assert whole.cells()[1] > 1.3 * ragged.cells()[1]


def test_a_budget_cuts_the_padded_rectangle_into_equal_ones(opened):
    plan = dataclasses.replace(PLAN, layout=PaddedLayout(), token_budget=400, overhead=0)
    parts = rank_batch(*opened, plan, 1).choice
    assert len(parts) > 2
    assert len({part.inputs.ids.shape[1] for part in parts}) == 1


def test_ragged_reads_every_option_at_the_first_token(opened):
    for batch in rank_batch(*opened, dataclasses.replace(PLAN, layout=RaggedLayout()), 0).choice:
        assert batch.line.tolist() == list(range(len(batch.inputs.ids)))
        assert not batch.place.any()
