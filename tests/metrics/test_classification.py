import numpy as np
import pytest

from pipeline.metrics.classification import (
    accuracy,
    best_threshold,
    calibration_error,
    chosen_set,
    exact_match,
    macro_f1,
    micro_f1,
)

PREDICTED = np.array([0, 0, 1, 2, 2, 1])
LABEL = np.array([0, 1, 1, 0, 2, -1])


def test_accuracy_leaves_hidden_labels_out():
    assert accuracy(PREDICTED, LABEL) == pytest.approx(3 / 5)
    assert accuracy(PREDICTED, np.full(6, -1)) is None


def test_macro_f1_is_the_mean_of_the_classes_f1():
    # class 0: 1 right of 2 and 2; class 1: 1 of 2 and 1; class 2: 1 of 1 and 2
    assert macro_f1(PREDICTED, LABEL) == pytest.approx((2 / 4 + 2 / 3 + 2 / 3) / 3)
    assert macro_f1(np.array([1, 1]), np.array([0, 0])) == 0.0
    assert macro_f1(np.array([3, 3]), np.array([3, 3])) == 1.0
    assert macro_f1(PREDICTED, np.full(6, -1)) is None


def test_calibration_error_weighs_bins_by_their_rows():
    probability = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 1.0])
    right = np.array([True, True, False, False, True, True])
    # bin [0.9, 1]: 5 rows, accuracy 0.6, confidence 0.96; bin [0.5, 0.6): one row, 1 against 0.55
    expected = 5 / 6 * abs(0.6 - 0.96) + 1 / 6 * 0.45
    assert calibration_error(probability, right, bins=10) == pytest.approx(expected)
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool), bins=10) is None


def test_gold_sets_are_cut_relative_to_the_best():
    probability, offsets = np.array([0.5, 0.3, 0.2, 0.1, 0.9]), np.array([0, 3, 5])
    assert chosen_set(probability, offsets, 0.5).tolist() == [True, True, False, False, True]
    assert chosen_set(probability, offsets, 1.0).tolist() == [True, False, False, False, True]


def test_multi_label_figures():
    gold = np.array([True, True, False, False, True])
    chosen = np.array([True, False, False, False, True])
    assert exact_match(chosen, gold, np.array([0, 3, 5])) == 0.5
    assert micro_f1(chosen, gold) == pytest.approx(2 * 2 / 5)
    assert micro_f1(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool)) is None
    assert exact_match(chosen[:0], gold[:0], np.zeros(1, dtype=np.int64)) is None


def test_the_best_threshold_finds_the_golds():
    probability, offsets = np.array([0.5, 0.3, 0.2, 0.1, 0.9]), np.array([0, 3, 5])
    gold = np.array([True, True, False, False, True])
    threshold = best_threshold(probability, gold, offsets)
    assert threshold == 0.6
    assert (chosen_set(probability, offsets, threshold) == gold).all()
    assert best_threshold(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(1, dtype=np.int64)) == 1.0
