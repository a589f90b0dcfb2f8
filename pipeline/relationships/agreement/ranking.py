"""Metrics of one target: how well the scores of its sources rank their measured gains.

All take two vectors of the same S sources, finite throughout, and treat tied scores as what they are: a
metric is its mean over all ways to break the ties, computed exactly. So no result hangs on names or on
the sequence of tasks, constant scores are the random baseline, and 0/1 scores for "same family" are the
baseline of random choice inside the family. NaN means undefined.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mean_ranks(values_S: Floats) -> Floats:
    """Return ranks from 1, lowest value first; tied values share their mean rank."""
    _, group_S, counts = np.unique(values_S, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Floats = ((ends - counts + 1 + ends) / 2.0)[group_S]
    return ranks


def pearson(x_S: Floats, y_S: Floats) -> float:
    """Return Pearson's correlation; NaN where a vector does not vary or has fewer than 2 values."""
    if len(x_S) < 2:
        return float("nan")
    x, y = x_S - x_S.mean(), y_S - y_S.mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    flat = np.ptp(x_S) == 0.0 or np.ptp(y_S) == 0.0
    return float("nan") if flat or scale == 0.0 else float(np.clip(x @ y / scale, -1.0, 1.0))


def spearman(scores_S: Floats, gains_S: Floats) -> float:
    """Return Spearman's rho: the correlation of mean ranks; 0 for constant scores."""
    return _zero_if_constant(pearson(mean_ranks(scores_S), mean_ranks(gains_S)), gains_S)


def kendall(scores_S: Floats, gains_S: Floats) -> float:
    """Return Kendall's tau-b, which corrects for ties on both sides; 0 for constant scores."""
    upper = np.triu_indices(len(scores_S), 1)
    a = np.sign(scores_S[:, None] - scores_S[None, :])[upper]
    b = np.sign(gains_S[:, None] - gains_S[None, :])[upper]
    scale = np.sqrt((a != 0).sum() * (b != 0).sum())
    return _zero_if_constant(float((a * b).sum() / scale) if scale else float("nan"), gains_S)


def _zero_if_constant(value: float, gains_S: Floats) -> float:
    """Return 0 for undefined correlations with gains that vary: the mean over all broken ties."""
    return 0.0 if np.isnan(value) and len(gains_S) > 1 and np.ptp(gains_S) > 0.0 else value


def _discounts(scores_S: Floats) -> Floats:
    """Return each source's mean discount, 1 / log2(place + 1), over all ways to break ties."""
    by_place = 1.0 / np.log2(np.arange(len(scores_S)) + 2.0)
    sums = np.concatenate([[0.0], np.cumsum(by_place)])
    _, group_S, counts = np.unique(-scores_S, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Floats = ((sums[ends] - sums[ends - counts]) / counts)[group_S]
    return means


def _ndcg(scores_S: Floats, worth_S: Floats) -> float:
    ideal = float(_discounts(worth_S) @ worth_S)
    return float(_discounts(scores_S) @ worth_S) / ideal if ideal > 0.0 else float("nan")


def ndcg_exponential(scores_S: Floats, gains_S: Floats) -> float:
    """Return NDCG with gains `2^r - 1`, r = S for the best source down to 1, as TaskWeb computes it.

    Each place counts twice the next, so this is close to asking for the best source alone. Tied
    gains share the mean of what their places are worth. Source: Kim et al., TaskWeb (EMNLP 2023).
    """
    size = len(gains_S)
    # scaled by 2^-S: same ratio, no overflow
    worth_by_rank = np.exp2(np.arange(1, size + 1) - float(size)) - np.exp2(-float(size))
    sums = np.concatenate([[0.0], np.cumsum(worth_by_rank)])
    _, group_S, counts = np.unique(gains_S, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return _ndcg(scores_S, ((sums[ends] - sums[ends - counts]) / counts)[group_S])


def ndcg_linear(scores_S: Floats, gains_S: Floats) -> float:
    """Return NDCG where a source is worth its gain above the worst source's; NaN if all are equal."""
    return _ndcg(scores_S, gains_S - gains_S.min()) if len(gains_S) else float("nan")


def membership(scores_S: Floats, k: int) -> Floats:
    """Return each source's probability to be among the k best scores, ties broken at random."""
    size = len(scores_S)
    if k >= size:
        return np.ones(size)
    cut = np.sort(scores_S)[::-1][k - 1]
    above, tied = scores_S > cut, scores_S == cut
    result: Floats = above + tied * ((k - above.sum()) / tied.sum())
    return result


def gain_at(scores_S: Floats, gains_S: Floats, k: int) -> float:
    """Return the mean gain of the k best scores."""
    weights = membership(scores_S, k)
    return float(weights @ gains_S / weights.sum())


def harmful_at(scores_S: Floats, gains_S: Floats, k: int) -> float:
    """Return the share of sources with a negative gain among the k best scores, in [0, 1]."""
    return gain_at(scores_S, (gains_S < 0.0).astype(np.float64), k)


def regret_of_mean(scores_S: Floats, gains_S: Floats, k: int) -> float:
    """Return what the mean gain of the k best scores lacks to that of the k best gains, >= 0.

    The Regret@k of TaskWeb, in the gain's own unit instead of relative to the best.
    """
    return gain_at(gains_S, gains_S, k) - gain_at(scores_S, gains_S, k)


def regret_of_best(scores_S: Floats, gains_S: Floats, k: int) -> float:
    """Return what the best gain among the k best scores lacks to the best gain of all, >= 0.

    The Regret@k of Poth et al. (EMNLP 2021), in the gain's own unit.
    """
    weights = membership(scores_S, k)
    sure = gains_S[weights == 1.0].max(initial=-np.inf)
    tied = np.sort(gains_S[(weights > 0.0) & (weights < 1.0)])
    taken = min(k, len(scores_S)) - int((weights == 1.0).sum())
    best = sure
    if taken:
        # the i-th smallest of n is the maximum of `taken` drawn with chance C(i, taken-1) / C(n, taken)
        ways = comb(len(tied), taken)
        chances = np.array([comb(i, taken - 1) / ways for i in range(len(tied))])
        best = float(chances @ np.maximum(tied, sure))
    return float(gains_S.max() - best)


def sign_auc(scores_S: Floats, gains_S: Floats) -> float:
    """Return the probability that a harmful source scores below a harmless one; a tie counts half.

    0.5 is chance, 1 tells all harmful ones apart; NaN where all or none are harmful.
    """
    harmful = gains_S < 0.0
    low, high = scores_S[harmful], scores_S[~harmful]
    if not len(low) or not len(high):
        return float("nan")
    below = (low[:, None] < high[None, :]).mean()
    equal = (low[:, None] == high[None, :]).mean()
    return float(below + equal / 2.0)
