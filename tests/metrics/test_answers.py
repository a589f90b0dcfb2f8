import numpy as np
import pytest

from pipeline.metrics.answers import answers_of, figures, threshold


def built(scores, counts, label, sets=None):
    sets = sets or [[] for _ in counts]
    return answers_of(
        np.array(scores, dtype=np.float32),
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        label=np.array(label),
        golds=np.array([gold for row in sets for gold in row], dtype=np.int64),
        gold_offsets=np.concatenate(([0], np.cumsum([len(row) for row in sets]))).astype(np.int64),
        multi=np.array([bool(row) for row in sets]),
        source=np.arange(len(counts)),
    )


def test_single_rows_keep_their_label():
    found = built([1, 2, 3, 0, 0.5], [2, 2, 1], [1, 1, -1])
    assert found.predicted.tolist() == [1, 0, 0]
    assert found.label.tolist() == [1, 1, -1]
    assert found.right.tolist() == [True, False, False]
    assert found.known.tolist() == [True, True, False]
    assert found.confidence == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-3)), 1])
    assert threshold(found) is None


def test_multi_label_rows_are_right_where_the_answer_is_gold():
    found = built([1, 5, 4, 9, 1, 1], [3, 3], [-1, -1], [[1, 2], [1, 2]])
    assert found.label.tolist() == [1, 1]
    assert found.right.tolist() == [True, False]
    assert threshold(found) <= 0.35


def test_figures_leave_out_what_means_nothing():
    found = built([1, 2, 3, 0, 2, 0], [2, 2, 2], [1, 0, 1])
    several = figures(found, fixed_classes=False, bins=10, threshold=None)
    assert sorted(several) == ["accuracy", "ece", "rows"]
    assert (several["rows"], several["accuracy"]) == (3, 0.666667)
    fixed = figures(found, fixed_classes=True, bins=10, threshold=None)
    assert fixed["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-6)
    hidden = built([1, 2], [2], [-1])
    assert figures(hidden, fixed_classes=True, bins=10, threshold=None) == {"rows": 0}


def test_figures_of_gold_sets():
    found = built([5, 5, 0, 9, 0, 0], [3, 3], [-1, -1], [[0, 1], [0, 2]])
    value = figures(found, fixed_classes=False, bins=10, threshold=0.9)
    assert (value["exact_match"], value["micro_f1"]) == (0.5, pytest.approx(6 / 7, abs=1e-6))
