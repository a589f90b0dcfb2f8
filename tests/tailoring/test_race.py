from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import MixtureError
from pipeline.relationships.proxy.model import scores
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, gather_rows, train
from pipeline.tailoring.race import (
    MARGIN,
    RaceSetup,
    calibrate,
    check_backward,
    decide_race,
    held_losses,
    race,
    shares_of,
)

RECIPE = ProxyRecipe(steps=120, batch=16, hidden=4)
SEEDS = (1, 2)
WIDTH = 24


def task_of(name, direction, *, rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2, WIDTH)).astype(np.float32)
    return FeatureTask(
        name=name,
        features_OD=x.reshape(-1, WIDTH),
        first=np.arange(0, 2 * rows + 1, 2),
        gold=(x @ direction).argmax(axis=1).astype(np.int64),
    )


def axis(place):
    return np.eye(WIDTH)[place]


DIRECTIONS = {"target": axis(0), "friend": axis(0), "foe": -axis(0), "other": axis(5)}


def pools(*, rows=40, held=150):
    few = {"target": rows}
    kept = [
        task_of(name, way, rows=few.get(name, 300), seed=i)
        for i, (name, way) in enumerate(DIRECTIONS.items())
    ]
    out = [
        task_of(name, way, rows=held, seed=i + 50)
        for i, (name, way) in enumerate(DIRECTIONS.items())
    ]
    return pool_tasks(kept), pool_tasks(out)


def setup(pool, held, *, recipe=RECIPE, seeds=SEEDS, ratio=1.0):
    return RaceSetup(target="target", pool=pool, held=held, recipe=recipe, seeds=seeds, ratio=ratio)


def test_the_smallest_set_within_a_standard_error_of_the_best_wins():
    sets = [(), ("a",), ("a", "b")]
    # rows by seed; the best mean is that of (a, b): 1.0, 2.0 and 3.0 in rows
    best = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    near = best + np.array([0.3, -0.1, 0.1])  # behind by 0.1, sd 0.2, se 0.1155
    far = best + np.array([0.4, 0.3, 0.5])  # behind by 0.4, sd 0.1, se 0.0577
    got = decide_race(sets, np.stack([far, near, best]))
    assert got.tasks == ("a",)
    empty, one, two = got.entries
    assert (one.loss, two.behind, two.behind_se) == (pytest.approx(2.1), 0.0, 0.0)
    assert one.behind == pytest.approx(0.1)
    assert one.behind_se == pytest.approx(0.2 / 3**0.5)
    assert empty.behind == pytest.approx(0.4)
    assert empty.behind_se == pytest.approx(0.1 / 3**0.5)


