"""What is frozen, and what a comparison hangs on; the whole runs in tests/commands/test_compare.py."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe
from pipeline.tailoring import arms, experiment
from pipeline.tailoring.choose import Parts

TASKS = ("a", "b", "c")


def task(name):
    return FeatureTask(
        name=name, features_OD=np.zeros((2, 1), np.float32), first=np.array([0, 2]),
        gold=np.array([0]),
    )  # fmt: skip


@pytest.fixture
def material():
    evidence = Evidence(
        tasks=TASKS, features={name: task(name) for name in TASKS},
        sizes={"a": 1, "b": 2, "c": 3}, families={"a": "x", "b": "x", "c": "y"},
    )  # fmt: skip
    held = pool_tasks([task(name) for name in TASKS])
    return experiment.Material(
        evidence=evidence, held=held, targets=("a",), seed=1, inputs={"train/a": "h"}
    )


def test_selections_hold_every_arm_as_shares(material):
    got = experiment.settle_arms(
        material,
        "a",
        {arms.TAILOR: ["c"], "without guard": ["b", "c"]},
        scores={"b": 0.2, "c": 0.9},
        correlation={"b": 0.7, "c": 0.1},
    )
    assert got[arms.TAILOR] == [{"a": 1.0, "c": 1.0}]
    assert got["without guard"] == [{"a": 1.0, "b": 0.5, "c": 0.5}]
    assert got[arms.TOP] == [{"a": 1.0, "b": 1.0}]
    assert got[arms.FAMILY] == [{"a": 1.0, "b": 1.0}]
    assert got[arms.ALONE] == [{"a": 1.0}]


def test_what_choices_depend_on_is_in_their_key(material):
    ways = {arms.TAILOR: Parts()}
    key = experiment.key_of(material, ways)
    assert key == experiment.key_of(replace(material), ways)
    others = [
        experiment.key_of(replace(material, inputs={"train/a": "i"}), ways),
        experiment.key_of(replace(material, seed=2), ways),
        experiment.key_of(replace(material, recipe=ProxyRecipe(steps=2)), ways),
        experiment.key_of(replace(material, leaked={"a": {"b": 0.5}}), ways),
        experiment.key_of(material, {arms.TAILOR: Parts(guard=False)}),
    ]
    assert len({key, *others}) == 6


def test_an_ablation_leaves_out_one_part_of_what_is_on():
    found = experiment.ablations(Parts(coverage=False, most=3))
    assert found["without guard"] == Parts(coverage=False, most=3, guard=False)
    assert found["without race, k = 4"] == Parts(coverage=False, most=3, race=False, k=4)


def test_trainings_are_counted_at_their_most():
    # a target: a race of 7 sets and 4 left out once, 3 seeds each; 5 arms and 3 of 10 draws, 5 seeds;
    # beside that 5 tasks apart and one joint model, 3 times
    assert (
        experiment.count_trainings(2, 4, 5, ways=1, draws=10) == 2 * (3 * (7 + 4) + 35 * 5) + 3 * 5
    )
