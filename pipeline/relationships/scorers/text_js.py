"""How alike the words of two tasks are: Jensen-Shannon similarity of their word distributions.

Score of a pair: 1 - sqrt(JS(p, q)), p and q being the relative frequencies of the words of each task's
sampled texts, and JS the mean divergence, in bits, of p and q from their mean. In [0, 1] and
symmetric; 0 where no word is shared. It needs no smoothing, since the mean of p and q is above 0 wherever
one of them is. Source: Lin, Divergence measures based on the Shannon entropy (IEEE Transactions on
Information Theory, 1991).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scorers.text import counted_words, texts_of
from pipeline.relationships.scores import ScoreMatrix

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WordDistributions(Scorer):
    """Jensen-Shannon similarity of the words of two tasks, on the texts that `text` reads."""

    name = "text_js"
    needs = frozenset({"texts"})
    directional = False

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`. Draws nothing, whatever the seed."""
        texts = texts_of(evidence)
        rows = float(sum(map(len, texts.values())))
        values_TT = similarities(word_shares(texts))
        return self.matrix_of(evidence, values_TT, seed=seed, cost={"rows": rows})


def word_shares(texts: Mapping[str, pl.Series]) -> Floats:
    """Return the relative frequency of each word in each task's texts, T x V.

    Words are in alphabetical order; a task without words is a row of zeros.
    """
    counts = [
        counted_words(text).group_by("word").agg(pl.col("count").sum()) for text in texts.values()
    ]
    known = sorted(set().union(*(part["word"] for part in counts)))
    column = {word: place for place, word in enumerate(known)}
    shares_TV = np.zeros((len(counts), len(known)))
    for row, part in enumerate(counts):
        shares_TV[row, [column[word] for word in part["word"]]] = part["count"]
    totals_T1 = shares_TV.sum(axis=1, keepdims=True)
    shares_TV /= np.maximum(totals_T1, 1.0)
    return shares_TV


def similarities(shares_TV: Floats) -> Floats:
    """Return 1 - the Jensen-Shannon distance (base 2) of all pairs of distributions, T x T.

    Returns:
        Symmetric, in [0, 1]; NaN on the diagonal and for a task without words.
    """
    tasks = len(shares_TV)
    values_TT = np.full((tasks, tasks), np.nan)
    spoken = np.flatnonzero(shares_TV.any(axis=1))
    for place, first in enumerate(spoken):
        for second in spoken[place + 1 :]:
            value = 1.0 - np.sqrt(_divergence(shares_TV[first], shares_TV[second]))
            values_TT[first, second] = values_TT[second, first] = value
    return values_TT


def _divergence(p_V: Floats, q_V: Floats) -> float:
    """Return the Jensen-Shannon divergence in bits, in [0, 1].

    A word of one distribution alone adds half its share, so that the sum goes over shared words.
    """
    shared = (p_V > 0.0) & (q_V > 0.0)
    p, q = p_V[shared], q_V[shared]
    saved = p * np.log2((p + q) / p) + q * np.log2((p + q) / q)
    return float(np.clip(1.0 - saved.sum() / 2.0, 0.0, 1.0))
