"""Metrics against hand-computed cases, ties, and brute force over all ways to break them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.relationships.agreement import ranking

GAINS = np.array([4.0, 1.0, -2.0])


def arrays(*values):
    return np.array(values, dtype=np.float64)


def test_ranks_of_ties_are_their_mean():
    assert ranking.mean_ranks(arrays(5, 1, 5, 9)).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_spearman_by_hand():
    # ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * 2 / (4 * 15)
    assert ranking.spearman(arrays(1, 2, 3, 4), arrays(10, 30, 20, 40)) == pytest.approx(0.8)
    assert ranking.spearman(arrays(3, 2, 1), GAINS) == pytest.approx(1.0)
    assert ranking.spearman(arrays(1, 1, 1), GAINS) == 0.0
    assert np.isnan(ranking.spearman(GAINS, arrays(1, 1, 1)))


def test_kendall_by_hand():
    # 6 pairs, one discordant
    assert ranking.kendall(arrays(1, 2, 3, 4), arrays(10, 30, 20, 40)) == pytest.approx(4 / 6)
    # tau-b: 2 untied pairs of scores, both concordant: 2 / sqrt(2 * 3)
    assert ranking.kendall(arrays(1, 1, 0), GAINS) == pytest.approx(2 / np.sqrt(6))
    assert ranking.kendall(arrays(1, 1, 1), GAINS) == 0.0
    assert np.isnan(ranking.kendall(GAINS, arrays(1, 1, 1)))


def test_ndcg_by_hand():
    discounts = 1 / np.log2(arrays(2, 3, 4))
    # gains 7, 3, 1 for the best, second and third; the scores name the second first
    ideal = discounts @ arrays(7, 3, 1)
    got = discounts @ arrays(3, 7, 1)
    assert ranking.ndcg_exponential(arrays(1, 2, 0), GAINS) == pytest.approx(got / ideal)
    # above the worst: 6, 3, 0
    ideal = discounts @ arrays(6, 3, 0)
    got = discounts @ arrays(3, 6, 0)
    assert ranking.ndcg_linear(arrays(1, 2, 0), GAINS) == pytest.approx(got / ideal)
    assert np.isnan(ranking.ndcg_linear(arrays(1, 2, 0), arrays(2, 2, 2)))


def test_exponential_ndcg_of_many_sources_does_not_overflow():
    gains = np.arange(1500.0)
    assert ranking.ndcg_exponential(gains, gains) == pytest.approx(1.0)


def test_top_k_by_hand():
    scores = arrays(1, 3, 2)
    assert ranking.gain_at(scores, GAINS, 1) == 1.0
    assert ranking.gain_at(scores, GAINS, 2) == -0.5
    assert ranking.gain_at(scores, GAINS, 9) == 1.0
    assert ranking.harmful_at(scores, GAINS, 2) == 0.5
    assert ranking.regret_of_mean(scores, GAINS, 2) == pytest.approx(2.5 + 0.5)
    assert ranking.regret_of_best(scores, GAINS, 2) == 3.0
    assert ranking.regret_of_best(scores, GAINS, 3) == 0.0


def test_sign_auc_by_hand():
    gains = arrays(1, 2, -1, -2)
    assert ranking.sign_auc(arrays(3, 4, 1, 2), gains) == 1.0
    assert ranking.sign_auc(arrays(1, 2, 3, 4), gains) == 0.0
    assert ranking.sign_auc(arrays(0, 0, 0, 0), gains) == 0.5
    assert np.isnan(ranking.sign_auc(arrays(1, 2), arrays(1, 2)))


METRICS = [
    ranking.ndcg_exponential,
    ranking.ndcg_linear,
    *(
        lambda s, g, f=f, k=k: f(s, g, k)
        for f in (
            ranking.gain_at,
            ranking.harmful_at,
            ranking.regret_of_mean,
            ranking.regret_of_best,
        )
        for k in (1, 2, 4)
    ),
]


@pytest.mark.parametrize("metric", METRICS)
@given(
    scores=st.lists(st.integers(0, 2), min_size=5, max_size=5),
    gains=st.lists(st.integers(-3, 3), min_size=5, max_size=5, unique=True),
)
@settings(max_examples=12, deadline=None)
def test_ties_are_the_mean_over_all_ways_to_break_them(metric, scores, gains):
    scores, gains = arrays(*scores), arrays(*gains)
    broken = [metric(scores + arrays(*order) / 100, gains) for order in permutations(range(5))]
    assert metric(scores, gains) == pytest.approx(np.mean(broken))


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_the_sequence_of_sources_does_not_matter(pairs, random):
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    for metric in [*METRICS, ranking.spearman, ranking.kendall, ranking.sign_auc]:
        one, two = (metric(*np.array(p, dtype=float).T) for p in (pairs, shuffled))
        assert one == pytest.approx(two, nan_ok=True)
