"""Clustering: by hand, whatever the sequence of names, with gaps, and cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.clustering import (
    FARTHEST,
    Group,
    closeness,
    clustered,
    cut,
    places,
    square,
    tasks_of,
)
from tests.report.matrices import matrix

NAN = float("nan")


def close(pairs, names="abcd"):
    """Return a symmetric matrix from closeness by pair of letters; others are unknown."""
    values = np.full((len(names), len(names)), NAN)
    for (one, other), value in pairs.items():
        i, j = names.index(one), names.index(other)
        values[i, j] = values[j, i] = value
    return values


FOUR = {
    ("a", "b"): 0.25, ("a", "c"): 0.875, ("a", "d"): 0.5,
    ("b", "c"): 0.125, ("b", "d"): 0.75, ("c", "d"): 0.375,
}  # fmt: skip
"""a-c first at 0.125, then b-d at 0.25; their distances are the mean of 0.75, 0.5, 0.875, 0.625."""


def test_places_are_ranks_inside_a_target():
    values = np.array([[NAN, 5.0, 1.0], [2.0, NAN, 1.0], [1.0, 7.0, NAN], [1.5, NAN, 3.0]])
    expected = [[NAN, 0.0, 0.25], [1.0, NAN, 0.25], [0.0, 1.0, NAN], [0.5, NAN, 1.0]]
    np.testing.assert_array_equal(places(values), expected)


def test_a_target_s_only_source_is_neither_best_nor_last():
    np.testing.assert_array_equal(places(np.array([[NAN], [3.0]])), [[NAN], [0.5]])


def test_closeness_is_the_mean_of_both_directions_or_the_only_one():
    values = np.array([[NAN, 2.0, 1.0], [5.0, NAN, NAN], [4.0, 1.0, NAN]])
    found = closeness(values)
    # b for a: best (1); a for b: best (1); c for a: last (0); a for c: the only one (0.5)
    np.testing.assert_array_equal(found, [[NAN, 1.0, 0.25], [1.0, NAN, 0.0], [0.25, 0.0, NAN]])


def test_average_linkage_by_hand():
    tree = clustered("abcd", close(FOUR))
    assert [sorted(part.names) for part in tree.parts] == [["a", "c"], ["b", "d"]]
    assert [part.height for part in tree.parts] == [0.125, 0.25]
    assert tree.height == pytest.approx((0.75 + 0.5 + 0.875 + 0.625) / 4)
    # of the four ways to put them side by side, a-d (0.5) is the closest pair that can touch
    assert tree.names == ("c", "a", "d", "b")


@pytest.mark.parametrize("turn", list(itertools.permutations(range(4)))[::5])
def test_the_sequence_of_names_does_not_matter(turn):
    values = close(FOUR)[np.ix_(turn, turn)]
    assert clustered(["abcd"[i] for i in turn], values) == clustered("abcd", close(FOUR))


def test_of_equals_the_first_names_are_put_together():
    tree = clustered("dbca", close({pair: 0.5 for pair in FOUR}, "dbca"))
    assert tree.names == ("a", "b", "c", "d")
    first = tree.parts[0].parts[0]
    assert first.names == ("a", "b")


def test_what_was_never_scored_is_farthest_and_leaves_no_trace_in_means():
    tree = clustered("abcd", close({("a", "b"): 0.75, ("b", "c"): 0.5}))
    assert tree.height == FARTHEST
    assert tree.parts[0].height == 0.5, "the mean over the pairs of a, b and c that have a score"
    assert [sorted(part.names) for part in tree.parts] == [["a", "b", "c"], ["d"]]


def test_one_task_is_a_tree():
    assert clustered(["x"], np.full((1, 1), NAN)) == Group(("x",))


def test_a_cut_divides_what_is_farthest_apart_first():
    tree = clustered("abcd", close(FOUR))
    assert [group.names for group in cut(tree, 1)] == [("c", "a", "d", "b")]
    assert [group.names for group in cut(tree, 2)] == [("c", "a"), ("d", "b")]
    assert [group.names for group in cut(tree, 3)] == [("c", "a"), ("d",), ("b",)]
    assert [group.names for group in cut(tree, 9)] == [("c",), ("a",), ("d",), ("b",)]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 10**6), st.floats(0.0, 0.9))
def test_every_task_is_drawn_once_and_nothing_hangs_on_the_sequence(count, seed, gaps):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (count, count)).astype(float)
    values[rng.random((count, count)) < gaps] = NAN
    names = [f"t{i}" for i in range(count)]
    tree = clustered(names, closeness(values))
    assert sorted(tree.names) == names
    turn = rng.permutation(count)
    other = clustered([names[i] for i in turn], closeness(values[np.ix_(turn, turn)]))
    assert other == tree
    for most in (1, 3, count):
        groups = cut(tree, most)
        assert len(groups) == min(most, count)
        assert tuple(name for group in groups for name in group.names) == tree.names


def test_a_matrix_of_other_sources_than_targets_is_made_square():
    scores = matrix([[None, 1.0], [2.0, None]])
    assert tasks_of(scores) == ("a", "b")
    np.testing.assert_array_equal(square(scores, ["b", "x", "a"])[[0, 2], [2, 0]], [2.0, 1.0])
    assert np.isnan(square(scores, ["b", "x", "a"])[1]).all()


def test_a_tree_may_be_as_deep_as_there_are_tasks():
    names = [f"t{i:03d}" for i in range(600)]
    tree = clustered(names, np.full((600, 600), NAN))  # no pair scored: each joins the first group
    assert sorted(tree.names) == names
    assert tree.flipped().names == tree.names[::-1]
    assert len(cut(tree, 60)) == 60
