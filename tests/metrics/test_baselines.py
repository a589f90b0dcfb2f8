import numpy as np
import pyarrow as pa
import pytest

from pipeline.metrics.baselines import ChoiceTexts, chance, choice_only, majority


def texts(rows):
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return ChoiceTexts(pa.array([t for row in rows for t in row], pa.string()), offsets)


def test_chance_is_a_blind_guess():
    assert chance(np.array([2, 4]), np.array([1, 1])) == pytest.approx(0.375)
    assert chance(np.array([4]), np.array([2])) == 0.5
    assert chance(np.array([], dtype=int), np.array([], dtype=int)) is None


def test_the_majority_is_taken_among_the_choices_that_a_row_has():
    golds = np.array([2, 2, 2, 1, 1, 0, 7, -1])
    assert majority(golds, np.array([3, 2, 1, 4])).tolist() == [2, 1, 0, 2]
    assert majority(np.array([0, 1]), np.array([2])).tolist() == [0]
    assert majority(np.array([], dtype=int), np.array([2, 3])).tolist() == [0, 0]


def rows_with_cue(seed, count, cue):
    rng = np.random.default_rng(seed)
    golds = rng.integers(4, size=count)
    rows = [
        [
            " ".join(f"w{w}" for w in rng.integers(500, size=6))
            + (f" {cue}!" if slot == gold and rng.random() < 0.9 else ".")
            for slot in range(4)
        ]
        for gold in golds
    ]
    return texts(rows), golds


def test_the_choices_wording_alone_finds_a_surface_cue():
    train, report = rows_with_cue(1, 300, "Not"), rows_with_cue(2, 200, "not")
    predicted = choice_only(*train, report[0])
    assert (predicted == report[1]).mean() > 0.8


def test_without_a_cue_it_stays_at_chance():
    rng = np.random.default_rng(3)
    train, report = rows_with_cue(1, 300, "w1"), rows_with_cue(2, 400, "w2")
    predicted = choice_only(train[0], rng.permutation(train[1]), report[0])
    assert abs((predicted == rng.permutation(report[1])).mean() - 0.25) < 0.1


def test_fixed_classes_leave_nothing_to_tell_rows_apart():
    same = texts([["yes", "no"]] * 5)
    assert choice_only(same, np.array([0, 0, 1, 0, 1]), same) is None
    assert (
        choice_only(same, np.zeros(5, dtype=int), texts([["no", "yes"], ["yes", "no"]])) is not None
    )


def test_hidden_rows_and_odd_texts_do_no_harm():
    train = texts([["", "a b"], ["", "a"], ["!?", "a"], ["x"]])
    golds = np.array([1, 1, 1, -1])
    report = texts([["a", "zzz"], ["unseen", "a c", "?"]])
    assert choice_only(train, golds, report).tolist() == [0, 1]


def test_it_is_the_same_every_time():
    train, report = rows_with_cue(1, 100, "not"), rows_with_cue(2, 50, "not")
    first, second = (choice_only(*train, report[0]) for _ in range(2))
    assert (first == second).all()
