import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.strategies.base import check_rate, decimal, rounded
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import check_quotas, quotas, shares

NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
RATES = st.dictionaries(
    NAMES, st.floats(0.0, 1e12, allow_nan=False) | st.sampled_from([1e-9, 1e-300, 1e300, 5e-324]),
    min_size=1, max_size=40,
)  # fmt: skip


def test_the_largest_remainders_get_what_is_left():
    assert quotas({"a": 5.0, "b": 3.0, "c": 2.0}, total=7) == {"a": 4, "b": 2, "c": 1}
    # exact: 3.5, 2.1, 1.4 -> a has the largest remainder


def test_ties_go_by_name_whatever_the_order_on_the_card():
    assert quotas({"c": 1.0, "b": 1.0, "a": 1.0}, total=2) == {"a": 1, "b": 1, "c": 0}


def test_decimals_mean_what_was_written():
    # one tenth and three tenths of 2: 0.5 and 1.5, a tie, though 0.1 * 3 != 0.3 in binary
    assert quotas({"b": 0.1, "a": 0.3}, total=2) == {"a": 2, "b": 0}
    assert quotas({"a": 0.1, "b": 0.3}, total=2) == {"a": 1, "b": 1}
    assert decimal(0.1) == Fraction(1, 10)


def test_a_rate_of_0_gets_nothing():
    assert quotas({"a": 0.0, "b": 1e-300}, total=3) == {"a": 0, "b": 3}
    assert quotas({"a": 0.0}, total=0) == {"a": 0}
    with pytest.raises(MixtureError, match="3 rows cannot be split: all rates are 0"):
        quotas({"a": 0.0}, total=3)


@given(RATES, st.integers(0, 10**12))
def test_quotas_sum_exactly_and_are_less_than_one_row_off(rates, total):
    whole = sum(map(decimal, rates.values()))
    if not whole:
        return
    got = quotas(rates, total=total)
    assert sum(got.values()) == total
    assert list(got) == sorted(rates)
    for name, quota in got.items():
        assert abs(quota - total * decimal(rates[name]) / whole) < 1


@given(RATES.filter(lambda rates: any(rates.values())), st.integers(0, 10**6), st.randoms())
def test_quotas_do_not_depend_on_the_order_of_tasks(rates, total, random):
    names = list(rates)
    random.shuffle(names)
    assert quotas({name: rates[name] for name in names}, total=total) == quotas(rates, total=total)


def test_a_thousand_tasks_are_split_exactly():
    rates = {f"task{i:04}": (i + 1) ** (1 / 3) for i in range(1000)}
    got = quotas(rates, total=10**9 + 7)
    assert sum(got.values()) == 10**9 + 7
    assert min(got.values()) > 0


@pytest.mark.parametrize(
    ("factor", "rows", "expected"),
    [(0.5, 5, 3), (1.1, 10**12, 1_100_000_000_000), (0.1, 5, 1), (0.1, 4, 0), (2.0, 7, 14)],
)
def test_rounded_is_exact_and_rounds_a_half_up(factor, rows, expected):
    assert rounded(factor, rows) == expected


def test_256_epochs_are_allowed_and_one_row_more_is_refused_in_words():
    check_quotas({"a": 2560}, {"a": 10})
    with pytest.raises(MixtureError) as caught:
        check_quotas({"a": 2561}, {"a": 10})
    assert str(caught.value) == (
        "tasks.a: task 'a' would be repeated 256 times: 2561 rows drawn of 10\n"
        "  expected: at most 256 epochs of a task\n"
        "  to do: lower its weight, or the mixture's rows"
    )


def test_a_quota_without_rows_is_refused_by_name():
    with pytest.raises(MixtureError, match="3 rows are to be drawn of task 'a', which has none"):
        check_quotas({"a": 3}, {"a": 0})
    check_quotas({"a": 0}, {"a": 0})


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0])
def test_a_rate_that_is_no_number_is_refused_by_name(rate):
    with pytest.raises(MixtureError, match=f"the rate of 'mid' is {rate}"):
        check_rate("mid", rate)
    with pytest.raises(MixtureError, match="the rate of 'mid'"):
        shares({"big": 1.0, "mid": rate})


def test_shares_sum_to_1_exactly_also_for_rates_near_the_ends_of_a_double():
    assert shares({"a": 1.0, "b": 3.0}) == {"a": Fraction(1, 4), "b": Fraction(3, 4)}
    assert shares({"a": 1.5e308, "b": 1.5e308}) == {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    tiny = shares({"a": 1e-300, "b": 1e300})
    assert tiny["a"] == Fraction(1, 10**600 + 1)
    assert sum(tiny.values()) == 1


def test_a_level_that_draws_nothing_is_refused():
    with pytest.raises(MixtureError, match="no task of the mixture is drawn"):
        shares({"a": 0.0})


@given(
    st.dictionaries(st.text("abc", min_size=1), st.floats(1e-9, 1e9), min_size=1),
    st.randoms(),
)
def test_shares_do_not_depend_on_the_order_in_which_tasks_are_written(weights, random):
    names = list(weights)
    random.shuffle(names)
    shuffled = {name: weights[name] for name in names}
    assert shares(shuffled) == shares(weights)
    assert list(shares(shuffled)) == sorted(weights)
    assert sum(shares(weights).values()) == 1
