"""Each stop rule against a walk through mixtures of 1, 2, 3, ... rows."""

from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.sampling import Sampling
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import quotas
from pipeline.mixing.rates import shares
from pipeline.mixing.stop import stop_size, told_size

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
def test_a_size_is_told_as_rows_epochs_or_passes(sampling, total):
    rates = {"big": Fraction(500), "mid": Fraction(400), "small": Fraction(25)}
    assert told_size(sampling, 10_425, rates) == total
