"""A model's answers to the rows of one task, and the figures computed from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.choices import Bools, Floats, Ints, answers, gold_marks, probabilities
from pipeline.metrics.classification import (
    HIDDEN,
    accuracy,
    best_threshold,
    calibration_error,
    chosen_set,
    exact_match,
    macro_f1,
    micro_f1,
)


@dataclass(frozen=True, slots=True)
class Answers:
    """R rows of one task, C choices in all."""

    predicted: Ints
    """Choice with the highest score, (R,)."""
    label: Ints
    """Gold choice, (R,); -1 where hidden. In multi-label rows the predicted choice if it is gold, else
    the first gold, so that equality means a hit."""
    probability: Floats
    """Of every choice, (C,)."""
    offsets: Ints
    """Choices of row i: `offsets[i]` to `offsets[i + 1]`."""
    gold: Bools
    """Which choices are gold, (C,)."""
    multi: Bools
    """Which rows are multi-label, (R,)."""
    source: Ints
    """Row of the curated table, (R,)."""

    @property
    def known(self) -> Bools:
        """Rows whose label is not hidden, (R,)."""
        known: Bools = self.label != HIDDEN
        return known

    @property
    def right(self) -> Bools:
        """Rows answered right; in multi-label rows the answer is in the gold set, (R,)."""
        right: Bools = (self.predicted == self.label) & self.known
        return right

    @property
    def confidence(self) -> Floats:
        """Probability of the predicted choice, (R,)."""
        confidence: Floats = self.probability[self.offsets[:-1] + self.predicted]
        return confidence


def answers_of(
    scores: NDArray[np.floating],
    offsets: Ints,
    *,
    label: Ints,
    golds: Ints,
    gold_offsets: Ints,
    multi: Bools,
    source: Ints,
) -> Answers:
    """Turn scores into answers.

    Args:
        scores: Of every choice, (C,).
        offsets: Choices of row i: `offsets[i]` to `offsets[i + 1]`, at least one.
        label: Gold choice of rows with one gold; -1 in others, (R,).
        golds: Gold sets of multi-label rows, row after row.
        gold_offsets: Row i has golds `gold_offsets[i]` to `gold_offsets[i + 1]`.
        multi: Which rows are multi-label, (R,).
        source: Row of the curated table, (R,).
    """
    gold = gold_marks(golds, gold_offsets, offsets)
    single = np.flatnonzero(label != HIDDEN)
    gold[offsets[:-1][single] + label[single]] = True
    predicted = answers(scores, offsets)
    return Answers(
        predicted=predicted,
        label=_hit_or_first(predicted, gold, offsets),
        probability=probabilities(scores, offsets),
        offsets=offsets,
        gold=gold,
        multi=multi,
        source=source,
    )


def _hit_or_first(predicted: Ints, gold: Bools, offsets: Ints) -> Ints:
    """Return the predicted choice where it is gold, else the first gold one, else -1."""
    row = np.repeat(np.arange(len(predicted)), np.diff(offsets))
    label = np.full(len(predicted), HIDDEN, dtype=np.int64)
    golds = np.flatnonzero(gold)[::-1]
    label[row[golds]] = golds - offsets[row[golds]]  # the last assignment is the first gold
    hit = gold[offsets[:-1] + predicted]
    label[hit] = predicted[hit]
    return label


def threshold(answers: Answers) -> float | None:
    """Return the threshold of the gold set that suits these rows; None for rows of one gold."""
    if not answers.multi.any():
        return None
    return best_threshold(answers.probability, answers.gold, answers.offsets)


def figures(
    answers: Answers, *, fixed_classes: bool, bins: int, threshold: float | None
) -> dict[str, float]:
    """Return the figures of one model on one task; those that mean nothing here are left out.

    Args:
        answers: Of the model.
        fixed_classes: Whether an index is the same class in every row: macro-F1 needs it.
        bins: Of the calibration error.
        threshold: Of the gold set, found on other rows; for multi-label tasks.

    Returns:
        `rows` (of known label), `accuracy`, `macro_f1`, `ece`, and for multi-label tasks `exact_match`
        and `micro_f1`; all but the first in [0, 1], rounded to six digits.
    """
    known = answers.known
    found: dict[str, float | None] = {
        "rows": int(known.sum()),
        "accuracy": accuracy(answers.predicted, answers.label),
        "ece": calibration_error(answers.confidence[known], answers.right[known], bins=bins),
    }
    if fixed_classes:
        found["macro_f1"] = macro_f1(answers.predicted, answers.label)
    if answers.multi.any():
        chosen = chosen_set(answers.probability, answers.offsets, threshold or 1.0)
        found["exact_match"] = exact_match(chosen, answers.gold, answers.offsets)
        found["micro_f1"] = micro_f1(chosen, answers.gold)
    return {name: round(value, 6) for name, value in found.items() if value is not None}
