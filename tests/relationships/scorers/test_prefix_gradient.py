from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.model import Batch, Weights, gradients, losses, scores
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds, train_jointly
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scorers.prefix_gradient import (
    PrefixGradient,
    prefix_gradients,
    with_one_prefix,
)


def test_the_gradient_by_a_prefix_by_hand():
    """One row, two choices, one unit: d loss / d p = sum over c of (chance - gold) v (1 - h^2)."""
    model = Weights(
        linear_MD=np.zeros((1, 1)),
        hidden_MDH=np.array([[[1.0]]]),
        prefix_MTH=np.array([[[0.5], [9.0]]]),
        head_MH=np.array([[2.0]]),
    )
    rows = Batch(
        features_MBCD=np.array([[[[0.3], [-0.7]]]]),
        real_MBC=np.ones((1, 1, 2), bool),
        gold_MB=np.array([[0]]),
        task_MB=np.array([[0]]),
    )
    h = np.tanh([0.8, -0.2])
    chance = np.exp(2 * h) / np.exp(2 * h).sum()
    expected = ((chance - [1, 0]) * 2 * (1 - h**2)).sum()
    assert gradients(model, rows)[0].prefix_MTH[0, :, 0] == pytest.approx([expected, 0.0])
    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved = replace(model, prefix_MTH=model.prefix_MTH + sign * step * np.array([[[1], [0]]]))
        ends.append(losses(scores(moved, rows)[0], rows.gold_MB)[0, 0])
    assert expected == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)


def test_a_task_s_gradient_is_that_by_its_own_prefix(toy):
    pool = pool_tasks(list(toy.features.values()))
    rng = np.random.default_rng(1)
    model = Weights(
        linear_MD=rng.normal(size=(1, 3)),
        hidden_MDH=rng.normal(size=(1, 3, 2)),
        prefix_MTH=rng.normal(size=(1, 4, 2)),
        head_MH=rng.normal(size=(1, 2)),
    )
    got = prefix_gradients(model, readings.take_probes(pool, seed=0))
    assert got.shape == (4, 2)
    for task in range(4):
        whole = gradients(model, readings.take_probe(pool, task, seed=0))[0].prefix_MTH[0]
        np.testing.assert_array_equal(got[task], whole[task])
        assert not np.delete(whole, task, axis=0).any()


def test_all_tasks_are_asked_behind_the_mean_prefix():
    prefix = np.array([[[1.0, 2.0], [3.0, 6.0]]])
    model = Weights(
        linear_MD=np.zeros((1, 1)),
        hidden_MDH=np.zeros((1, 1, 2)),
        prefix_MTH=prefix,
        head_MH=np.zeros((1, 2)),
    )
    assert with_one_prefix(model).prefix_MTH.tolist() == [[[2.0, 4.0], [2.0, 4.0]]]


def test_the_mean_over_trainings_with_its_doubts(toy, budget):
    got = PrefixGradient().fit(toy, budget, seed=3)
    pool = pool_tasks(list(toy.features.values()))
    seeds = derive_seeds(3, "relate", count=2)
    models = train_jointly(pool, replace(budget.recipe, steps=15), seeds=seeds)
    probes = readings.take_probes(pool, seed=3)
    alike = [with_one_prefix(models.model(run)) for run in (0, 1)]
    values = np.stack([correlations(prefix_gradients(m, probes), centre=True) for m in alike])
    np.testing.assert_allclose(got.values_ST, values.mean(axis=0), atol=6e-5)
    assert got.extras["null_q95"] == null_band((4, 4), centre=True, seed=3)["q95"]
    before = np.array(got.extras["step0"], dtype=float)
    assert np.isfinite(before[~np.eye(4, dtype=bool)]).all()
    assert (before != got.values_ST).any()
    assert not got.directional
    assert got.provenance.warnings[0].startswith("symmetric")


def test_a_task_of_single_choices_has_no_gradient_and_little_say(make, gather, budget):
    """Alone with its like, no prefix has anywhere to go: no score, rather than 0."""
    tasks = [make(name, (1.0, 0.0), rows=5, choices=1) for name in ("a", "b", "c")]
    got = PrefixGradient().fit(gather(*tasks), budget, seed=3)
    assert np.isnan(got.values_ST).all()


def test_cost_is_a_short_training_a_seed(toy, budget):
    cost = PrefixGradient().cost(toy, budget)
    assert cost.runs == 2
    assert cost.flops == 2 * 6 * (15 * 18) * 3 * 3 * 4
