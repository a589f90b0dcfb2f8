import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.choice import open_shards
from pipeline.contract.order import open_order
from pipeline.contract.ragged import Ragged
from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import with_heads
from pipeline.training.choice.batches import BatchPlan, rank_batch
from pipeline.training.choice.objective import choice_losses
from pipeline.training.choice.pack import MOST, choose_packing, join_lines, pack_groups
from pipeline.training.choice.sequences import Sequences
from pipeline.training.choice.shared_context import SharedContextLayout

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=30).map(np.array)


@settings(deadline=None, max_examples=50)
@given(LENGTHS)
def test_packed_sequences_fill_their_lines_and_do_not_overlap(lengths):
    found = choose_packing(lengths)
    taken = np.zeros((found.lines, found.width), dtype=int)
    for line, start, length in zip(found.line, found.start, lengths, strict=True):
        taken[line, start : start + length] += 1
    assert taken.max() == 1
    assert taken.sum() == lengths.sum()
    assert taken.any(1).all()
    assert taken.any(0).all()
    assert lengths.max() <= found.width <= np.ceil(MOST * 1.03 * lengths.max())
    assert found.cells == taken.size


def test_packing_wastes_little():
    lengths = np.random.default_rng(1).integers(20, 130, 32)
    found = choose_packing(lengths)
    assert lengths.sum() / found.cells > 0.95
    assert lengths.sum() / (32 * lengths.max()) < 0.7


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(1, 400))
def test_groups_keep_the_budget_and_every_row(lengths, budget):
    rows = np.arange(0, len(lengths), 2)
    groups = pack_groups(lengths, rows, budget)
    assert np.concatenate([group for group, _ in groups]).tolist() == rows.tolist()
    for group, where in groups:
        assert where.cells <= budget or len(group) == 1
        assert len(where.line) == len(group)
    assert pack_groups(lengths, rows[:0], budget) == []


def test_sequences_without_blocks_are_never_joined():
    plain = Sequences(Ragged(np.array([2, 3], np.int32), np.array([0, 2])), np.array([2]))
    with pytest.raises(ValueError, match="would see each other"):
        join_lines(plain, choose_packing(np.array([2])))


@pytest.fixture(scope="module")
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


@pytest.fixture(scope="module")
def model(opened):
    encoder = small_encoder(
        Architecture(2, 16, 2, 0.0), vocabulary=opened[0].vocabulary, max_tokens=32, pad=0, seed=1
    )
    built = with_heads(encoder, dropout=0.0, seed=1)
    torch.manual_seed(1)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    return built.eval()


@pytest.mark.parametrize("readout", ["own_cls", "last_sep"])
def test_rows_of_one_line_lose_what_they_lose_alone(opened, model, readout):
    plan = BatchPlan(13, 12, 10**6, None, None, layout=SharedContextLayout(readout))
    [together] = rank_batch(*opened, plan, 0).choice
    assert len(together.inputs.ids) < len(together.gold) / 1.4, "rows share lines"
    apart = rank_batch(*opened, dataclasses.replace(plan, token_budget=1), 0).choice
    assert len(apart) == len(together.gold)
    with torch.inference_mode():
        alone = torch.cat([choice_losses(model, batch, CPU).loss_R for batch in apart])
        packed = choice_losses(model, together, CPU).loss_R
        torch.testing.assert_close(packed, alone, rtol=0, atol=1e-5)
        one_row = dataclasses.replace(
            together.inputs, packed_rows=np.minimum(together.inputs.packed_rows, 0)
        )
        mixed = choice_losses(model, dataclasses.replace(together, inputs=one_row), CPU).loss_R
    assert (mixed - alone).abs().max() > 1e-3, "the mask is what keeps rows apart"
