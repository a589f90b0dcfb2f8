import numpy as np
import pytest

from pipeline.errors import MixtureError
from pipeline.relationships.proxy.readings import judge
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, schedule, train

RECIPE = ProxyRecipe(steps=60, batch=16, hidden=8)


def planted(name, direction, rows=80, seed=0, sign=1.0):
    """Rows of two opposite choices, the gold one along a direction."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, len(direction))).astype(np.float32)
    gold = (sign * (x @ np.array(direction)) < 0).astype(np.int64)
    return FeatureTask(
        name=name,
        features_OD=np.stack([x, -x], axis=1).reshape(-1, len(direction)),
        first=np.arange(0, 2 * rows + 1, 2),
        gold=gold,
    )


def pool(seed=0, rows=80):
    return pool_tasks(
        [
            planted("a", (1, 0, 0), rows=rows, seed=seed),
            planted("b", (1, 0.2, 0), rows=300, seed=seed + 1),
            planted("foe", (1, 0, 0), rows=300, seed=seed + 2, sign=-1.0),
        ]
    )


def test_a_task_is_learned_a_friend_helps_and_a_foe_harms():
    few, test = pool(rows=6), pool(seed=100, rows=500)
    arms = [
        Arm(0, {"a": 1.0}),
        Arm(0, {"a": 0.5, "b": 0.5}),
        Arm(0, {"a": 0.5, "foe": 0.5}),
    ]
    alone, friend, foe = judge(train(few, arms, RECIPE), few, test, "a").right_MR.mean(axis=1)
    assert 0.7 < alone < friend
    assert foe < alone - 0.05


def test_arms_do_not_depend_on_their_company():
    few = pool()
    arms = [Arm(seed, {"a": 0.5, "b": 0.5}) for seed in (0, 1, 2)]
    together = train(few, arms, RECIPE)
    apart = train(few, arms, ProxyRecipe(steps=60, batch=16, hidden=8, together=1))
    for one, two in zip(together.arrays(), apart.arrays(), strict=True):
        assert one == pytest.approx(two, abs=1e-5)


def test_a_schedule_is_exact_and_even():
    known = pool()
    task, row = schedule(known, Arm(0, {"a": 1.0, "b": 3.0}), RECIPE)
    assert np.bincount(task.ravel()).tolist() == [240, 720]
    assert set((task == 0).sum(axis=1).tolist()) <= {3, 4, 5}
    mine = row[task == 0]
    # 240 rows of 80: each comes three times, and all once before any twice
    assert sorted(mine[:80].tolist()) == list(range(80))
    assert np.bincount(mine).tolist() == [3] * 80


def test_a_walk_is_the_same_in_every_arm():
    known = pool()
    alone = schedule(known, Arm(5, {"a": 1.0}), RECIPE)[1].ravel()
    task, row = schedule(known, Arm(5, {"a": 0.5, "b": 0.5}), RECIPE)
    assert row[task == 0].tolist() == alone[: (task == 0).sum()].tolist()


def test_unknown_and_empty_tasks_are_named():
    with pytest.raises(MixtureError, match="there is no task 'z'"):
        schedule(pool(), Arm(0, {"z": 1.0}), RECIPE)
    with pytest.raises(MixtureError, match="task 'a' has no rows"):
        schedule(pool(rows=0), Arm(0, {"a": 1.0}), RECIPE)
