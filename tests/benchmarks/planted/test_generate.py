"""The planted levels are what they say, and stay what they are."""

import numpy as np
import pytest

from benchmarks.planted.generate import CLUSTERS, DOMAINS, generate, targets
from benchmarks.planted.levels import LEVELS
from benchmarks.planted.truth import content_hash

FROZEN = {
    "easy": "9f5516e9653224073137901bf65ede0aa3b874f7dcf65bbd3cfe23988ff4a70f",
    "middle": "4facd2df7bb7ae2637e0729143358f6a0d9c8c1130567281400d5c7a5e2f3fb4",
    "hard": "c7b4d6c04e02ec2add8dcf747d8f31ff26f27336dc0f28533b0c3b599d959810",
    "no_friends": "30b0190fc5841ffaff1bf04f345c3a7725bc8e8e4f909772899561bae3c99ba8",
}
"""Frozen before any scorer was tuned on them."""


@pytest.fixture(scope="module")
def middle():
    return generate(LEVELS["middle"], seed=0)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_is_frozen(level):
    assert content_hash(generate(LEVELS[level], seed=0)) == FROZEN[level], (
        "another content is another benchmark: give it another level name, and keep this one"
    )


def test_another_seed_is_another_benchmark():
    assert content_hash(generate(LEVELS["middle"], seed=1)) != FROZEN["middle"]


def test_domain_and_skill_are_crossed(middle):
    ordinary = [task for task in middle if task.kind == "ordinary"]
    assert len(ordinary) == CLUSTERS * DOMAINS
    own = [int(np.argmax(task.direction[1 : 1 + CLUSTERS])) for task in ordinary]
    pairs = {(cluster, task.domain) for cluster, task in zip(own, ordinary, strict=True)}
    assert len(pairs) == CLUSTERS * DOMAINS
    assert len(targets(middle)) == 15


def test_the_special_tasks(middle):
    by_name = {task.name: task for task in middle}
    twin = by_name["twin"]
    of = by_name["task_01"]
    assert np.array_equal(twin.direction, -of.direction)
    assert (twin.domain, twin.family) == (of.domain, of.family)
    assert by_name["duplicate"].texts == by_name["task_02"].texts
    assert np.array_equal(by_name["duplicate"].train.gold, by_name["task_02"].train.gold)
    leaked = by_name["task_09"]
    assert by_name["leak"].texts[:100] == leaked.dev_texts
    assert by_name["leak"].texts[100:] == leaked.report_texts[:150]
    assert not by_name["noise"].direction.any()
    assert by_name["huge"].direction @ of.direction == 0.0
    assert len(by_name["huge"].train) == 4000


def test_golds_follow_the_direction(middle):
    task = next(task for task in middle if task.name == "huge")
    counts = np.diff(task.report.first)
    assert set(counts) == {2 + task.domain % 3}
    chance = 1 / counts[0]
    assert (task.report.gold == 0).mean() == pytest.approx(chance, abs=0.05)


def test_words_tell_domains_and_not_skills(middle):
    by_name = {task.name: task for task in middle}

    def bag(name):
        counts = np.zeros(240)
        for text in by_name[name].report_texts:
            np.add.at(counts, [int(word[1:]) for word in text.split()], 1)
        return counts / np.linalg.norm(counts)

    # task_00 and task_06 share the domain, task_00 and task_01 the cluster
    assert bag("task_00") @ bag("task_06") > 0.95 > bag("task_00") @ bag("task_01")
