import numpy as np

from pipeline.relationships.agreement import baselines
from pipeline.relationships.agreement.truth import Truth

NAN = np.nan
GAINS = np.array([[NAN, 2.0, 4.0], [1.0, NAN, -1.0], [3.0, 0.0, NAN]])


def truth(*runs):
    names = ("a", "b", "c")
    return Truth(sources=names, targets=names, gains_KST=np.array(runs or (GAINS,)))


def same(one, two):
    assert np.array_equal(one, np.array(two), equal_nan=True)


def test_size_is_that_of_the_source():
    same(baselines.by_size(truth(), {"a": 1, "c": 100})[:, 1], [0.0, NAN, np.log(100)])


def test_a_family_is_shared_or_not():
    result = baselines.same_family(truth(), {"a": "x", "b": "x"})
    same(result, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_popularity_looks_at_other_targets_only():
    # a for target b: its gain for c; b for target b: its gains for a and c
    same(baselines.popularity(truth())[:, 1], [4.0, 0.0, 3.0])


def test_standardised_in_each_target():
    result = baselines.standardise(np.array([[1.0, 5.0], [3.0, 5.0], [NAN, 5.0]]))
    same(result, [[-1, 0], [1, 0], [NAN, 0]])
    same(baselines.sum_standardised(result, result), 2 * result)


def test_the_symmetric_ceiling_is_the_mean_of_both_ways():
    same(
        baselines.symmetric_ceiling(truth()), [[NAN, 1.5, 3.5], [1.5, NAN, -0.5], [3.5, -0.5, NAN]]
    )


def test_one_run_is_held_against_the_others():
    scores, others = baselines.one_run(truth(GAINS, GAINS + 1, GAINS + 3), 0)
    same(scores, GAINS)
    same(others.mean_ST, GAINS + 2)
    assert others.runs == 2


def test_random_choice_has_no_preference():
    assert not baselines.random_choice(truth()).any()
    same(baselines.standardise(np.full((3, 1), 0.1)), [[0], [0], [0]])
