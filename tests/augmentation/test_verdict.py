"""A trial's figures by hand."""

import pytest

from pipeline.augmentation.verdict import difference, means, verdict

OUTCOMES = {
    "a": {"tailor": [0.6, 0.8], "target only": [0.5, 0.5]},
    "b": {"tailor": [0.5, 0.5], "target only": [0.5, 0.5]},
    "c": {"tailor": [0.4, 0.4], "target only": [0.5, 0.5]},
}


def test_a_difference_is_paired_by_target_and_seed():
    found = difference(OUTCOMES, "tailor", "target only", seed=0)
    assert found.mean == pytest.approx(0.1 / 3)
    assert (found.wins, found.ties, found.losses) == (1, 1, 1)
    assert (found.worst, found.worst_by) == ("c", pytest.approx(-0.1))
    # sums of +-0.2 +-0.1: half of the eight patterns reach 0.1
    assert found.p == 1.0
    assert found.low < 0.0 < found.high


def test_the_other_way_round_is_the_same_with_another_sign():
    one = difference(OUTCOMES, "tailor", "target only", seed=0)
    two = difference(OUTCOMES, "target only", "tailor", seed=0)
    assert two.mean == pytest.approx(-one.mean)
    assert two.wins == one.losses


def test_every_arm_is_compared_with_tailor():
    rows = verdict(OUTCOMES, seed=0)
    assert [row["against"] for row in rows] == ["target only"]
    assert means(OUTCOMES) == {"tailor": pytest.approx(1.6 / 3), "target only": pytest.approx(0.5)}
