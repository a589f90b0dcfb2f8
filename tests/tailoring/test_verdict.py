"""A comparison's figures by hand."""

import pytest

from pipeline.tailoring.verdict import arm_means, check_claims, compare_arms, difference, summarise

OUTCOMES = {
    "a": {"tailor": [0.6, 0.8], "target only": [0.5, 0.5]},
    "b": {"tailor": [0.5, 0.5], "target only": [0.5, 0.5]},
    "c": {"tailor": [0.4, 0.4], "target only": [0.5, 0.5]},
}
RANDOM, SHUFFLED, FAMILY = "random k", "tailor, shuffled scores", "same family k"


def whole(tailor=0.6, family=0.6, shuffled=0.5):
    """Two targets that agree: intervals are points."""
    arms = {"tailor": tailor, "target only": 0.55, RANDOM: 0.5, SHUFFLED: shuffled, FAMILY: family}
    return {target: {arm: [value] for arm, value in arms.items()} for target in ("a", "b")}


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


def test_what_differs_by_rounding_is_a_tie():
    same = {"a": {"tailor": [0.3], "target only": [sum([0.1] * 3)]}}
    assert same["a"]["tailor"] != same["a"]["target only"]
    found = difference(same, "tailor", "target only", seed=0)
    assert (found.wins, found.ties, found.losses, found.mean) == (0, 1, 0, 0.0)


def test_every_arm_is_compared_with_tailor_and_shuffled_scores_with_random_choice():
    rows = compare_arms(whole(), seed=0)
    pairs = [(row["arm"], row["against"]) for row in rows]
    assert pairs == [
        ("tailor", RANDOM), ("tailor", FAMILY), ("tailor", SHUFFLED), ("tailor", "target only"),
        (SHUFFLED, RANDOM),
    ]  # fmt: skip
    assert arm_means(OUTCOMES) == {
        "tailor": pytest.approx(1.6 / 3),
        "target only": pytest.approx(0.5),
    }


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (whole(), (True, True, True, 0.0)),
        (whole(tailor=0.5), (False, False, True, 1.0)),
        (whole(family=0.604), (True, True, True, 0.0)),  # less than half a point below
        (whole(family=0.606), (True, False, True, 0.0)),
        (whole(shuffled=0.51), (True, True, False, 0.0)),
    ],
)
def test_claims_are_read_off_the_intervals(outcomes, expected):
    found = check_claims(outcomes, compare_arms(outcomes, seed=0))
    assert tuple(found.values()) == expected
    assert list(found) == [
        "above_random", "no_worse_than_family", "shuffled_is_random", "share_below_alone",
    ]  # fmt: skip


def test_a_summary_turns_losses_round_so_that_higher_is_better_in_every_difference():
    found = summarise({"accuracy": whole(), "loss": whole()})
    assert found["accuracy"]["arms"] == found["loss"]["arms"] == arm_means(whole())
    for gain, fall in zip(
        found["accuracy"]["differences"], found["loss"]["differences"], strict=True
    ):
        assert fall["mean"] == pytest.approx(-gain["mean"])
    assert found["claims"]["above_random"]
    assert found["outcomes"] == {"accuracy": whole(), "loss": whole()}
