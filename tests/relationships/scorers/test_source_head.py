from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds, train_each_alone
from pipeline.relationships.scorers.source_head import SourceHead, answer_correlation


def linear_model(*weights):
    """A model whose score is a weighted sum of the features."""
    return Weights(
        linear_MD=np.array([weights], dtype=np.float32),
        hidden_MDH=np.zeros((1, len(weights), 1), np.float32),
        prefix_MTH=np.zeros((1, 1, 1), np.float32),
        head_MH=np.zeros((1, 1), np.float32),
    )


def two_rows(first, second, golds):
    """A row of two choices and one of three, of one feature."""
    return Batch(
        features_MBCD=np.array([[[*first, 0.0], second]], np.float32)[..., None],
        real_MBC=np.array([[[True, True, False], [True, True, True]]]),
        gold_MB=np.array([golds]),
        task_MB=np.zeros((1, 2), np.int64),
    )


def test_two_rows_by_hand():
    batch = two_rows((3.0, 1.0), (0.0, 2.0, 4.0), (0, 1))
    # centred answers 1 -1 | -2 0 2, centred golds 1/2 -1/2 | -1/3 2/3 -1/3: their product is 1
    expected = 1.0 / np.sqrt(10.0 * (0.5 + 6.0 / 9.0))
    assert answer_correlation(linear_model(1.0), batch) == pytest.approx(expected)
    assert answer_correlation(linear_model(-1.0), batch) == pytest.approx(-expected)
    assert answer_correlation(linear_model(7.0), batch) == pytest.approx(expected)


def test_right_answers_are_not_more_right_for_a_row_s_level():
    low, high = (
        two_rows((3.0, 1.0), (level, level + 2.0, level + 4.0), (0, 1)) for level in (0.0, 90.0)
    )
    assert answer_correlation(linear_model(1.0), low) == pytest.approx(
        answer_correlation(linear_model(1.0), high)
    )


def test_answers_that_do_not_vary_know_nothing():
    assert np.isnan(
        answer_correlation(linear_model(0.0), two_rows((3.0, 1.0), (0.0, 2.0, 4.0), (0, 1)))
    )


def test_a_pair_s_score_is_the_mean_over_models_trained_on_the_source(toy, budget):
    got = SourceHead().fit(toy, budget, seed=3)
    pool = pool_tasks(list(toy.features.values()))
    models = train_each_alone(pool, budget.recipe, seeds=derive_seeds(3, "relate", count=2))
    source, target = toy.tasks.index("berry"), toy.tasks.index("apple")
    batch = readings.put_behind(readings.take_probe(pool, target, seed=3), source)
    values = [answer_correlation(run.model(source), batch) for run in models]
    assert got.column("apple")["berry"] == pytest.approx(np.mean(values), abs=1e-4)
    assert got.se_ST[source, target] == pytest.approx(abs(values[0] - values[1]) / 2, abs=1e-4)


def test_a_friend_is_above_0_and_a_foe_below(toy, budget):
    column = SourceHead().fit(toy, budget, seed=3).column("apple")
    assert column["berry"] > 0.5
    assert column["doubt"] < -0.5
    assert abs(column["chalk"]) < 0.3


def test_a_source_s_own_prefix_stands_before_the_target_s_rows(toy):
    pool = pool_tasks(list(toy.features.values()))
    batch = readings.take_probe(pool, 0, seed=1)
    assert set(readings.put_behind(batch, 2).task_MB.ravel().tolist()) == {2}


def test_cost_is_a_training_a_task_and_seed(toy, budget):
    cost = SourceHead().cost(toy, budget)
    assert cost.runs == 8
    assert cost.flops == 8 * 6 * (40 * 18) * 3 * 3 * 4  # weights of 3 features by 4 units
    origin = SourceHead().fit(toy, budget, seed=3).provenance
    assert origin.cost == {"small_trainings": 8.0, "flops": cost.flops}
    assert SourceHead().cost(toy, replace(budget, seeds=1)).runs == 4
