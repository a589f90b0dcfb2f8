from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.model import Weights, losses, scores
from pipeline.relationships.proxy.readings import mean_loss
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds, gather_rows, train_jointly
from pipeline.relationships.scorers.lookahead import LookAhead, take_step


def test_a_step_by_hand():
    model = Weights(
        linear_MD=np.array([[1.0, 2.0]]),
        hidden_MDH=np.array([[[0.5], [0.25]]]),
        prefix_MTH=np.array([[[9.0]]]),
        head_MH=np.array([[3.0]]),
    )
    ahead = take_step(model, np.array([3.0, 0.0, 0.0, 4.0, 0.0]), length=0.5)
    assert ahead.linear_MD == pytest.approx(np.array([[0.7, 2.0]]))
    assert ahead.hidden_MDH.ravel().tolist() == pytest.approx([0.5, 0.25 - 0.4])
    assert ahead.head_MH.tolist() == [[3.0]]
    assert ahead.prefix_MTH is model.prefix_MTH


def test_no_gradient_is_no_step():
    model = Weights(
        linear_MD=np.ones((1, 2)), hidden_MDH=np.ones((1, 2, 1)), prefix_MTH=np.ones((1, 1, 1)),
        head_MH=np.ones((1, 1)),
    )  # fmt: skip
    assert (take_step(model, np.zeros(5), length=1.0).shared() == model.shared()).all()


def test_scores_are_falls_of_recomputed_losses(toy, budget):
    got = LookAhead(length=0.5).fit(toy, replace(budget, seeds=1), seed=3)
    pool = pool_tasks(list(toy.features.values()))
    model = train_jointly(
        pool, replace(budget.recipe, steps=15), seeds=derive_seeds(3, "relate", count=1)
    )
    gradients = readings.shared_gradients(model, readings.take_probes(pool, seed=3))
    for s, source in enumerate(toy.tasks):
        ahead = take_step(model, gradients[s], length=0.5)
        # as far as the length says, in all shared weights together
        assert np.linalg.norm(ahead.shared() - model.shared()) == pytest.approx(0.5, rel=1e-3)
        for t, target in enumerate(toy.tasks):
            batch = readings.take_probe(pool, t, seed=3)
            before, after = (
                losses(scores(m, batch)[0], batch.gold_MB).mean() for m in (model, ahead)
            )
            if source != target:
                assert got.column(target)[source] == pytest.approx(1 - after / before, abs=1e-4)


def test_a_friend_lowers_the_loss_and_a_foe_raises_it(toy, budget):
    got = LookAhead().fit(toy, budget, seed=3)
    column = got.column("apple")
    assert column["berry"] > 0.02
    assert column["doubt"] < -0.02
    assert got.directional
    assert (got.values_ST - got.values_ST.T)[0, 1] != 0.0


def test_a_task_of_single_choices_has_no_score_either_way(toy, budget, make, gather):
    evidence = gather(make("alone", (1.0, 0.0, 0.0), choices=1), *toy.features.values())
    got = LookAhead().fit(evidence, budget, seed=3)
    assert np.isnan(got.values_ST[0]).all()
    assert np.isnan(got.values_ST[:, 0]).all()
    assert set(got.column("apple")) == {"berry", "chalk", "doubt"}


def test_a_loss_over_no_rows_is_unknown(toy, budget):
    pool = pool_tasks(list(toy.features.values()))
    model = train_jointly(pool, replace(budget.recipe, steps=1), seeds=[1])
    empty = gather_rows(pool, np.zeros((1, 0), int), np.zeros((1, 0), int))
    assert np.isnan(mean_loss(model, empty))


def test_cost_is_a_short_training_a_seed_and_a_look_a_pair(toy, budget):
    cost = LookAhead().cost(toy, budget)
    assert cost.runs == 2
    training = 6 * (15 * 18) * 3 * 3 * 4
    assert cost.flops == 2 * (training + 4 * 4 * readings.PROBE_ROWS * 6 * 3 * 4)
