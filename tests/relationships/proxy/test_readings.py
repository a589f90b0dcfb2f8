"""What scorers read off trainings, against hand-computed rows and against differences."""

import numpy as np
import pytest

from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.model import Batch, Weights, losses, scores
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import (
    Arm,
    ProxyRecipe,
    derive_seeds,
    train,
    train_each_alone,
    train_jointly,
)

RECIPE = ProxyRecipe(steps=10, batch=8, hidden=3)


def task_of(name, rows=20, seed=0, choices=2):
    rng = np.random.default_rng(seed)
    return FeatureTask(
        name=name,
        features_OD=rng.normal(size=(rows * choices, 3)).astype(np.float32),
        first=np.arange(0, rows * choices + 1, choices),
        gold=rng.integers(0, choices, rows),
    )


TASKS = {"a": task_of("a"), "b": task_of("b", seed=1, choices=3), "big": task_of("big", rows=300)}


def pool():
    return pool_tasks(list(TASKS.values()))


def one_row(*values, real, gold):
    return Batch(
        features_MBCD=np.array([[values]], dtype=np.float64)[..., None],
        real_MBC=np.array([[real]]),
        gold_MB=np.array([[gold]]),
        task_MB=np.array([[0]]),
    )


LINEAR = Weights(
    linear_MD=np.array([[2.0]]),
    hidden_MDH=np.array([[[1.0]]]),
    prefix_MTH=np.zeros((1, 2, 1)),
    head_MH=np.array([[0.0]]),
)


def test_answers_and_golds_are_centred_in_their_row():
    batch = one_row(1.0, 4.0, 7.0, real=[True, True, False], gold=1)
    assert readings.centred_answers(LINEAR, batch).tolist() == [[-3.0, 3.0, 0.0]]
    assert readings.centred_golds(batch).tolist() == [[-0.5, 0.5, 0.0]]


def test_states_are_those_of_real_choices_centred_too():
    batch = one_row(0.5, -0.5, 9.0, real=[True, True, False], gold=0)
    hidden, gold = readings.hidden_states(LINEAR, batch)
    assert hidden == pytest.approx(np.array([[np.tanh(0.5)], [-np.tanh(0.5)]]))
    assert gold.tolist() == [0.5, -0.5]


def test_rows_seen_as_another_task_differ_by_the_prefix_alone():
    batch = one_row(1.0, 2.0, real=[True, True], gold=0)
    other = readings.put_behind(batch, 1)
    assert other.task_MB.tolist() == [[1]]
    assert other.features_MBCD is batch.features_MBCD


def test_probes_are_all_rows_or_a_fixed_draw_of_them():
    known = pool()
    assert readings.take_probe(known, 0, seed=1).gold_MB.shape == (1, 20)
    draw = readings.take_probe(known, 2, seed=1)
    assert draw.gold_MB.shape == (1, readings.PROBE_ROWS)
    again, other = (readings.take_probe(known, 2, seed=seed).features_MBCD for seed in (1, 2))
    assert (again == draw.features_MBCD).all()
    assert (other != draw.features_MBCD).any()
    rows = {row.tobytes() for row in draw.features_MBCD[0]}
    assert len(rows) == readings.PROBE_ROWS


def test_a_draw_does_not_hang_on_the_other_tasks():
    alone = readings.take_probe(pool_tasks([TASKS["big"]]), 0, seed=1).features_MBCD
    # choices of other tasks only change the padding
    assert (readings.take_probe(pool(), 2, seed=1).features_MBCD[:, :, :2] == alone).all()


def test_gradients_of_tasks_are_those_of_differences():
    known = pool()
    rng = np.random.default_rng(3)
    model = Weights(
        linear_MD=rng.normal(size=(1, 3)),
        hidden_MDH=rng.normal(size=(1, 3, 2)),
        prefix_MTH=rng.normal(size=(1, 3, 2)),
        head_MH=rng.normal(size=(1, 2)),
    )
    got = readings.shared_gradients(model, readings.take_probes(known, seed=0))
    assert got.shape == (3, 3 + 6 + 2)
    batch = readings.take_probe(known, 1, seed=0)
    for place in range(3):
        ends = []
        for step in (1e-5, -1e-5):
            linear = model.linear_MD.copy()
            linear[0, place] += step
            moved = Weights(
                linear_MD=linear, hidden_MDH=model.hidden_MDH, prefix_MTH=model.prefix_MTH,
                head_MH=model.head_MH,
            )  # fmt: skip
            ends.append(losses(scores(moved, batch)[0], batch.gold_MB).mean())
        assert got[1, place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_models_trained_apart_are_those_of_trainings_of_one_task():
    known = pool()
    found = train_each_alone(known, RECIPE, seeds=[5, 6])
    assert len(found) == 2
    for run, seed in zip(found, (5, 6), strict=True):
        for index, name in enumerate(known.names):
            alone = train(known, [Arm(seed, {name: 1.0})], RECIPE)
            for one, two in zip(run.model(index).arrays(), alone.arrays(), strict=True):
                assert one == pytest.approx(two, abs=1e-5)


def test_joint_training_sees_equal_rows_of_all_and_one_model_a_seed():
    known = pool()
    found = train_jointly(known, RECIPE, seeds=[5, 6])
    assert found.head_MH.shape == (2, 3)
    shares = dict.fromkeys(known.names, 1.0)
    alone = train(known, [Arm(6, shares)], RECIPE)
    assert found.model(1).head_MH == pytest.approx(alone.head_MH, abs=1e-5)


def test_seeds_of_trainings_differ_and_do_not_hang_on_their_number():
    assert derive_seeds(1, "relate", count=4)[:2] == derive_seeds(1, "relate", count=2)
    assert len({*derive_seeds(1, "relate", count=4), *derive_seeds(2, "relate", count=4)}) == 8
    assert all(0 <= seed < 2**63 for seed in derive_seeds(1, "relate", count=4))
