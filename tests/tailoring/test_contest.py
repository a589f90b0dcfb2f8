"""What is frozen, and what a comparison hangs on; the whole runs in tests/commands/test_compare.py."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import FeatureTask, pooled
from pipeline.relationships.proxy.training import Recipe
from pipeline.relationships.scores import Provenance, ScoreMatrix
from pipeline.tailoring import contest, trial
from pipeline.tailoring.choose import Choice, Parts
from pipeline.tailoring.coverage import Step
from pipeline.tailoring.race import Entry, Race

TASKS = ("a", "b", "c")


def matrix(values):
    return ScoreMatrix(
        sources=TASKS, targets=TASKS, values_ST=np.array(values, dtype=float), se_ST=None,
        directional=True, unit="similarity",
        provenance=Provenance(scorer="s", version="1", seed=0, inputs={}, cost={}),
    )  # fmt: skip


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
    held = pooled([task(name) for name in TASKS])
    return contest.Material(evidence=evidence, held=held, targets=("a",), recipe=Recipe(), seed=1)


def test_selections_hold_every_arm_as_shares(material):
    facts = SimpleNamespace(scores=matrix([[0, 0, 0], [0.2, 0, 0], [0.9, 0, 0]]))
    correlation = matrix([[0, 0, 0], [0.7, 0, 0], [0.1, 0, 0]])
    choices = {
        trial.TAILOR: {"a": {"tasks": ["c"], "race": None}},
        "without guard": {"a": {"tasks": ["b", "c"], "race": None}},
    }
    found = contest.selections(material, facts, choices, correlation)
    entry = found["targets"]["a"]
    assert entry["choice"] == choices[trial.TAILOR]["a"]
    arms = entry["arms"]
    assert arms[trial.TAILOR] == [{"a": 1.0, "c": 1.0}]
    assert arms["without guard"] == [{"a": 1.0, "b": 0.5, "c": 0.5}]
    assert arms[trial.TOP] == [{"a": 1.0, "b": 1.0}]
    assert arms[trial.FAMILY] == [{"a": 1.0, "b": 1.0}]
    assert arms[trial.ALONE] == [{"a": 1.0}]


def test_what_choices_depend_on_is_in_their_key(material):
    ways = {trial.TAILOR: Parts()}
    key = contest.key_of(material, {"train/a": "h"}, ways)
    assert key == contest.key_of(replace(material), {"train/a": "h"}, ways)
    others = [
        contest.key_of(material, {"train/a": "i"}, ways),
        contest.key_of(replace(material, seed=2), {"train/a": "h"}, ways),
        contest.key_of(replace(material, recipe=Recipe(steps=2)), {"train/a": "h"}, ways),
        contest.key_of(replace(material, leaked={"a": {"b": 0.5}}), {"train/a": "h"}, ways),
        contest.key_of(material, {"train/a": "h"}, {trial.TAILOR: Parts(guard=False)}),
    ]
    assert len({key, *others}) == 6


def test_an_ablation_leaves_out_one_part_of_what_is_on():
    found = contest.ablations(Parts(coverage=False, most=3))
    assert found["without guard"] == Parts(coverage=False, most=3, guard=False)
    assert found["without race, k = 4"] == Parts(coverage=False, most=3, race=False, k=4)


def test_a_choice_is_kept_as_json():
    race = Race(
        entries=(
            Entry(tasks=(), loss=0.5, behind=0.1, behind_se=0.01),
            Entry(tasks=("b",), loss=0.4, behind=0.0, behind_se=0.0),
        ),
        winner=1,
    )
    step = Step(task="b", worth=0.7, own=0.5, covered=0.2)
    choice = Choice(
        target="a", tasks=("b",), refused={"c": "no"}, steps=(step,), race=race, rises={"b": 0.1}
    )
    assert contest.as_json(choice) == {
        "tasks": ["b"],
        "refused": {"c": "no"},
        "steps": [{"task": "b", "worth": 0.7, "own": 0.5, "covered": 0.2}],
        "race": {
            "winner": 1,
            "entries": [
                {"k": 0, "loss": 0.5, "behind": 0.1, "se": 0.01},
                {"k": 1, "loss": 0.4, "behind": 0.0, "se": 0.0},
            ],
        },
        "rises": {"b": 0.1},
    }


def test_trainings_are_counted_at_their_most():
    # a target: a race of 7 sets and 4 left out once, 3 seeds each; 5 arms and 3 of 10 draws, 5 seeds;
    # beside that 5 tasks apart and one joint model, 3 times
    assert contest.trainings(2, 4, 5, ways=1, draws=10) == 2 * (3 * (7 + 4) + 35 * 5) + 3 * 5
