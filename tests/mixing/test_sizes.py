"""Each stop rule against a walk through mixtures of 1, 2, 3, ... rows; rows of phases."""

from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.sampling import Phase, Sampling
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import quotas, shares
from pipeline.mixing.sizes import given_size, phase_rows, phase_shares, stop_size

TASKS = st.dictionaries(
    st.sampled_from("abcde"),
    st.tuples(st.integers(1, 12), st.sampled_from([0.1, 0.25, 1 / 3, 0.7, 1.0, 2.0, 5.0])),
    min_size=1,
)


def walked(stop, share, rows):
    """Let the mixture grow row by row until the rule ends it."""
    for size in count(1):
        if stop == "first_exhausted" and any((size + 1) * share[t] > rows[t] for t in rows):
            return size
        if stop == "all_seen" and all(size * share[t] >= rows[t] for t in rows):
            return size
    raise AssertionError


@given(TASKS, st.sampled_from(["first_exhausted", "all_seen"]))
@settings(deadline=None)
def test_a_rule_ends_where_a_growing_mixture_meets_it(tasks, stop):
    rows = {task: size for task, (size, _) in tasks.items()}
    rates = {task: weight for task, (_, weight) in tasks.items()}
    share = shares(rates)
    size = stop_size(stop, share, rows)
    assert size == walked(stop, share, rows)
    drawn = quotas(rates, total=size)
    if stop == "first_exhausted":  # no row is repeated
        assert all(drawn[task] <= rows[task] for task in rows)
    else:  # no row is left out
        assert all(drawn[task] >= rows[task] for task in rows)


def test_equal_shares_end_with_the_smallest_task_or_with_the_largest():
    share = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    assert stop_size("first_exhausted", share, {"a": 3, "b": 100}) == 6
    assert stop_size("all_seen", share, {"a": 3, "b": 100}) == 200
    assert stop_size("exactly_once", share, {"a": 3, "b": 100}) == 103


def test_a_share_of_a_billionth_is_no_loop():
    share = shares({"a": 1e-9, "b": 1.0})
    assert stop_size("all_seen", share, {"a": 1, "b": 5}) == 1_000_000_001
    assert stop_size("first_exhausted", share, {"a": 1, "b": 5}) == 5


def test_tasks_that_are_not_drawn_do_not_count():
    share = {"a": Fraction(1), "b": Fraction(0)}
    assert stop_size("all_seen", share, {"a": 3, "b": 100}) == 3


def test_a_rule_without_a_size_is_refused():
    with pytest.raises(MixtureError, match="stop 'fixed' needs a size"):
        stop_size("fixed", {"a": Fraction(1)}, {"a": 3})


@pytest.mark.parametrize(
    ("sampling", "total"),
    [
        (Sampling(strategy="equal", rows=123), 123),
        (Sampling(strategy="equal", epochs=1.0), 10_425),
        (Sampling(strategy="equal", epochs=0.1), 1_043),  # 1042.5: a half rounds up
        (Sampling(strategy="proportional", cap=5, epochs=2.0), 20_850),
        (Sampling(strategy="proportional", cap=500, passes=2.0), 1_850),
        (Sampling(strategy="proportional", passes=0.1), 93),  # 92.5
        (Sampling(strategy="proportional", stop="all_seen"), None),
    ],
)
def test_a_size_is_given_as_rows_epochs_or_passes(sampling, total):
    rates = {"big": Fraction(500), "mid": Fraction(400), "small": Fraction(25)}
    assert given_size(sampling, 10_425, rates) == total


def shared(*shares):
    return [Phase(name=f"p{i}", share=share) for i, share in enumerate(shares)]


def test_shares_become_rows_by_largest_remainder_and_ties_go_to_the_earlier():
    assert phase_rows(shared(0.5, 0.5), 101) == [51, 50]
    assert phase_rows(shared(0.2, 0.3, 0.5), 7) == [1, 2, 4]  # 1.4, 2.1, 3.5


def test_a_phase_without_share_or_rows_takes_the_rest():
    assert phase_rows(shared(0.25, None), 10) == [3, 7]
    assert phase_shares(shared(0.1, None, 0.2)) == [
        Fraction(1, 10), Fraction(7, 10), Fraction(1, 5),
    ]  # fmt: skip
    phases = [Phase(name="a", rows=30), Phase(name="b")]
    assert phase_rows(phases, 100) == [30, 70]


def test_rows_stand_as_given():
    assert phase_rows([Phase(name="a", rows=30), Phase(name="b", rows=5)], None) == [30, 5]


def test_no_phases_are_one():
    assert phase_rows([], 9) == [9]
    assert phase_shares([]) == [1]


@pytest.mark.parametrize(
    ("phases", "total", "message"),
    [
        (shared(0.001, None), 10, "phases.p0: phase 'p0' has 0 of the 10 rows of the mixture"),
        ([Phase(name="a", rows=30), Phase(name="b")], 20, "phases.b: phase 'b' has -10 of the 20"),
    ],
)
def test_a_phase_without_a_row_is_refused_by_name(phases, total, message):
    with pytest.raises(MixtureError, match=message):
        phase_rows(phases, total)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(1000, 10**9))
def test_phases_are_exact_and_within_one_row(parts, total):
    shares = [round(part / sum(parts), 6) for part in parts[:-1]]
    phases = shared(*shares, None)
    rows = phase_rows(phases, total)
    assert sum(rows) == total
    exact = phase_shares(phases)
    assert all(abs(got - total * share) < 1 for got, share in zip(rows, exact, strict=True))
