"""The text view: packed against unpacked, ranks and budgets against one another, what a plan says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import pipeline.modeling.language as language
from pipeline.contract.ragged import Ints
from pipeline.contract.tokens import read_tokens
from pipeline.training.ranks import Ranks
from pipeline.training.run import read_run
from pipeline.training.text.batches import LineBatch
from pipeline.training.text.units import Units
from pipeline.training.text.view import text_view
from pipeline.training.view import StepContext

CPU = torch.device("cpu")
ALONE = Ranks(0, 0, 1, CPU)
HOW = StepContext(CPU, seed=1, precision="fp32")


def opened(folders, **train):
    """Return the view of a run; weights are wide enough to tell texts apart."""
    run, _ = read_run(folders.write(folders.run(train=train), "view"))
    view = text_view(run, ALONE, print)
    for name, parameter in sorted(view.model.named_parameters()):
        torch.manual_seed(len(name))
        torch.nn.init.normal_(parameter, std=0.3)
    return view


def gradients(view, *, step=0, world=1):
    """Return the sums of one global batch and its gradients, over all ranks, in float64."""
    batches = [view.batch(step, rank=rank, world=world) for rank in range(world)]
    totals = np.maximum(sum(view.counts(batch) for batch in batches), 1.0)
    view.model.zero_grad()
    sums = sum(view.backward(batch, totals, HOW).vector() for batch in batches)
    found = {n: p.grad.double() for n, p in view.parameters().items() if p.grad is not None}
    assert len(found) == len(view.parameters())
    return sums, found


def assert_close(ours, theirs):
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=0, atol=1e-5, msg=name)


def one_by_one(view):
    """Return the same view with every row of its packs in a line of its own."""
    packs = view.artefacts.units
    rows = len(view.artefacts.order)
    units = Units(np.arange(rows + 1, dtype=np.int64), packs.positions, rows)
    artefacts = replace(view.artefacts, units=units)
    return replace(view, artefacts=artefacts, plan=replace(view.plan, token_budget=1))


@pytest.fixture(params=["causal", "seq2seq"])
def either(request, shared_text_folders, shared_pair_folders):
    return shared_text_folders if request.param == "causal" else shared_pair_folders


def test_ranks_and_budgets_add_up_to_one_batch(either):
    view = opened(either, token_budget=10**6)
    sums, whole = gradients(view)
    for world, budget in ((2, 80), (4, 10**6), (1, 1)):
        parts, found = gradients(opened(either, token_budget=budget), world=world)
        np.testing.assert_allclose(parts[0], sums[0])
        np.testing.assert_allclose(parts[2:], sums[2:], rtol=1e-5)
        assert_close(found, whole)


def test_packed_rows_give_the_loss_and_gradients_of_rows_alone(shared_text_folders):
    view = opened(shared_text_folders)
    rows = view.examples(0)
    alone = one_by_one(view)
    alone = replace(alone, plan=replace(alone.plan, batch=rows))
    assert len(alone.batch(0, rank=0, world=1).micro) > len(view.batch(0, rank=0, world=1).micro)
    packed_sums, packed_gradients = gradients(view)
    alone_sums, alone_gradients = gradients(alone)
    np.testing.assert_allclose(packed_sums[2:], alone_sums[2:], rtol=1e-5)
    assert_close(packed_gradients, alone_gradients)


def whole_line(view) -> LineBatch:
    """Return a line of two documents at least."""
    for step in range(view.steps):
        for micro in view.batch(step, rank=0, world=1).micro:
            if micro.ids.shape[0] == 1 and micro.segment.max() > 1:
                return micro
    raise AssertionError("no line holds two documents")


def changed(batch: LineBatch, where: Ints) -> LineBatch:
    ids = batch.ids.copy()
    ids[0, where] = (ids[0, where] + 7) % 50 + 5
    return replace(batch, ids=ids)


def costs_of_others(view, batch, line, *, document):
    """Return costs of the tokens that are asked of all documents but one."""
    cost_M = view.model.eval()(batch.inputs_on(CPU)).cost_M.detach()
    return cost_M[line.segment[0, line.asked.at] != document]


def test_changing_one_document_changes_nothing_in_the_others(shared_text_folders, monkeypatch):
    view = opened(shared_text_folders, token_budget=1)
    line = whole_line(view)
    other = changed(line, np.flatnonzero(line.segment[0] == 1))
    before = costs_of_others(view, line, line, document=1)
    after = costs_of_others(view, other, line, document=1)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    exact = language.segment_mask
    monkeypatch.setattr(language, "segment_mask", lambda s, a: exact(s.clamp(max=1), a))
    seen = costs_of_others(view, other, line, document=1)
    assert (seen - costs_of_others(view, line, line, document=1)).abs().max() > 1e-3


def test_training_sees_the_tokens_that_the_shards_promise(either):
    view = opened(either)
    shards, order = view.artefacts.train, view.artefacts.order
    supervised = np.concatenate([shard.rows.target.lengths + 1 for shard in shards.shards])
    sums = [
        view.backward(view.batch(s, rank=0, world=1), np.ones(1), HOW) for s in range(view.steps)
    ]
    assert sum(step.terms[0, 1] for step in sums) == supervised[order.row].sum()
    tokens = read_tokens(either.root / "tokens" / "train")
    read = np.concatenate([tokens.row_tokens(task) for task in tokens.tasks])
    assert sum(step.tokens for step in sums) == read[order.row].sum()
    by_task = sum(step.tasks for step in sums)
    assert by_task[:, 0].sum() == len(order) == sum(view.examples(s) for s in range(view.steps))
    np.testing.assert_allclose(by_task[:, 1].sum(), sum(step.terms[0, 0] for step in sums))


def test_prefixes_have_rows_and_are_trained(either):
    view = opened(either)
    _, found = gradients(view)
    table = next(g for n, g in found.items() if "shared" in n or "embed_tokens" in n)
    assert sorted(view.prefixes) == view.tasks
    assert all(table[token].abs().sum() > 0 for token in view.prefixes.values())


def test_select_names_both_scores_and_greedy_decoding(either):
    view = opened(either)
    found = view.select(ALONE)
    assert found["score"] == "sum"
    assert sorted(found["accuracy"]) == ["alpha", "beta", "gamma"]
    assert sorted(found["accuracy_sum"]) == sorted(found["accuracy_mean"]) == ["alpha", "beta"]
    assert list(found["exact_match"]) == ["gamma"]
    assert found["accuracy"]["alpha"] == found["accuracy_sum"]["alpha"]
    means = list(found["accuracy"].values())
    assert found["accuracy_macro"] == pytest.approx(sum(means) / 3)
