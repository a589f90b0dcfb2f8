"""Accuracy, macro-F1, calibration, and the figures of multi-label rows.

Rows whose label is hidden (-1) do not count; a figure over no rows is None.
"""

import numpy as np

from pipeline.metrics.choices import Bools, Floats, Ints, row_maximum

HIDDEN = -1
_THRESHOLDS = tuple(step / 20 for step in range(1, 21))


def accuracy(predicted: Ints, label: Ints) -> float | None:
    """Return the share of rows whose prediction is their label, in [0, 1]."""
    known = label != HIDDEN
    return float((predicted[known] == label[known]).mean()) if known.any() else None


def macro_f1(predicted: Ints, label: Ints) -> float | None:
    """Return the mean of the classes' F1, each class alike, in [0, 1].

    The classes are those that occur as a label or as a prediction; a class that is predicted and never
    right has an F1 of 0. Means something only where an index is the same class in every row.
    """
    known = label != HIDDEN
    if not known.any():
        return None
    predicted, label = predicted[known], label[known]
    size = int(max(predicted.max(), label.max())) + 1
    right = np.bincount(label[predicted == label], minlength=size)
    total = np.bincount(label, minlength=size) + np.bincount(predicted, minlength=size)
    occurring = total > 0
    return float((2 * right[occurring] / total[occurring]).mean())


def calibration_error(probability: Floats, right: Bools, *, bins: int) -> float | None:
    """Return the expected calibration error (Guo et al. 2017), in [0, 1]; 0 is best.

    Args:
        probability: Of the predicted choice, in [0, 1].
        right: Whether the prediction is right.
        bins: Number of bins of equal width; the mean over them of |accuracy - confidence| is weighted
            by their rows.
    """
    if not len(probability):
        return None
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, right.astype(np.float64), bins) - np.bincount(place, probability, bins)
    return float(np.abs(gap).sum() / len(probability))


def chosen_set(probability: Floats, offsets: Ints, threshold: float) -> Bools:
    """Return the choices that a model calls gold: those with at least `threshold` of the row's best.

    The best choice is always among them. Relative to the best, since the probabilities of a row sum to
    1 however many golds it has.
    """
    best = np.repeat(row_maximum(probability, offsets), np.diff(offsets))
    result: Bools = probability >= threshold * best
    return result


def exact_match(chosen: Bools, gold: Bools, offsets: Ints) -> float | None:
    """Return the share of rows whose chosen set is exactly their gold set."""
    if len(offsets) < 2:
        return None
    wrong = np.add.reduceat((chosen != gold).astype(np.int64), offsets[:-1])
    return float((wrong == 0).mean())


def micro_f1(chosen: Bools, gold: Bools) -> float | None:
    """Return F1 over all (row, choice) pairs together; None where nothing is chosen or gold."""
    total = int(chosen.sum() + gold.sum())
    return 2 * int((chosen & gold).sum()) / total if total else None


def best_threshold(probability: Floats, gold: Bools, offsets: Ints) -> float:
    """Return the threshold of `chosen_set` with the highest micro-F1, the highest of equals.

    For rows that may be used to choose, never those that are reported on. Without rows it is 1: the
    best choice alone.
    """
    figures = [
        (micro_f1(chosen_set(probability, offsets, threshold), gold) or 0.0, threshold)
        for threshold in _THRESHOLDS
    ]
    return max(figures)[1] if len(probability) else 1.0
