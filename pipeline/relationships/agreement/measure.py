"""How scores stand against measured gains: every metric for every target, then means and intervals.

Scores and gains are sources x targets of the same names; a pair counts where both are finite, a target
where it has three such pairs or more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement import ranking
from pipeline.relationships.agreement.intervals import bootstrap_interval
from pipeline.relationships.agreement.truth import Truth

Floats = NDArray[np.float64]
FEWEST_SOURCES = 3
TOP = (1, 3, 5)

PER_TARGET: Mapping[str, Callable[[Floats, Floats], float]] = {
    "spearman": ranking.spearman,
    "kendall": ranking.kendall,
    "ndcg_exponential": ranking.ndcg_exponential,
    "ndcg_linear": ranking.ndcg_linear,
    "sign_auc": ranking.sign_auc,
} | {
    f"{name}@{k}": partial(metric, k=k)
    for name, metric in (
        ("gain", ranking.gain_at),
        ("harmful", ranking.harmful_at),
        ("regret_of_mean", ranking.regret_of_mean),
        ("regret_of_best", ranking.regret_of_best),
    )
    for k in TOP
}
"""Metrics of a target from the scores and the gains of its sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean over targets."""

    mean: float
    low: float
    high: float
    """Ends of the 95 % cluster-bootstrap interval over targets."""
    targets: int
    """Targets that it is a mean over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One scorer against the truth."""

    name: str
    per_target: Mapping[str, Floats]
    """By metric, one figure a target in the truth's order; NaN where undefined."""
    figures: Mapping[str, Figure]
    """By metric; NaN where no target has it."""
    asymmetry: float
    """Spearman of score(s, t) - score(t, s) with the gains'; NaN where scores are symmetric."""
    calibration: float | None
    """Slope of gains on predicted gains, 1 is right; null where the scores predict no gains."""
    pairs: int
    """Pairs that counted."""


def measure_agreement(
    name: str, scores_ST: Floats, truth: Truth, *, seed: int, predicts_gain: bool = False
) -> Agreement:
    """Hold one score matrix against the truth.

    Args:
        name: Of the scorer.
        scores_ST: Of the truth's sources and targets; higher should help more; NaN where missing.
        truth: The measured gains; their mean over runs counts.
        seed: Of the bootstrap.
        predicts_gain: Whether the scores are in the gain's own unit.
    """
    gains_ST = truth.mean_ST
    per_target = {key: np.full(gains_ST.shape[1], np.nan) for key in PER_TARGET}
    both_ST = np.isfinite(scores_ST) & np.isfinite(gains_ST)
    both_ST &= both_ST.sum(axis=0) >= FEWEST_SOURCES
    for target in np.flatnonzero(both_ST.any(axis=0)):
        known = both_ST[:, target]
        for key, metric in PER_TARGET.items():
            per_target[key][target] = metric(scores_ST[known, target], gains_ST[known, target])
    slope = _slope(scores_ST[both_ST], gains_ST[both_ST]) if predicts_gain else None
    return Agreement(
        name=name,
        per_target=per_target,
        figures={key: figure(values, seed=seed) for key, values in per_target.items()},
        asymmetry=asymmetry_captured(scores_ST, truth),
        calibration=slope,
        pairs=int(both_ST.sum()),
    )


def figure(values_T: Floats, *, seed: int) -> Figure:
    """Return the mean of a metric over targets, with its interval."""
    known = values_T[np.isfinite(values_T)]
    low, high = bootstrap_interval(values_T[:, None], seed=seed)
    mean = float(known.mean()) if len(known) else float("nan")
    return Figure(mean=mean, low=low, high=high, targets=len(known))


def asymmetry_captured(scores_ST: Floats, truth: Truth) -> float:
    """Return how well scores rank the difference between the two directions of a pair.

    Spearman over all ordered pairs that are scored and measured both ways. Each pair counts in both
    orders, so that nothing depends on which is named first.

    Returns:
        In [-1, 1]; NaN where no pair is there both ways, or the scores are symmetric.
    """
    both = sorted(set(truth.sources) & set(truth.targets))
    square = np.ix_([truth.sources.index(t) for t in both], [truth.targets.index(t) for t in both])
    scores_TT, gains_TT = scores_ST[square], truth.mean_ST[square]
    score_TT, gain_TT = scores_TT - scores_TT.T, gains_TT - gains_TT.T
    known = np.isfinite(score_TT) & np.isfinite(gain_TT) & ~np.eye(len(both), dtype=bool)
    ranks = [ranking.mean_ranks(values[known]) for values in (score_TT, gain_TT)]
    return ranking.pearson(ranks[0], ranks[1])


def _slope(predicted: Floats, gains: Floats) -> float:
    """Return the least-squares slope of gains on predictions; NaN where these do not vary."""
    if len(predicted) < 2 or np.ptp(predicted) == 0.0:
        return float("nan")
    centred = predicted - predicted.mean()
    return float(centred @ (gains - gains.mean()) / (centred @ centred))
