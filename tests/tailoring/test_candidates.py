"""What is known of candidates, from tiny tasks whose relations are known."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy import readings
from pipeline.relationships.proxy.tasks import FeatureTask
from pipeline.relationships.proxy.training import ProxyRecipe, TrainingBudget
from pipeline.relationships.scorers.gradient import GradientCosine
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.relationships.scores import Provenance, ScoreMatrix
from pipeline.tailoring.candidates import find_candidates, gather_facts

BUDGET = TrainingBudget(seeds=2, recipe=ProxyRecipe(steps=40, batch=16, hidden=4))
WAYS = {"apple": (1.0, 0.0), "berry": (0.9, 0.3), "doubt": (-1.0, 0.0)}


def evidence(names=tuple(WAYS), *, rows=60):
    found = {}
    for name in names:
        rng = np.random.default_rng(len(name) + ord(name[0]))
        x = rng.normal(size=(rows, 2, 2)).astype(np.float32)
        found[name] = FeatureTask(
            name=name,
            features_OD=x.reshape(-1, 2),
            first=np.arange(0, 2 * rows + 1, 2),
            gold=(x @ np.array(WAYS[name])).argmax(axis=1).astype(np.int64),
        )
    return Evidence(tasks=tuple(names), features=found)


def matrix_of(*, signed=False, se=0.1, more=()):
    names = (*WAYS, *more)
    values = np.linspace(0.1, 0.9, len(names) ** 2).reshape(len(names), -1)
    return ScoreMatrix(
        sources=names,
        targets=names,
        values_ST=values,
        se_ST=None if se is None else np.full_like(values, se),
        directional=True,
        unit="similarity",
        signed=signed,
        provenance=Provenance(scorer="toy", version="1", seed=0, inputs={}, cost={}),
    )


@pytest.fixture(scope="module")
def facts():
    found = evidence()
    return gather_facts(found, SourceHead().fit(found, BUDGET, seed=3), BUDGET, seed=3)


def test_a_foe_has_a_sign_in_its_score_and_in_its_gradients(facts):
    found = find_candidates(facts, "apple", leaked={"berry": 0.25})
    assert list(found.scores) == ["berry", "doubt"]
    friend, foe = found.signs["berry"], found.signs["doubt"]
    assert foe.value < 0.0 < friend.value == found.scores["berry"]
    assert foe.negative_rows > 0.8 > 0.2 > friend.negative_rows
    assert (friend.leaked, foe.leaked) == (0.25, None)
    assert friend.se is not None
    assert found.affinity["berry"].sum() > found.affinity["doubt"].sum() == pytest.approx(0, abs=1)


def test_shares_of_rows_are_those_of_the_gradient_scorer(facts):
    every = GradientCosine().fit(evidence(), BUDGET, seed=3).extras["negative_rows"]
    found = find_candidates(facts, "doubt").signs
    assert [found[task].negative_rows for task in ("apple", "berry")] == [every[0][2], every[1][2]]


def test_affinities_are_falls_of_the_rows_own_losses(facts):
    got = find_candidates(facts, "apple").affinity["berry"]
    assert got.shape == readings.take_probe(facts.trained.pool, 0, seed=3).gold_MB[0].shape
    assert (got >= 0.0).all()


@pytest.mark.parametrize("signed", [True, False])
def test_only_a_score_whose_sign_means_something_is_evidence_of_harm(facts, signed):
    told = replace(facts, scores=matrix_of(signed=signed))
    found = find_candidates(told, "apple")
    value = found.scores["berry"]
    assert (found.signs["berry"].value, found.signs["berry"].se) == (
        (value, pytest.approx(0.1)) if signed else (None, None)
    )
    without = replace(facts, scores=matrix_of(signed=True, se=None))
    assert find_candidates(without, "apple").signs["berry"].se is None


def test_tasks_that_were_scored_and_have_no_features_are_no_candidates(facts):
    told = replace(facts, scores=matrix_of(more=("zebra",)))
    assert list(find_candidates(told, "apple").scores) == ["berry", "doubt"]


def test_the_sequence_of_tasks_does_not_matter(facts):
    found = evidence(tuple(WAYS)[::-1])
    turned = gather_facts(found, facts.scores, BUDGET, seed=3)
    one, other = find_candidates(facts, "apple"), find_candidates(turned, "apple")
    assert one.signs == other.signs
    for task in one.affinity:
        np.testing.assert_array_equal(one.affinity[task], other.affinity[task])
