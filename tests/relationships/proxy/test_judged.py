"""Answers of models to held rows, against a model whose answers are known by hand."""

import numpy as np
import pytest

from pipeline.relationships.proxy.model import Weights
from pipeline.relationships.proxy.readings import judge
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks


def task(name, rows):
    """Rows of two choices, each of one feature."""
    values = np.array(rows, dtype=np.float32).reshape(-1, 1)
    first = np.arange(0, len(values) + 1, 2)
    return FeatureTask(name=name, features_OD=values, first=first, gold=np.zeros(len(rows), int))


def linear(*slopes, prefixes=1):
    """Models whose score is slope times feature."""
    models = len(slopes)
    return Weights(
        linear_MD=np.array(slopes, np.float32)[:, None],
        hidden_MDH=np.zeros((models, 1, 1), np.float32),
        prefix_MTH=np.zeros((models, prefixes, 1), np.float32),
        head_MH=np.zeros((models, 1), np.float32),
    )


def test_rows_are_right_and_cost_what_their_softmax_says():
    held = pool_tasks([task("a", [[1.0, 0.0], [0.0, np.log(3.0)]])])
    found = judge(linear(1.0, -1.0), held, held, "a")
    assert found.right_MR.tolist() == [[True, False], [False, True]]
    # the gold choice's odds: e : 1 and 1 : 3; then the other way round
    loss = [[np.log(1 + np.exp(-1)), np.log(4.0)], [np.log(1 + np.e), np.log(4 / 3)]]
    assert found.loss_MR == pytest.approx(np.array(loss), abs=1e-6)


def test_rows_are_looked_at_in_parts():
    held = pool_tasks([task("a", [[float(i), 3.0] for i in range(7)])])
    whole, parts = (judge(linear(1.0), held, held, "a", rows=n) for n in (512, 2))
    assert whole.right_MR.tolist() == parts.right_MR.tolist()
    assert whole.loss_MR == pytest.approx(parts.loss_MR)
    assert whole.right_MR[0].sum() == 4  # 3, 4, 5, 6: of equals the first choice counts


def test_the_prefix_is_the_one_of_the_training_pool():
    one, two = task("a", [[1.0, 0.0]]), task("b", [[1.0, 0.0]])
    model = Weights(
        linear_MD=np.zeros((1, 1), np.float32),
        hidden_MDH=np.ones((1, 1, 1), np.float32),
        # behind the second prefix tanh is as good as flat
        prefix_MTH=np.array([[[0.0], [50.0]]], np.float32),
        head_MH=np.ones((1, 1), np.float32),
    )
    trained, held = pool_tasks([one, two]), pool_tasks([two, one])
    assert judge(model, trained, held, "b").loss_MR[0, 0] == pytest.approx(np.log(2.0), abs=1e-6)
    expected = np.log(1 + np.exp(-np.tanh(1.0)))
    assert judge(model, trained, held, "a").loss_MR[0, 0] == pytest.approx(expected, abs=1e-6)
