"""Measured gains, by hand where they can be."""

import numpy as np
import pytest

from pipeline.relationships.gains import (
    Gains,
    TargetGains,
    _gains,
    clearly_harmful,
    from_json,
    measure_gains,
    se_of,
    truth_of,
    two_way_se,
)
from pipeline.relationships.proxy.readings import judge
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import Arm, train


def gains(alone, gain, se):
    return Gains(alone_K=np.array(alone), gain_KS=np.array(gain), se_S=np.array(se))


@pytest.fixture
def pool(toy):
    return pool_tasks([toy.features[name] for name in toy.tasks])


def test_a_gain_is_joint_minus_alone_from_the_same_weights(pool, budget):
    found = measure_gains(pool, pool, "apple", budget.recipe, seeds=[3, 4])
    assert found.sources == tuple(name for name in pool.names if name != "apple")
    arms = [Arm(4, {"apple": 1.0}), Arm(4, {"berry": 0.5, "apple": 0.5})]
    seen = judge(train(pool, arms, budget.recipe), pool, pool, "apple")
    at = found.sources.index("berry")
    right, loss = seen.right_MR.mean(axis=1), seen.loss_MR.mean(axis=1)
    assert found.accuracy.gain_KS[1, at] == pytest.approx(right[1] - right[0], abs=1e-9)
    assert found.loss.gain_KS[1, at] == pytest.approx(loss[0] - loss[1], abs=1e-6)
    assert found.accuracy.alone_K[1] == pytest.approx(right[0])
    assert found.loss.alone_K[1] == pytest.approx(loss[0], abs=1e-6)


def test_gains_of_rows_by_hand():
    # two runs, the target alone and one source, two rows
    values = np.array([[[0.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])
    found = _gains(values, sign=1.0)
    assert found.alone_K.tolist() == [0.5, 0.0]
    assert found.gain_KS.tolist() == [[0.5], [1.0]]
    fallen = _gains(values, sign=-1.0)
    assert fallen.gain_KS.tolist() == [[-0.5], [-1.0]]


def test_a_standard_error_counts_runs_and_rows():
    # means over rows 0.5 and 1 (variance 1/8), means over runs 1 and 0.5 (the same)
    values = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert two_way_se(values) == pytest.approx(np.sqrt(0.125 / 2 + 0.125 / 2))
    assert two_way_se(values[:1]) == pytest.approx(np.sqrt(0.5 / 2))  # one run: rows alone
    assert two_way_se(np.ones((1, 1))) == 0.0


def test_without_held_rows_there_is_no_gain():
    found = _gains(np.zeros((2, 3, 0)), sign=1.0)
    assert np.isnan(found.gain_KS).all()
    assert found.gain_KS.shape == (2, 2)
    assert np.isnan(found.alone_K).all()
    assert np.isnan(found.se_S).all()


def test_a_truth_has_sources_by_name_and_nothing_on_the_diagonal():
    found = [
        TargetGains(
            target="b", sources=("a", "c"), accuracy=gains([0.5], [[0.1, 0.2]], [0.01, 0.02]),
            loss=gains([0.7], [[1.0, 2.0]], [0.1, 0.2]),
        ),
        TargetGains(
            target="a", sources=("b", "c"), accuracy=gains([0.5], [[0.3, 0.4]], [0.03, 0.04]),
            loss=gains([0.7], [[3.0, 4.0]], [0.3, 0.4]),
        ),
    ]  # fmt: skip
    truth = truth_of(found)
    assert (truth.sources, truth.targets, truth.runs) == (("a", "b", "c"), ("b", "a"), 1)
    expected = [[0.1, np.nan], [np.nan, 0.3], [0.2, 0.4]]
    assert truth.mean_ST == pytest.approx(np.array(expected), nan_ok=True)
    assert truth_of(found, unit="loss").mean_ST[2].tolist() == [2.0, 4.0]
    assert se_of(found, truth)[2].tolist() == [0.02, 0.04]
    again = from_json(found[0].as_json())
    assert again.as_json() == found[0].as_json()


def test_harm_is_clear_beyond_two_standard_errors():
    gain, se = np.array([-0.1, -0.1, 0.1, np.nan]), np.array([0.04, 0.06, 0.0, np.nan])
    assert clearly_harmful(gain, se).tolist() == [True, False, False, False]
