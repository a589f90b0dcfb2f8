from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.grouping import group_by_length, overhead

SHAPES = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 8)), max_size=20)
FEW_SHAPES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=7)


def cut_of(shapes, **limits):
    longest, counts = np.array(shapes, dtype=np.int64).reshape(-1, 2).T
    every = np.arange(len(shapes))
    return longest, counts, group_by_length(longest, counts, every, every, **limits)


@settings(deadline=None, max_examples=50)
@given(SHAPES, st.integers(1, 300), st.sampled_from([0, 20, 10**9]))
def test_cut_keeps_rows_whole_and_rectangles_below_the_budget(shapes, budget, overhead):
    longest, counts, groups = cut_of(shapes, budget=budget, overhead=overhead)
    found = np.concatenate(groups).tolist() if groups else []
    assert sorted(found) == list(range(len(shapes)))
    assert longest[found].tolist() == sorted(longest.tolist())
    for group in groups:
        assert longest[group].max() * counts[group].sum() <= budget or len(group) == 1


def cost(longest, counts, groups, overhead):
    return sum(longest[g].max() * counts[g].sum() + overhead for g in groups)


@settings(deadline=None, max_examples=50)
@given(FEW_SHAPES, st.integers(0, 40))
def test_cut_is_the_cheapest_of_all_cuts_by_length(shapes, overhead):
    longest, counts, groups = cut_of(shapes, budget=10**9, overhead=overhead)
    order = np.argsort(longest, kind="stable")
    cheapest = min(
        cost(longest, counts, np.split(order, [i + 1 for i in places]), overhead)
        for number in range(len(order))
        for places in combinations(range(len(order) - 1), number)
    )
    assert cost(longest, counts, groups, overhead) == cheapest


def test_a_micro_batch_of_a_large_model_is_worth_fewer_cells():
    small, minilm = 100_000, 10_600_000
    assert overhead("cpu", small) == 256
    assert overhead("cpu", 1) == 256
    assert overhead("cpu", minilm) == 50
    assert overhead("cpu", 10**9) == 48
    assert overhead("cuda", minilm) == 4096
