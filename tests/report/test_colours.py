"""Colours: scores where their sign means something, places where it does not."""

import numpy as np

from pipeline.report.colours import STEPS, scale

NAN = float("nan")


def test_scores_on_both_sides_of_0_are_coloured_around_it():
    values = np.array([[NAN, -1.0], [2.0, NAN], [-0.5, 0.5]])
    found = scale(values, gain=False)
    assert (found.by_place, found.low) == (False, -found.high)
    assert 1.0 < found.high <= 2.0
    assert found.colour(0.0) == found.colours[STEPS // 2]
    assert found.colour(99.0) == found.colours[-1]
    assert found.colour(-99.0) == found.colours[0]
    assert len(set(found.colours)) == STEPS


def test_scores_of_one_sign_are_coloured_by_place():
    found = scale(np.array([[NAN, 0.3], [7.0, NAN], [6.0, 0.4]]), gain=False)
    assert (found.by_place, found.low, found.high) == (True, 0.0, 1.0)
    np.testing.assert_array_equal(found.values_ST, [[NAN, 0.0], [1.0, NAN], [0.0, 1.0]])


def test_gains_are_gains_even_if_all_help():
    found = scale(np.array([[NAN, 0.3], [0.1, NAN]]), gain=True)
    assert not found.by_place
    assert found.low < 0.0


def test_a_scale_of_nothing_and_of_zeros_has_ends():
    for values in (np.full((2, 2), NAN), np.zeros((2, 2))):
        found = scale(values, gain=True)
        assert (found.low, found.high) == (-1.0, 1.0)
