"""Arms of equal cost, drawn from names and a seed alone."""

import numpy as np
import pytest

from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe
from pipeline.tailoring import arms as names
from pipeline.tailoring.arms import ArmInputs, arms_of, train_arms

NAMES = ("a", "b", "c", "d", "t")
INPUTS = ArmInputs(
    sizes={"a": 10, "b": 20, "c": 30, "d": 40, "t": 5},
    families={"a": "x", "b": "x", "c": "x", "d": "y", "t": "x"},
    correlation={"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.7},
    scores={"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1},
)


@pytest.fixture(scope="module")
def arms():
    return arms_of("t", ("a", "d"), INPUTS, seed=0, ratio=1.0)


def test_every_arm_spends_the_same(arms):
    for name, choices in arms.items():
        for shares in choices:
            others = sum(share for task, share in shares.items() if task != "t")
            assert shares["t"] == 1.0, name
            assert others == pytest.approx(0.0 if name == names.ALONE else 1.0), name


def test_every_arm_that_chooses_takes_as_many(arms):
    for name in (names.TAILOR, names.RANDOM, names.FAMILY, names.TOP, names.SHUFFLED):
        assert {len(shares) for shares in arms[name]} == {3}, name
    assert set(arms[names.TOP][0]) == {"t", "b", "d"}
    assert all("d" not in shares for shares in arms[names.FAMILY])
    assert len(arms[names.RANDOM]) == len(arms[names.SHUFFLED]) == names.DRAWS


def test_all_tasks_are_there_equally_and_by_size(arms):
    assert arms[names.ALL_EQUAL] == [{"t": 1.0, "a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}]
    assert arms[names.ALL_PROPORTIONAL] == [{"t": 1.0, "a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}]


def test_shuffled_scores_choose_as_random_ones_do():
    many = [
        set(s)
        for seed in range(40)
        for s in arms_of("t", ("a", "d"), INPUTS, seed=seed)[names.SHUFFLED]
    ]
    for task in "abcd":
        assert np.mean([task in chosen for chosen in many]) == pytest.approx(0.5, abs=0.08)


def test_an_empty_choice_leaves_the_target_alone():
    arms = arms_of("t", (), INPUTS, seed=0)
    for name in (names.TAILOR, names.RANDOM, names.FAMILY, names.TOP, names.SHUFFLED):
        assert all(shares == {"t": 1.0} for shares in arms[name]), name


def test_a_task_without_family_draws_from_all():
    beside = ArmInputs(
        sizes=INPUTS.sizes, families={**INPUTS.families, "t": "z"}, correlation={}, scores={}
    )
    found = arms_of("t", ("a",), beside, seed=0)[names.FAMILY]
    assert len({task for shares in found for task in shares}) > 3


def test_choices_do_not_hang_on_the_sequence_of_names():
    back = ArmInputs(
        sizes=dict(reversed(INPUTS.sizes.items())),
        families=INPUTS.families,
        correlation=INPUTS.correlation,
        scores=dict(reversed(INPUTS.scores.items())),
    )
    assert arms_of("t", ("a", "d"), back, seed=0) == arms_of("t", ("a", "d"), INPUTS, seed=0)


def test_outcomes_are_means_over_an_arms_choices():
    rng = np.random.default_rng(0)

    def task(name, sign):
        x = rng.normal(size=(40, 3)).astype(np.float32)
        return FeatureTask(
            name=name,
            features_OD=np.stack([x, -x], axis=1).reshape(-1, 3),
            first=np.arange(0, 81, 2),
            gold=(sign * x[:, 0] < 0).astype(np.int64),
        )

    pool = pool_tasks([task("foe", -1), task("friend", 1), task("t", 1)])
    arms = {
        "one": [{"t": 1.0, "friend": 1.0}],
        "two": [{"t": 1.0, "friend": 1.0}, {"t": 1.0, "foe": 1.0}],
    }
    recipe = ProxyRecipe(steps=40, batch=16, hidden=8)
    found = train_arms(pool, pool, {"t": arms}, recipe, [0, 1], "t")
    foe = train_arms(pool, pool, {"t": {"x": [arms["two"][1]]}}, recipe, [0, 1], "t")
    for measure in ("accuracy", "loss"):
        mean = np.add(found[measure]["one"], foe[measure]["x"]) / 2
        assert found[measure]["two"] == pytest.approx(mean)
    assert np.mean(foe["accuracy"]["x"]) < np.mean(found["accuracy"]["one"])
    assert np.mean(foe["loss"]["x"]) > np.mean(found["loss"]["one"])
