"""How well a source's states explain a target's golds: LogME and the H-score.

For each source a small model is trained on it alone; its hidden states on the target's rows, centred in
each row, are the features, and which choice is gold, centred too, what they should explain. Both see
labels and are directional; neither sees a sign: a source that answers everything the wrong way round
explains as much as its opposite. Sources: You et al., LogME (ICML 2021); Bao et al., H-score (ICIP 2019).
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.readings import hidden_states
from pipeline.relationships.proxy.shared import SINGLE_TASK
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix

_ROUNDS = 50
_TOLERANCE = 1e-5
_RIDGE = 1e-3
_FLAT = 1e9
"""Prior precision, over the data's own, from which weights are 0 and the evidence no longer changes."""

Floats = NDArray[np.float64]


class StateScorer(ProxyScorer):
    """A formula of a source model's states and a target's golds."""

    shares = SINGLE_TASK

    @staticmethod
    @abstractmethod
    def formula(features_OH: Floats, gold_O: Floats) -> float:
        """Return how well states, one row a choice, explain gold marks; higher is better."""

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""

        def explained(model: Weights, batch: Batch) -> float:
            return self.formula(*hidden_states(model, batch))

        values_KST = self.models(evidence, budget, seed=seed).ask_each(explained)
        return self.trained_matrix(evidence, budget, values_KST, seed=seed)


def log_evidence(features_OH: Floats, gold_O: Floats) -> float:
    """Return the maximum log evidence of gold marks under linear regression, per choice.

    `max over a, b of (1/n) log p(y | F, a, b)` with weights ~ N(0, 1/a) and noise ~ N(0, 1/b), found by
    the fixed-point rounds of the paper.

    Args:
        features_OH: One row a choice.
        gold_O: What they should explain.

    Returns:
        Higher is better; NaN where `gold_O` does not vary, as in rows of a single choice.
    """
    size, width = features_OH.shape
    if not _varies(gold_O):
        return float("nan")
    left, singular, _ = np.linalg.svd(features_OH, full_matrices=False)
    energy = singular**2
    projected = (left.T @ gold_O) ** 2
    outside = max(float(gold_O @ gold_O - projected.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(_ROUNDS):
        gamma = float((beta * energy / (alpha + beta * energy)).sum())
        length, error = _fit(energy, projected, outside, alpha, beta)
        before = alpha / beta
        # features that explain nothing would drive alpha to infinity, where nothing changes any more
        most = _FLAT * beta * float(energy.max(initial=0.0)) or 1.0
        alpha = min(gamma / length, most) if length > 0.0 else most
        beta = max(size - gamma, 1e-9) / max(error, 1e-12)
        if abs(alpha / beta - before) <= _TOLERANCE * before:
            break
    length, error = _fit(energy, projected, outside, alpha, beta)
    determinant = float(np.log(alpha + beta * energy).sum())
    determinant += (width - len(energy)) * np.log(alpha)
    total = size * np.log(beta) + width * np.log(alpha) - size * np.log(2.0 * np.pi)
    return float((total - beta * error - alpha * length - determinant) / (2.0 * size))


def _varies(gold_O: Floats) -> bool:
    return len(gold_O) > 0 and float(np.ptp(gold_O)) > 0.0


def _fit(
    energy: Floats, projected: Floats, outside: float, alpha: float, beta: float
) -> tuple[float, float]:
    """Return the squared length of the mean weights, and the squared error that they leave."""
    total = alpha + beta * energy
    length = float((beta**2 * energy * projected / total**2).sum())
    return length, outside + float((projected * (alpha / total) ** 2).sum())


def h_score(features_OH: Floats, gold_O: Floats) -> float:
    """Return the H-score `tr(cov(f)^-1 cov(E[f | y]))` of features for being gold or not.

    Args:
        features_OH: One row a choice.
        gold_O: Above 0 for gold choices.

    Returns:
        In [0, 1], there being two classes; NaN where no choice, or every choice, is gold.
    """
    if not _varies(gold_O):
        return float("nan")
    deviations = features_OH - features_OH.mean(axis=0)
    total = deviations.T @ deviations / len(deviations)
    between = np.zeros_like(total)
    for gold in (False, True):
        members = deviations[(gold_O > 0.0) == gold]
        mean = members.mean(axis=0)
        between += len(members) / len(deviations) * np.outer(mean, mean)
    ridge = _RIDGE * max(float(np.trace(total)) / len(total), 1e-12)
    return float(np.trace(np.linalg.solve(total + ridge * np.eye(len(total)), between)))


@dataclass(frozen=True, kw_only=True)
class LogME(StateScorer):
    """Log evidence of a linear regression of golds on states."""

    name = "logme"
    formula = staticmethod(log_evidence)


@dataclass(frozen=True, kw_only=True)
class HScore(StateScorer):
    """Share of the states' variance that lies between gold and other choices."""

    name = "hscore"
    formula = staticmethod(h_score)
