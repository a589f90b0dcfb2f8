"""The model's arithmetic against a hand-computed row, its gradient against differences."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy import model as proxy
from pipeline.relationships.proxy.model import Batch, Weights


def weights(models=2, width=3, hidden=4, tasks=2, dtype=np.float64):
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.normal(size=shape).astype(dtype)  # noqa: E731
    return Weights(
        linear_MD=draw(models, width),
        hidden_MDH=draw(models, width, hidden),
        prefix_MTH=draw(models, tasks, hidden),
        head_MH=draw(models, hidden),
    )


def batch(models=2, rows=5, choices=3, width=3):
    rng = np.random.default_rng(1)
    real = np.ones((models, rows, choices), bool)
    real[:, 0, 2] = False
    return Batch(
        features_MBCD=rng.normal(size=(models, rows, choices, width)),
        real_MBC=real,
        gold_MB=rng.integers(0, 2, (models, rows)),
        task_MB=rng.integers(0, 2, (models, rows)),
    )


def test_a_row_by_hand():
    one = Weights(
        linear_MD=np.array([[2.0]]),
        hidden_MDH=np.array([[[0.5]]]),
        prefix_MTH=np.array([[[0.0], [1.0]]]),
        head_MH=np.array([[3.0]]),
    )
    row = Batch(
        features_MBCD=np.array([[[[1.0], [-1.0]]]]),
        real_MBC=np.ones((1, 1, 2), bool),
        gold_MB=np.array([[0]]),
        task_MB=np.array([[1]]),
    )
    values, _ = proxy.scores(one, row)
    expected = [2 + 3 * np.tanh(1.5), -2 + 3 * np.tanh(0.5)]
    assert values[0, 0].tolist() == pytest.approx(expected)
    loss = np.log1p(np.exp(expected[1] - expected[0]))
    assert proxy.losses(values, row.gold_MB)[0, 0] == pytest.approx(loss)


def test_padding_has_no_chance():
    values, _ = proxy.scores(weights(), batch())
    assert np.isneginf(values[:, 0, 2]).all()
    assert (proxy.probabilities(values)[:, 0, 2] == 0).all()


@pytest.mark.parametrize("name", ["linear_MD", "hidden_MDH", "prefix_MTH", "head_MH"])
def test_gradients_are_those_of_differences(name):
    known, rows = weights(), batch()
    grads, loss = proxy.gradients(known, rows)
    array = getattr(known, name)
    numeric = np.zeros_like(array)
    for at in np.ndindex(array.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = array.copy()
            moved[at] += step
            values, _ = proxy.scores(replace(known, **{name: moved}), rows)
            ends.append(proxy.losses(values, rows.gold_MB).mean(axis=1)[at[0]])
        numeric[at] = (ends[0] - ends[1]) / 2e-5
    assert getattr(grads, name) == pytest.approx(numeric, abs=1e-8)
    values, _ = proxy.scores(known, rows)
    assert loss == pytest.approx(proxy.losses(values, rows.gold_MB).mean(axis=1))


def test_models_do_not_see_each_other():
    known, rows = weights(), batch()
    both, _ = proxy.gradients(known, rows)
    alone, _ = proxy.gradients(
        known.model(1),
        Batch(
            features_MBCD=rows.features_MBCD[1:],
            real_MBC=rows.real_MBC[1:],
            gold_MB=rows.gold_MB[1:],
            task_MB=rows.task_MB[1:],
        ),
    )
    for one, two in zip(both.model(1).arrays(), alone.arrays(), strict=True):
        assert one == pytest.approx(two)


def test_equal_seeds_start_equal_and_prefixes_are_one_vector():
    start = proxy.draw_weights([1, 2, 1], width=3, hidden=4, tasks=5)
    assert (start.hidden_MDH[0] == start.hidden_MDH[2]).all()
    assert (start.hidden_MDH[0] != start.hidden_MDH[1]).any()
    assert not start.prefix_MTH.any()
    assert start.shared().shape == (3, 3 + 12 + 4)
