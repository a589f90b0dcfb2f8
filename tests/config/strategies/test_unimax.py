from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.strategies.unimax import unimax

SIZES = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 10**6), min_size=1)


def test_what_small_tasks_cannot_take_goes_to_the_larger_ones_in_equal_parts():
    sizes = {"huge": 10_000, "large": 5_000, "mid": 100, "small": 10}
    # offered 1,000 each: small takes 40 and leaves 960, mid takes 400; 3,560 are left for two
    got = unimax(sizes, budget=Fraction(4_000), max_epochs=4)
    assert got == {"huge": 1_780, "large": 1_780, "mid": 400, "small": 40}


def test_it_is_even_where_no_limit_binds():
    got = unimax({"a": 100, "b": 7, "c": 9}, budget=Fraction(20), max_epochs=1)
    assert got == {"a": Fraction(20, 3), "b": Fraction(20, 3), "c": Fraction(20, 3)}


def test_limits_are_whole_rows():
    got = unimax({"a": 3, "b": 100}, budget=Fraction(50), max_epochs=1.5)
    assert got == {"a": 4, "b": 46}


def test_a_budget_beyond_all_limits_leaves_every_task_at_its_limit():
    got = unimax({"a": 3, "b": 10}, budget=Fraction(1000), max_epochs=2)
    assert got == {"a": 6, "b": 20}


@given(SIZES, st.integers(1, 10**8), st.sampled_from([0.5, 1.0, 1.5, 4.0, 100.0]))
def test_no_task_is_beyond_its_limit_and_all_of_the_budget_is_given_where_limits_allow(
    sizes, budget, max_epochs
):
    got = unimax(sizes, budget=Fraction(budget), max_epochs=max_epochs)
    most = {name: int(max_epochs * size) for name, size in sizes.items()}
    assert all(0 <= got[name] <= most[name] for name in sizes)
    assert sum(got.values()) == min(budget, sum(most.values()))
    # as even as can be: who gets less than another is at the limit
    largest = max(got.values())
    assert all(got[name] in (largest, most[name]) for name in sizes)
    assert list(got) == sorted(sizes)


@given(SIZES, st.integers(1, 10**6), st.randoms())
def test_the_order_of_tasks_does_not_matter(sizes, budget, random):
    names = list(sizes)
    random.shuffle(names)
    first = unimax(sizes, budget=Fraction(budget), max_epochs=2)
    assert first == unimax({n: sizes[n] for n in names}, budget=Fraction(budget), max_epochs=2)
