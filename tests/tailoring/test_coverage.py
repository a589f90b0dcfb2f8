from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tailoring.coverage import rank_greedily


def worth(chosen, scores, affinity, balance):
    """The worth of a set, straight from its definition."""
    top = max(scores.values())
    own = sum(max(0.0, scores[c]) / top if top > 0 else 0.0 for c in chosen)
    positive = np.concatenate(list(affinity.values()))
    positive = positive[positive > 0]
    scale = positive.mean() if len(positive) else 1.0
    total = sum((affinity[c] for c in chosen), np.zeros(len(next(iter(affinity.values())))))
    return balance * own + (1 - balance) * np.log1p(total / scale).mean()


@st.composite
def candidates(draw):
    names = "abcde"[: draw(st.integers(1, 5))]
    number = st.integers(-3, 6)
    scores = {name: draw(number) / 4 for name in names}
    rows = draw(st.integers(1, 4))
    affinity = {
        name: np.array([max(0, draw(number)) for _ in range(rows)], dtype=float) for name in names
    }
    return scores, affinity, draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))


@settings(deadline=None, max_examples=60)
@given(candidates())
def test_greedy_is_near_the_best_set_of_every_size(drawn):
    scores, affinity, balance = drawn
    steps = rank_greedily(scores, affinity, balance=balance)
    for k in range(1, len(scores) + 1):
        got = worth([step.task for step in steps[:k]], scores, affinity, balance)
        best = max(worth(c, scores, affinity, balance) for c in combinations(scores, k))
        assert got >= (1 - 1 / np.e) * best - 1e-12
        # the steps' own words add up to the worth of the set
        assert sum(step.worth for step in steps[:k]) == pytest.approx(got, abs=1e-9)
        assert steps[k - 1].worth == pytest.approx(steps[k - 1].own + steps[k - 1].covered)


@settings(deadline=None, max_examples=30)
@given(candidates(), st.randoms())
def test_the_sequence_of_candidates_does_not_matter(drawn, random):
    scores, affinity, balance = drawn
    names = list(scores)
    random.shuffle(names)
    turned = rank_greedily(
        {name: scores[name] for name in names},
        {name: affinity[name] for name in names},
        balance=balance,
    )
    assert [s.task for s in turned] == [
        s.task for s in rank_greedily(scores, affinity, balance=balance)
    ]


def test_two_steps_by_hand():
    scores = {"a": 2.0, "b": 1.0}
    affinity = {"a": np.array([1.0, 0.0]), "b": np.array([1.0, 0.0])}
    first, second = rank_greedily(scores, affinity)
    assert (first.task, second.task) == ("a", "b")
    assert (first.own, second.own) == (0.5, 0.25)
    assert first.covered == pytest.approx(0.5 * np.log(2) / 2)
    assert second.covered == pytest.approx(0.5 * np.log(3 / 2) / 2)


def test_a_near_duplicate_earns_little_and_what_no_one_covers_much():
    scores = {"first": 1.0, "twin": 0.99, "other": 0.7}
    left, right = np.array([3.0, 3.0, 0.0, 0.0]), np.array([0.0, 0.0, 3.0, 3.0])
    affinity = {"first": left, "twin": left * 0.99, "other": right}
    assert [step.task for step in rank_greedily(scores, affinity, balance=0.3)] == [
        "first", "other", "twin",
    ]  # fmt: skip
    assert [step.task for step in rank_greedily(scores, affinity, balance=1.0)] == [
        "first", "twin", "other",
    ]  # fmt: skip


def test_ties_go_by_score_then_by_name():
    same = np.ones(2)
    assert [s.task for s in rank_greedily({"b": 1.0, "ab": 1.0, "a": 1.0}, {})] == ["a", "ab", "b"]
    covering = {"a": same, "b": same}
    assert [s.task for s in rank_greedily({"a": 0.0, "b": 0.5}, covering, balance=0.0)] == [
        "b",
        "a",
    ]


def test_units_do_not_matter():
    scores = {"a": 0.2, "b": 0.4, "c": 0.3}
    affinity = {name: np.array([i, 2.0, 1.0]) for i, name in enumerate(scores)}
    big = rank_greedily(
        {k: 10 * v for k, v in scores.items()}, {k: 100 * v for k, v in affinity.items()}
    )
    assert [s.task for s in big] == [s.task for s in rank_greedily(scores, affinity)]
    assert [s.worth for s in big] == pytest.approx(
        [s.worth for s in rank_greedily(scores, affinity)]
    )