def test_seeds_are_averaged_before_rows_are_compared():
    # rows differ between the seeds, but not in their mean
    arms = np.array([[[1.0, 1.2], [1.2, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    got = decide_race([(), ("a",)], arms)
    assert got.entries[0].behind == pytest.approx(0.1)
    assert got.entries[0].behind_se == pytest.approx(0.0, abs=1e-12)
    assert got.tasks == ("a",)


def test_equal_losses_and_a_single_row_take_the_smallest_or_the_best():
    assert decide_race([(), ("a",)], np.ones((2, 2, 3))).tasks == ()
    assert decide_race([(), ("a",)], np.array([[[1.0]], [[0.9]]])).tasks == ("a",)


def test_shares_are_split_evenly():
    assert shares_of("t", (), 2.0) == {"t": 1.0}
    assert shares_of("t", ("a", "b"), 0.5) == {"t": 1.0, "a": 0.25, "b": 0.25}


def test_a_loss_is_taken_at_the_arm_s_best_temperature():
    # right and wrong by as much: to have no opinion is best, whatever the padding
    sure = np.array([[[8.0, 0.0, -np.inf], [0.0, 8.0, -np.inf]]])
    assert calibrate(sure, np.array([0, 0])) == pytest.approx(np.full((1, 2), np.log(2.0)))
    # three of four right by ln 3: that is what the scores should say, however large they are
    for size in (0.25, 1.0, 4.0):
        values = np.array([[[1.0, 0.0]] * 3 + [[0.0, 1.0]]]) * np.log(3.0) * size
        expected = [[np.log(4 / 3)] * 3 + [np.log(4.0)]]
        assert calibrate(values, np.zeros(4, int)) == pytest.approx(np.array(expected))


def test_losses_are_those_of_trainings_with_the_target_s_prefix():
    pool, held = pools()
    sets = [(), ("friend",)]
    got = held_losses(setup(pool, held, ratio=0.5), sets)
    assert got.shape == (2, 2, 150)
    arm = {"target": 1.0, "friend": 0.5}
    models = train(pool, [Arm(seed, arm) for seed in SEEDS], RECIPE)
    rows = np.arange(held.starts[0], held.starts[1])[None]
    batch = gather_rows(held, np.zeros(rows.shape, int), rows)
    values = np.concatenate([scores(models.model(i), batch)[0] for i in range(len(SEEDS))])
    assert got[1] == pytest.approx(calibrate(values, batch.gold_MB[0]), abs=1e-4)
    # held-out rows may come in another sequence of tasks, and without the other tasks
    alone = pool_tasks([task_of("target", axis(0), rows=150, seed=50)])
    again = held_losses(setup(pool, alone, ratio=0.5), sets)
    assert again == pytest.approx(got)
    turned = pool_tasks(
        [task_of("other", axis(5), rows=9, seed=1), task_of("target", axis(0), rows=150, seed=50)]
    )
    assert held_losses(setup(pool, turned, ratio=0.5), sets) == pytest.approx(got)


def test_a_friend_is_taken():
    got = race(setup(*pools()), ["friend", "foe"])
    assert [entry.tasks for entry in got.entries] == [(), ("friend",), ("friend", "foe")]
    assert got.tasks == ("friend",)


@pytest.mark.parametrize("ranked", [["foe"], ["other"], ["foe", "other"], []])
def test_nothing_is_taken_where_nothing_helps(ranked):
    # a target with rows enough: nobody has anything to teach it
    got = race(setup(*pools(rows=600)), ranked)
    assert got.entries[0].tasks == ()
    assert got.tasks == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_foe_is_never_chosen(seed):
    pool, held = pools()
    for ranked in (["foe", "friend"], ["other", "foe"], ["foe"]):
        shared = setup(pool, held, seeds=(seed, seed + 10))
        kept, _ = check_backward(shared, race(shared, ranked).tasks)
        assert "foe" not in kept


def test_the_arms_are_nested_and_all_is_one_of_them():
    pool, held = pools(held=20)
    recipe = replace(RECIPE, steps=2)
    got = race(setup(pool, held, recipe=recipe, seeds=(1,)), ["friend", "other", "foe"])
    assert [len(entry.tasks) for entry in got.entries] == [0, 1, 2, 3]
    assert all(entry.tasks == ("friend", "other", "foe")[: len(entry.tasks)]
               for entry in got.entries)  # fmt: skip


def test_backward_drops_the_foe_and_says_what_a_friend_is_worth():
    shared = setup(*pools())
    kept, rises = check_backward(shared, ["foe", "friend"])
    assert kept == ("friend",)
    assert rises["foe"] < 0.0 < rises["friend"]
    assert check_backward(shared, []) == ((), {})


def test_a_target_without_held_out_rows_cannot_be_raced():
    pool, held = pools(held=0)
    with pytest.raises(MixtureError, match="target 'target' has no held-out rows to race on"):
        race(setup(pool, held), ["friend"])


def losses_by_set(table):
    """Held-out losses of two rows and one seed from a table, in place of trainings."""

    def held_losses(setup, sets):
        return np.array([[[table[s] - 0.01, table[s] + 0.01]] for s in sets])

    return held_losses


@pytest.mark.parametrize(
    ("both_out", "kept"),
    [(1.0, ("c",)), (1.5, ("a", "b", "c"))],
    ids=["both are of no use", "each stands in for the other"],
)
def test_what_each_can_be_spared_is_dropped_if_all_of_it_can(monkeypatch, both_out, kept):
    table = {
        ("a", "b", "c"): 1.0,
        ("b", "c"): 1.0,
        ("a", "c"): 0.99,
        ("a", "b"): 1.2,
        ("c",): both_out,
    }
    monkeypatch.setattr("pipeline.tailoring.race.held_losses", losses_by_set(table))
    found, rises = check_backward(setup(None, None), ["a", "b", "c"])
    assert found == kept
    assert rises == pytest.approx({"a": 0.0, "b": -0.01, "c": 0.2})


def test_a_difference_of_no_use_takes_no_task_however_sure_it_is():
    # behind by the same on every row, so with a standard error of 0
    for behind, tasks in ((MARGIN - 1e-6, ()), (MARGIN + 1e-6, ("a",))):
        got = decide_race([(), ("a",)], np.array([[[0.2 + behind] * 9], [[0.2] * 9]]))
        assert got.tasks == tasks
        assert got.entries[0].behind_se == pytest.approx(0.0, abs=1e-12)
