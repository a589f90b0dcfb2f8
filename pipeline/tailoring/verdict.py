"""What a comparison shows: arms against one another, with intervals over targets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement.intervals import bootstrap_interval, sign_flip_p
from pipeline.tailoring.arms import ALONE, FAMILY, RANDOM, SHUFFLED, TAILOR

Outcomes = Mapping[str, Mapping[str, Sequence[float]]]
"""A figure by target, arm and seed; higher is better."""
MARGIN = 0.005
"""Accuracy by which Tailor may be below a random choice inside the family and still count as no worse."""
_BITS = 1e-12
"""Below this a difference is of rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDifference:
    """One arm minus another, over targets, in the figure's unit."""

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


def difference(outcomes: Outcomes, arm: str, against: str, *, seed: int) -> ArmDifference:
    """Compare two arms, paired by target and seed.

    Args:
        outcomes: Figures; higher is better.
        arm: The one.
        against: The other.
        seed: Of bootstrap and sign flips.
    """
    targets = sorted(outcomes)
    apart_TK = np.array(
        [np.subtract(outcomes[t][arm], outcomes[t][against]) for t in targets], dtype=np.float64
    )
    # an arm of ten equal choices is a mean, which may differ from each in its last bits
    apart_TK[np.abs(apart_TK) < _BITS] = 0.0
    by_target: NDArray[np.float64] = apart_TK.mean(axis=1)
    low, high = bootstrap_interval(apart_TK, seed=seed)
    worst = int(by_target.argmin())
    return ArmDifference(
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


def compare_arms(outcomes: Outcomes, *, seed: int) -> list[dict[str, Any]]:
    """Return Tailor against every other arm, then shuffled scores against random choice, as JSON."""
    arms = sorted({arm for by_arm in outcomes.values() for arm in by_arm} - {TAILOR})
    pairs = [(TAILOR, arm) for arm in arms] + [(SHUFFLED, RANDOM)]
    return [asdict(difference(outcomes, one, other, seed=seed)) for one, other in pairs]


def summarise(figures: Mapping[str, Outcomes]) -> dict[str, Any]:
    """Return what a comparison shows, as JSON.

    Args:
        figures: `accuracy` and `loss`, each by target, arm and seed; see `experiment.try_arms`.
    """
    accuracy, loss = figures["accuracy"], figures["loss"]
    # of losses lower is better
    fall = {t: {arm: [-v for v in by[arm]] for arm in by} for t, by in loss.items()}
    rows = compare_arms(accuracy, seed=0)
    return {
        "accuracy": {"arms": arm_means(accuracy), "differences": rows},
        "loss": {"arms": arm_means(loss), "differences": compare_arms(fall, seed=0)},
        "claims": check_claims(accuracy, rows),
        "outcomes": figures,
    }


def arm_means(outcomes: Outcomes) -> dict[str, float]:
    """Return each arm's mean over targets and seeds."""
    arms = sorted({arm for by_arm in outcomes.values() for arm in by_arm})
    return {
        arm: float(np.mean([np.mean(outcomes[target][arm]) for target in sorted(outcomes)]))
        for arm in arms
    }


def check_claims(accuracy: Outcomes, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what was to be shown, and whether it was.

    Args:
        accuracy: By target, arm and seed.
        rows: From `compare_arms` of the same.

    Returns:
        `above_random`: the interval of Tailor minus random choice is above 0. `no_worse_than_family`:
        that of Tailor minus same-family choice is above -`MARGIN`. `shuffled_is_random`: that of
        shuffled scores minus random choice holds 0. `share_below_alone`: of targets on which Tailor is
        below the target alone.
    """
    by = {(row["arm"], row["against"]): row for row in rows}
    null = by[SHUFFLED, RANDOM]
    below = [np.mean(arms[TAILOR]) < np.mean(arms[ALONE]) - _BITS for arms in accuracy.values()]
    return {
        "above_random": by[TAILOR, RANDOM]["low"] > 0.0,
        "no_worse_than_family": by[TAILOR, FAMILY]["low"] > -MARGIN,
        "shuffled_is_random": null["low"] <= 0.0 <= null["high"],
        "share_below_alone": float(np.mean(below)),
    }
