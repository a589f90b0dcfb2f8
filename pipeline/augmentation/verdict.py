"""What a trial shows: Tailor against each other arm, with intervals over targets. Knows numbers only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.augmentation.trial import TAILOR
from pipeline.relationships.agreement.intervals import bootstrap_interval, sign_flip_p

Outcomes = Mapping[str, Mapping[str, Sequence[float]]]
"""Accuracy by target, arm and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm minus another, over targets, in accuracy."""

    arm: str
    against: str
    mean: float
    low: float
    high: float
    """Ends of the 95 % cluster-bootstrap interval: targets, then seeds."""
    p: float
    """Two-sided, of random signs over targets."""
    wins: int
    ties: int
    losses: int
    worst: str
    """The target with the lowest difference."""
    worst_by: float


def difference(outcomes: Outcomes, arm: str, against: str, *, seed: int) -> Difference:
    """Compare two arms, paired by target and seed.

    Args:
        outcomes: Accuracies.
        arm: The one.
        against: The other.
        seed: Of bootstrap and sign flips.
    """
    targets = sorted(outcomes)
    apart_TK = np.array(
        [np.subtract(outcomes[t][arm], outcomes[t][against]) for t in targets], dtype=np.float64
    )
    by_target: NDArray[np.float64] = apart_TK.mean(axis=1)
    low, high = bootstrap_interval(apart_TK, seed=seed)
    worst = int(by_target.argmin())
    return Difference(
        arm=arm,
        against=against,
        mean=float(by_target.mean()),
        low=low,
        high=high,
        p=sign_flip_p(by_target, seed=seed),
        wins=int((by_target > 0.0).sum()),
        ties=int((by_target == 0.0).sum()),
        losses=int((by_target < 0.0).sum()),
        worst=targets[worst],
        worst_by=float(by_target[worst]),
    )


def verdict(outcomes: Outcomes, *, seed: int) -> list[dict[str, Any]]:
    """Return Tailor against every other arm, as JSON."""
    arms = sorted({arm for by_arm in outcomes.values() for arm in by_arm} - {TAILOR})
    return [asdict(difference(outcomes, TAILOR, arm, seed=seed)) for arm in arms]


def means(outcomes: Outcomes) -> dict[str, float]:
    """Return each arm's mean accuracy over targets and seeds."""
    arms = sorted({arm for by_arm in outcomes.values() for arm in by_arm})
    return {
        arm: float(np.mean([np.mean(outcomes[target][arm]) for target in sorted(outcomes)]))
        for arm in arms
    }
