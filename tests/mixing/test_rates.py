import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.mixture_card import MixtureTask, Sampling
from pipeline.errors import MixtureError
from pipeline.mixing.rates import check_rate, positions, rates, shares, size_rate

SIZES = {"big": 10_000, "mid": 400, "small": 25}
PLAIN = {name: MixtureTask() for name in SIZES}


def test_proportional_rates_are_the_sizes():
    sampling = Sampling(strategy="proportional", rows=10)
    assert rates(SIZES, PLAIN, sampling) == {"big": 10_000.0, "mid": 400.0, "small": 25.0}


def test_a_cap_bounds_the_size_before_anything_else():
    sampling = Sampling(strategy="proportional", cap=100, rows=10)
    assert rates(SIZES, PLAIN, sampling) == {"big": 100.0, "mid": 100.0, "small": 25.0}


def test_temperature_takes_the_capped_size_to_the_power_one_over_t():
    sampling = Sampling(strategy="temperature", temperature=2.0, cap=400, rows=10)
    assert rates(SIZES, PLAIN, sampling) == {"big": 20.0, "mid": 20.0, "small": 5.0}


def test_size_rate_scales_then_caps_then_takes_the_root():
    assert size_rate(100, scale=4.0, cap=256, temperature=4.0) == 4.0
    assert size_rate(100, scale=0.5, cap=256) == 50.0


def test_a_weight_multiplies_the_rate_that_the_strategy_gives():
    tasks = PLAIN | {"mid": MixtureTask(weight=3.0)}
    sampling = Sampling(strategy="temperature", temperature=2.0, rows=10)
    assert rates(SIZES, tasks, sampling)["mid"] == 60.0
    assert rates(SIZES, tasks, Sampling(strategy="equal", rows=10)) == {
        "big": 1.0,
        "mid": 3.0,
        "small": 1.0,
    }


def test_weights_and_counts_ignore_sizes():
    weighted = {"big": MixtureTask(weight=0.5), "small": MixtureTask(weight=2.0)}
    assert rates(SIZES, weighted, Sampling(strategy="weights", rows=10)) == {
        "big": 0.5,
        "small": 2.0,
    }
    counted = {"big": MixtureTask(count=7), "small": MixtureTask(count=0)}
    assert rates(SIZES, counted, Sampling(strategy="counts")) == {"big": 7.0, "small": 0.0}


@pytest.mark.parametrize("strategy", ["proportional", "equal"])
def test_a_task_without_rows_is_refused_by_name_and_told_what_to_do(strategy):
    with pytest.raises(MixtureError) as caught:
        rates(SIZES | {"small": 0}, PLAIN, Sampling(strategy=strategy, rows=10))
    assert str(caught.value) == (
        "tasks.small: task 'small' is in the mixture but has no train rows\n"
        "  to do: see curation/drops.parquet for where its rows went, or take the task out"
    )


def test_a_count_of_0_needs_no_rows():
    sampling = Sampling(strategy="counts")
    assert rates({"a": 0}, {"a": MixtureTask(count=0)}, sampling) == {"a": 0.0}


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0])
def test_a_rate_that_is_no_number_is_refused_by_name(rate):
    with pytest.raises(MixtureError, match=f"the rate of task 'mid' is {rate}"):
        check_rate("mid", rate)
    with pytest.raises(MixtureError, match="the rate of task 'mid'"):
        shares({"big": 1.0, "mid": rate})


def test_a_weight_that_overflows_is_refused_by_name():
    tasks = PLAIN | {"mid": MixtureTask(weight=1e308)}
    with pytest.raises(MixtureError, match="the rate of task 'mid' is inf"):
        rates(SIZES, tasks, Sampling(strategy="proportional", rows=10))


def test_a_temperature_that_overflows_is_refused_by_name():
    sampling = Sampling(strategy="temperature", temperature=1e-3, rows=10)
    with pytest.raises(MixtureError, match="the rate of task 'big' is inf"):
        rates(SIZES, PLAIN, sampling)


def test_the_smallest_weight_is_kept():
    tiny = {"a": MixtureTask(weight=5e-324)}
    assert rates({"a": 3}, tiny, Sampling(strategy="equal", rows=1)) == {"a": 5e-324}


def test_shares_sum_to_1_also_for_rates_near_the_ends_of_a_double():
    assert shares({"a": 1.0, "b": 3.0}) == {"a": 0.25, "b": 0.75}
    assert shares({"a": 1.5e308, "b": 1.5e308}) == {"a": 0.5, "b": 0.5}
    assert shares({"a": 1e-300, "b": 1e300}) == {"a": 0.0, "b": 1.0}


def test_a_mixture_that_draws_nothing_is_refused():
    with pytest.raises(MixtureError, match="no task of the mixture is drawn"):
        shares({"a": 0.0})
    with pytest.raises(MixtureError, match="the mixture has no rows"):
        positions({"a": 9}, {"a": 0.0}, Sampling(strategy="counts"))
    with pytest.raises(MixtureError, match="the mixture has no rows"):
        positions({"a": 9}, {"a": 9.0}, Sampling(strategy="equal", epochs=0.01))


@pytest.mark.parametrize(
    ("sampling", "total"),
    [
        (Sampling(strategy="equal", rows=123), 123),
        (Sampling(strategy="equal", epochs=1.0), 10_425),
        (Sampling(strategy="equal", epochs=0.1), 1_043),  # 1042.5: a half rounds up
        (Sampling(strategy="proportional", cap=5, epochs=2.0), 20_850),
    ],
)
def test_positions_follow_rows_or_epochs(sampling, total):
    assert positions(SIZES, rates(SIZES, PLAIN, sampling), sampling) == total


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
    assert math.isclose(math.fsum(shares(weights).values()), 1.0, abs_tol=1e-12)
