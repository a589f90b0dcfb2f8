"""Evidence against its definition, the H-score by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.scorers.logme import HScore, LogME, h_score, log_evidence


def definition(features, gold, alpha, beta):
    """(1/n) log N(y; 0, I / beta + F F' / alpha), straight from the model."""
    size = len(gold)
    covariance = np.eye(size) / beta + features @ features.T / alpha
    _, log_determinant = np.linalg.slogdet(covariance)
    fit = gold @ np.linalg.solve(covariance, gold)
    return -(size * np.log(2 * np.pi) + log_determinant + fit) / (2 * size)


def best_on_a_grid(features, gold):
    """The highest evidence on a grid of alpha and beta that is refined around its best point."""
    centre, width = np.zeros(2), 14.0
    best = -np.inf
    for _ in range(12):
        points = np.linspace(-width, width, 21)
        for a in centre[0] + points:
            for b in centre[1] + points:
                value = definition(features, gold, np.exp(a), np.exp(b))
                if value > best:
                    best, found = value, np.array([a, b])
        centre, width = found, width / 3
    return best


@pytest.mark.parametrize(
    ("rows", "width", "signal"), [(12, 2, 1.0), (12, 2, 0.2), (6, 9, 1.0), (15, 4, 3.0)]
)
def test_it_is_the_maximum_of_the_evidence_by_its_definition(rows, width, signal):
    rng = np.random.default_rng(rows + width)
    features = rng.normal(size=(rows, width))
    gold = signal * features @ rng.normal(size=width) + rng.normal(size=rows)
    expected = best_on_a_grid(features, gold)
    assert log_evidence(features, gold) == pytest.approx(expected, abs=1e-4)


def test_features_that_explain_nothing_are_as_good_as_none():
    gold = np.array([1.0, -1.0, 1.0, -1.0])
    noise_alone = -(np.log(2 * np.pi) + 1.0) / 2  # y ~ N(0, 1)
    orthogonal = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    assert log_evidence(orthogonal, gold) == pytest.approx(noise_alone, abs=1e-6)
    assert log_evidence(np.zeros((4, 3)), gold) == pytest.approx(noise_alone, abs=1e-6)


def test_more_signal_is_more_evidence_and_the_sign_does_not_count():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, 3))
    clean, noise = features[:, 0], rng.normal(size=40)
    strong, weak = (log_evidence(features, clean + s * noise) for s in (0.1, 1.0))
    assert strong > weak
    assert log_evidence(-features, clean) == pytest.approx(log_evidence(features, clean))


def test_h_score_of_one_feature_by_hand():
    features = np.array([[0.0], [0.0], [1.0], [3.0]])
    gold = np.array([-0.5, -0.5, 0.5, 0.5])
    # deviations -1 -1 0 2: variance 3/2; class means -1 and 1: variance 1; ridge 0.001 * 3/2
    assert h_score(features, gold) == pytest.approx(1.0 / 1.5015)
    assert h_score(features[:, [0, 0]] * [1.0, 2.0], gold) == pytest.approx(1 / 1.5, abs=1e-3)


def test_h_score_is_the_explained_share():
    rng = np.random.default_rng(2)
    features, gold = rng.normal(size=(200, 4)), np.tile([0.5, -0.5], 100)
    features[:, 0] += gold
    mean = features - features.mean(axis=0)
    beta = np.linalg.lstsq(mean, gold, rcond=None)[0]
    explained = 1.0 - ((gold - mean @ beta) ** 2).sum() / (gold**2).sum()
    assert h_score(features, gold) == pytest.approx(explained, rel=5e-3)


@pytest.mark.parametrize("formula", [log_evidence, h_score])
def test_golds_that_do_not_vary_give_no_score(formula):
    assert np.isnan(formula(np.ones((3, 2)), np.zeros(3)))
    assert np.isnan(formula(np.zeros((0, 2)), np.zeros(0)))


@pytest.mark.parametrize("scorer", [LogME(), HScore()])
def test_a_related_source_explains_more_than_an_unrelated_one(toy, budget, scorer):
    # one unit: two would span so much of three features that any source explained all
    budget = replace(budget, recipe=replace(budget.recipe, hidden=1, steps=150))
    column = scorer.fit(toy, budget, seed=3).column("apple")
    assert min(column["berry"], column["doubt"]) > column["chalk"]
    assert scorer.cost(toy, budget).runs == 8
