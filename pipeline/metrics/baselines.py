"""Baselines that do not read the question: chance, the majority, and the wording of the choices alone.

Where the choice-only baseline is far above chance, the wording gives the answer away: a model may score
well there without the context.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.metrics.choices import Floats, Ints, answers, probabilities
from pipeline.metrics.classification import HIDDEN

_DIMENSIONS = 2**14
_STEPS = 120
_RATE = 0.1
_DECAY = 0.003
_MAX_ROWS = 2000
_DECAY_1, _DECAY_2 = 0.9, 0.999


@dataclass(frozen=True, slots=True)
class ChoiceTexts:
    """The choices of R rows: C texts, row i from `offsets[i]` to `offsets[i + 1]`."""

    texts: pa.Array
    """Strings, (C,)."""
    offsets: Ints

    @property
    def counts(self) -> Ints:
        """Choices of each row."""
        return np.diff(self.offsets)

    def head(self, rows: int) -> "ChoiceTexts":
        """Return the first rows."""
        offsets = self.offsets[: rows + 1]
        return ChoiceTexts(self.texts.slice(0, int(offsets[-1])), offsets)


def chance(counts: Ints, golds: Ints) -> float | None:
    """Return the expected accuracy of a blind guess, in [0, 1].

    Args:
        counts: Choices of each row.
        golds: Choices of each row that count as right: 1, or the size of the gold set.
    """
    return float((golds / counts).mean()) if len(counts) else None


def majority(train_golds: Ints, counts: Ints) -> Ints:
    """Predict the index that is gold most often in training, among those that a row has.

    Args:
        train_golds: Gold indices of all train rows; of multi-label rows every gold.
        counts: Choices of each row to predict, at least 1.

    Returns:
        An index a row; the lowest of equals.
    """
    size = int(counts.max(initial=1))
    known = train_golds[(train_golds != HIDDEN) & (train_golds < size)]
    frequency = np.bincount(known, minlength=size)
    best_up_to = np.zeros(size, dtype=np.int64)
    for index in range(1, size):
        before = best_up_to[index - 1]
        best_up_to[index] = index if frequency[index] > frequency[before] else before
    result: Ints = best_up_to[counts - 1]
    return result


def choice_only(train: ChoiceTexts, train_golds: Ints, rows: ChoiceTexts) -> Ints | None:
    """Predict from the words of the choices, never from context or question.

    A conditional logit over hashed words: a row's choices compete in a softmax.

    Args:
        train: Choices of the train rows, of which the first 2,000 are used.
        train_golds: Gold index of each of them, one a row; -1 (hidden) rows are not fitted.
        rows: Choices of the rows to predict.

    Returns:
        An index a row; None where every row offers the same choices, so that nothing tells rows apart
        and the best that can be done is the majority.
    """
    if _fixed(train) and _fixed(rows):
        return None
    train = train.head(min(_MAX_ROWS, len(train.counts)))
    weights = _fit(train, train_golds[: len(train.counts)])
    return answers(_Words(rows).scores(weights), rows.offsets)


def _fixed(choices: ChoiceTexts) -> bool:
    """Whether all rows offer the same texts in the same order."""
    counts = choices.counts
    if not len(counts) or (counts != counts[0]).any():
        return not len(counts)
    codes = choices.texts.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    table = codes.reshape(len(counts), -1)
    return bool((table == table[0]).all())


class _Words:
    """Words of choices: `word[j]` stands in choice `choice[j]` with value `value[j]`."""

    def __init__(self, choices: ChoiceTexts) -> None:
        spaced = pc.replace_substring_regex(
            pc.utf8_lower(choices.texts.cast(pa.large_string())), r"([^\pL\pN_])", r" \1 "
        )
        words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(spaced))
        lengths = np.asarray(pc.list_value_length(words).to_numpy(zero_copy_only=False), np.int64)
        coded = pc.list_flatten(words).dictionary_encode()
        crcs = [zlib.crc32(word.encode()) % _DIMENSIONS for word in coded.dictionary.to_pylist()]
        codes = coded.indices.to_numpy(zero_copy_only=False)
        self.word = np.array(crcs, dtype=np.int64)[codes] if len(crcs) else codes.astype(np.int64)
        self.choice = np.repeat(np.arange(len(lengths)), lengths)
        self.value: Floats = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
        self._choices = len(lengths)

    def scores(self, weights: Floats) -> Floats:
        """Return the score of each choice: the sum over its words of weight times value."""
        products = weights[self.word] * self.value
        return np.bincount(self.choice, products, self._choices).astype(np.float64)

    def gradient(self, residual: Floats) -> Floats:
        """Return the gradient of a loss whose derivative by the choices' scores is `residual`."""
        products = residual[self.choice] * self.value
        return np.bincount(self.word, products, _DIMENSIONS).astype(np.float64)


def _fit(choices: ChoiceTexts, golds: Ints) -> Floats:
    """Fit the conditional logit by full-batch Adam from zero, with weight decay."""
    words = _Words(choices)
    known = golds != HIDDEN
    aim = np.zeros(choices.offsets[-1])
    aim[choices.offsets[:-1][known] + golds[known]] = 1.0
    counted = np.repeat(known, choices.counts) / max(1, int(known.sum()))
    weights, first, second = np.zeros((3, _DIMENSIONS))
    for step in range(1, _STEPS + 1):
        odds = probabilities(words.scores(weights), choices.offsets)
        slope = words.gradient((odds - aim) * counted) + _DECAY * weights
        first = _DECAY_1 * first + (1 - _DECAY_1) * slope
        second = _DECAY_2 * second + (1 - _DECAY_2) * slope**2
        rate = _RATE * np.sqrt(1 - _DECAY_2**step) / (1 - _DECAY_1**step)
        weights = weights - rate * first / (np.sqrt(second) + 1e-8)
    return weights
