from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.model import Batch, Weights, losses, scores
from pipeline.relationships.proxy.readings import row_slopes
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import train_jointly
from pipeline.relationships.scorers.gradient import GradientCosine, cosines, negative_shares


def weights(width=3, hidden=2, tasks=2):
    rng = np.random.default_rng(0)
    return Weights(
        linear_MD=rng.normal(size=(1, width)),
        hidden_MDH=rng.normal(size=(1, width, hidden)),
        prefix_MTH=rng.normal(size=(1, tasks, hidden)),
        head_MH=rng.normal(size=(1, hidden)),
    )


def batch(rows=5, choices=3, width=3):
    rng = np.random.default_rng(1)
    real = np.ones((1, rows, choices), bool)
    real[:, 0, 2] = False
    return Batch(
        features_MBCD=rng.normal(size=(1, rows, choices, width)),
        real_MBC=real,
        gold_MB=rng.integers(0, 2, (1, rows)),
        task_MB=rng.integers(0, 2, (1, rows)),
    )


def moved(known, direction, step):
    """A model whose shared weights went a step along a flat direction."""
    width, hidden = known.hidden_MDH.shape[1:]
    cut = width + width * hidden
    return Weights(
        linear_MD=known.linear_MD + step * direction[:width],
        hidden_MDH=known.hidden_MDH + step * direction[width:cut].reshape(1, width, hidden),
        prefix_MTH=known.prefix_MTH,
        head_MH=known.head_MH + step * direction[cut:],
    )


def test_cosines_by_hand():
    got = cosines(np.array([[3.0, 4.0], [4.0, 3.0], [-3.0, -4.0], [0.0, 0.0]]))
    assert got[0, 1] == pytest.approx(24 / 25)
    assert got[0, 2] == -1.0
    assert np.isnan(got[3]).all()
    assert np.isnan(got[:, 3]).all()


def test_slopes_of_rows_are_those_of_differences():
    known, rows = weights(), batch()
    directions = np.random.default_rng(2).normal(size=(4, 3 + 6 + 2))
    got = row_slopes(known, rows, directions)
    assert got.shape == (5, 4)
    np.testing.assert_allclose(row_slopes(known, rows, directions[2]), got[:, 2])
    for place, direction in enumerate(directions):
        ends = []
        for step in (1e-6, -1e-6):
            values, _ = scores(moved(known, direction, step), rows)
            ends.append(losses(values, rows.gold_MB)[0])
        numeric = (ends[0] - ends[1]) / 2e-6
        assert got[:, place] == pytest.approx(numeric, abs=1e-7)


def test_slopes_along_a_task_s_own_gradient_have_its_square_as_mean(toy):
    pool = pool_tasks(list(toy.features.values()))
    model = weights(hidden=2, tasks=4)
    gradients = readings.shared_gradients(model, readings.take_probes(pool, seed=0))
    slopes = row_slopes(model, readings.take_probe(pool, 1, seed=0), gradients[1:2])
    assert slopes.mean() == pytest.approx(gradients[1] @ gradients[1], rel=1e-5)


def test_shares_of_rows_that_get_worse_by_hand():
    """A linear model at 0 with two choices x and -x: a row's gradient is -x or x by its gold."""
    model = Weights(
        linear_MD=np.zeros((1, 1)),
        hidden_MDH=np.zeros((1, 1, 1)),
        prefix_MTH=np.zeros((1, 2, 1)),
        head_MH=np.zeros((1, 1)),
    )
    rows = Batch(
        features_MBCD=np.array([[[[1.0], [-1.0]]] * 4]),
        real_MBC=np.ones((1, 4, 2), bool),
        gold_MB=np.array([[0, 0, 0, 1]]),
        task_MB=np.zeros((1, 4), int),
    )
    slopes = row_slopes(model, rows, np.array([[-1.0, 0, 0], [2.0, 0, 0]]))
    assert slopes.tolist() == [[1.0, -2.0], [1.0, -2.0], [1.0, -2.0], [-1.0, 2.0]]


def test_a_foe_makes_most_rows_worse_and_a_friend_few(toy, budget):
    got = GradientCosine().fit(toy, budget, seed=3)
    at = {task: i for i, task in enumerate(toy.tasks)}
    share = got.extras["negative_rows"]
    assert share[at["doubt"]][at["apple"]] > 0.6
    assert share[at["berry"]][at["apple"]] < 0.3
    column = got.column("apple")
    assert column["berry"] > 0.5 > 0.0 > column["doubt"]


def test_cosines_are_symmetric_and_say_so(toy, budget):
    got = GradientCosine().fit(toy, budget, seed=3)
    assert not got.directional
    np.testing.assert_array_equal(got.values_ST, got.values_ST.T)
    assert got.provenance.warnings == (
        "symmetric: the score of a pair says nothing of who helps whom",
    )


def test_a_task_of_single_choices_has_no_gradient_and_no_share(toy, budget, make, gather):
    single = make("alone", (1.0, 0.0, 0.0), choices=1)
    evidence = gather(single, *toy.features.values())
    got = GradientCosine().fit(evidence, budget, seed=3)
    assert np.isnan(got.values_ST[0]).all()
    assert np.isnan(got.values_ST[:, 0]).all()
    assert got.extras["negative_rows"][0] == [None] * 5
    assert np.isfinite(got.values_ST[1, 2])


def test_shares_are_taken_from_the_named_rows(toy, budget):
    pool = pool_tasks(list(toy.features.values()))
    model = train_jointly(pool, replace(budget.recipe, steps=5), seeds=[1])
    gradients = readings.shared_gradients(model, readings.take_probes(pool, seed=0))
    shares = negative_shares(model, readings.take_probes(pool, seed=0), gradients)
    slopes = row_slopes(model, readings.take_probe(pool, 2, seed=0), gradients[3:])
    assert shares[3, 2] == (slopes < 0).mean()


def test_cost_is_a_short_training_a_seed_and_a_product_a_pair(toy, budget):
    cost = GradientCosine().cost(toy, budget)
    assert cost.runs == 2
    training = 6 * (15 * 18) * 3 * 3 * 4
    assert cost.flops == 2 * (training + 4 * 4 * readings.PROBE_ROWS * 2 * 3 * 4)
