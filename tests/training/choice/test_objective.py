"""The losses of micro-batches against a loop over single, unpadded sequences."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.contract.choice import open_shards
from pipeline.contract.order import open_order
from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import Cells, Inputs, with_heads
from pipeline.training.choice.batches import BatchPlan, rank_batch
from pipeline.training.choice.masks import Masking
from pipeline.training.choice.objective import choice_losses, masked_loss

CPU = torch.device("cpu")
FIRST = Cells(torch.tensor([0]), torch.tensor([0]))
MASKING = Masking(0.25, "like_any_token")


@pytest.fixture(scope="module")
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


@pytest.fixture(scope="module")
def model(opened):
    shards = opened[0]
    encoder = small_encoder(
        Architecture(2, 16, 2, 0.0), vocabulary=shards.vocabulary, max_tokens=32, pad=0, seed=1
    )
    built = with_heads(encoder, dropout=0.0, seed=1)
    for parameter in built.parameters():  # 0.02 is too small a spread to see differences
        torch.nn.init.normal_(parameter, std=0.2)
    return built


def plan(**changes):
    return BatchPlan(**({"seed": 13, "batch": 16, "token_budget": 10**6, "max_options": None,
                    "overhead": 10**9, "masking": MASKING} | changes))  # fmt: skip


def alone(batch, index):
    length = int(batch.inputs.real[index].sum())
    parts = (batch.inputs.ids, batch.inputs.real, batch.inputs.types)
    return Inputs(*(torch.from_numpy(part[index : index + 1, :length].copy()) for part in parts))


def test_ragged_rows_lose_what_a_loop_over_single_sequences_loses(opened, model):
    for batch in rank_batch(*opened, plan(token_budget=200), 0).choice:
        found = choice_losses(model, batch, CPU)
        for row in range(len(batch.gold)):
            mine = np.flatnonzero(batch.row == row)
            scores = torch.cat([model.scored(model.hidden(alone(batch, i)), FIRST) for i in mine])
            expected = functional.cross_entropy(scores[None], torch.tensor([batch.gold[row]]))
            torch.testing.assert_close(found.loss_R[row], expected, rtol=0, atol=1e-5)
            assert bool(found.right_R[row]) == (int(scores.argmax()) == batch.gold[row])


def test_masked_tokens_lose_what_a_loop_over_single_stems_loses(opened, model):
    for batch in rank_batch(*opened, plan(), 0).masked:
        expected = 0.0
        guessed = zip(batch.masked.sequence, batch.masked.place, batch.masked.target, strict=True)
        for stem, place, target in guessed:
            at = Cells(torch.tensor([0]), torch.tensor([place]))
            logits = model.guessed(model.hidden(alone(batch, stem)), at)
            expected += functional.cross_entropy(logits, torch.tensor([target])).item()
        assert masked_loss(model, batch, CPU).item() == pytest.approx(expected, rel=1e-5)


def gradients(model, batch):
    """Loss and gradients of a global batch, over all its micro-batches."""
    model = copy.deepcopy(model)
    total = 0.0
    for choice in batch.choice:
        loss = choice_losses(model, choice, CPU).loss_R.sum() / batch.rows
        loss.backward()
        total += loss.item()
    for stems in batch.masked:
        loss = masked_loss(model, stems, CPU) / batch.masked_tokens
        loss.backward()
        total += loss.item()
    return total, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("budget", [60, 200, 400])
def test_micro_batches_give_the_loss_and_gradients_of_one_batch(opened, model, budget):
    whole_loss, whole = gradients(model, rank_batch(*opened, plan(), 1))
    batch = rank_batch(*opened, plan(token_budget=budget), 1)
    assert len(batch.choice) > 1
    loss, parts = gradients(model, batch)
    assert loss == pytest.approx(whole_loss, abs=1e-5)
    assert parts.keys() == whole.keys()
    for name, gradient in parts.items():
        torch.testing.assert_close(gradient, whole[name], rtol=1e-5, atol=1e-5, msg=name)


def test_prefixes_receive_gradient_from_both_losses(opened, model):
    shards, order = opened
    batch = rank_batch(shards, order, plan(batch=60), 0)
    for part in (
        lambda m: sum(choice_losses(m, b, CPU).loss_R.sum() for b in batch.choice),
        lambda m: sum(masked_loss(m, b, CPU) for b in batch.masked),
    ):
        fresh = copy.deepcopy(model)
        part(fresh).backward()
        norms = fresh.embeddings.weight.grad[list(shards.prefixes.values())].norm(dim=1)
        assert (norms > 1e-6).all()
