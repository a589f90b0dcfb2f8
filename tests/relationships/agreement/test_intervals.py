import numpy as np
import pytest

from pipeline.relationships.agreement.intervals import bootstrap_interval, sign_flip_p


def test_a_constant_figure_has_no_width():
    assert bootstrap_interval(np.full((5, 1), 2.0), seed=0) == (2.0, 2.0)


def test_the_interval_is_that_of_a_mean():
    values = np.arange(100.0)[:, None]
    low, high = bootstrap_interval(values, seed=0)
    # sd of the mean: 28.87 / 10
    assert low == pytest.approx(49.5 - 1.96 * 2.887, abs=0.35)
    assert high == pytest.approx(49.5 + 1.96 * 2.887, abs=0.35)


def test_runs_add_their_own_width_and_seeds_repeat():
    once = np.zeros((8, 4))
    runs = once + np.array([-1.0, 1.0, -1.0, 1.0])
    assert bootstrap_interval(once, seed=0) == (0.0, 0.0)
    low, high = bootstrap_interval(runs, seed=0, draws=2000)
    # sd of a mean of 8 x 4 signs: 1 / sqrt(32)
    assert (low, high) == pytest.approx((-0.346, 0.346), abs=0.05)
    assert (low, high) == bootstrap_interval(runs, seed=0, draws=2000)


def test_what_is_missing_is_left_out():
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [1.0, 1.0]])
    assert bootstrap_interval(values, seed=0) == (1.0, 1.0)
    assert np.isnan(bootstrap_interval(np.full((2, 1), np.nan), seed=0)).all()


def test_sign_flips_by_hand():
    # 2 of 8 patterns are as far from 0 as all plus and all minus
    assert sign_flip_p(np.array([1.0, 2.0, 3.0]), seed=0) == 0.25
    # sums of +-1 +-1: 2 in half of the patterns
    assert sign_flip_p(np.array([1.0, -1.0, np.nan]), seed=0) == 1.0
    assert np.isnan(sign_flip_p(np.array([np.nan]), seed=0))


def test_many_targets_are_drawn():
    assert sign_flip_p(np.ones(40), seed=0) == pytest.approx(1e-4)
    assert sign_flip_p(np.tile([1.0, -1.0], 20), seed=0) == 1.0
