"""Greedy choice by gain and coverage: what a candidate adds to those that are chosen already.

The worth of a set S for a target with rows x is

    m * sum over c in S of max(0, g_c) + (1 - m) * mean over x of log(1 + sum over c in S of a_xc / t)

with g_c the candidate's own score, scaled to at most 1, and a_xc >= 0 how much c helps row x. The
first term is modular, the second monotone and submodular, so the greedy sequence is within 1 - 1/e of the
best set of each size (Nemhauser et al., 1978): a near duplicate of a chosen task earns little, one that
covers rows no other does earns much.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BALANCE = 0.5
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One choice of the greedy sequence."""

    task: str
    worth: float
    """What the set became worth by it."""
    own: float
    """Part of the worth that is the task's own score."""
    covered: float
    """Part that is rows which the tasks before it covered less."""


def rank_greedily(
    scores: Mapping[str, float],
    affinity: Mapping[str, Floats],
    *,
    balance: float = BALANCE,
) -> tuple[Step, ...]:
    """Return candidates in the sequence in which a greedy chooser would take them.

    Args:
        scores: Each candidate's own score for the target; negative counts as 0.
        affinity: How much each helps each row of the target, >= 0, one length for all; a candidate
            without an entry covers nothing.
        balance: m, in [0, 1]: 1 looks at scores alone, 0 at coverage alone.

    Returns:
        One step a candidate; ties go by score, then by name.
    """
    top = max((value for value in scores.values()), default=0.0)
    own = {task: max(0.0, value) / top if top > 0.0 else 0.0 for task, value in scores.items()}
    rows = max((len(values) for values in affinity.values()), default=0)
    scale = _scale(affinity)
    left, covered = sorted(scores), np.zeros(rows)
    steps: list[Step] = []
    while left:
        gained = {task: _covered(covered, affinity.get(task), scale) for task in left}
        offers = [_step(t, balance * own[t], (1.0 - balance) * gained[t]) for t in left]
        # of equals the first by name: candidates stand in name order, and `max` keeps the first;
        # rounded, so that the last bits of a sum decide nothing
        best = max(offers, key=lambda step: (round(step.worth, _DIGITS), scores[step.task]))
        steps.append(best)
        if best.task in affinity:
            covered = covered + affinity[best.task] / scale
        left.remove(best.task)
    return tuple(steps)


def _step(task: str, own: float, covered: float) -> Step:
    return Step(task=task, worth=own + covered, own=own, covered=covered)


def _scale(affinity: Mapping[str, Floats]) -> float:
    """Return t: the mean affinity where there is any, so that units do not matter."""
    values = np.concatenate([np.zeros(0), *affinity.values()])
    positive = values[values > 0.0]
    return float(positive.mean()) if len(positive) else 1.0


def _covered(covered_R: Floats, more_R: Floats | None, scale: float) -> float:
    if more_R is None or not len(covered_R):
        return 0.0
    return float((np.log1p(covered_R + more_R / scale) - np.log1p(covered_R)).mean())
