"""Uncertainty over targets: cluster bootstrap and sign-flip tests."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from pipeline.seeds import derive_rng

Floats = NDArray[np.float64]
DRAWS = 10_000
_EXACT = 14
"""Up to 2^14 sign patterns are all looked at."""


def bootstrap_interval(
    values_TK: Floats, *, seed: int, draws: int = DRAWS, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of a mean over targets.

    Targets are drawn with replacement; then, for each, its runs. A target counts as the mean of its
    runs, whatever their number.

    Args:
        values_TK: A figure by target and run; NaN where there is none. Targets without any are left out.
        seed: Seed of the draws, which depend on nothing else.
        draws: Number of resamples.
        level: Of the interval, in (0, 1).

    Returns:
        Lower and upper end; both NaN where there is no target.
    """
    known = [row[np.isfinite(row)] for row in np.atleast_2d(values_TK)]
    known = [row for row in known if len(row)]
    if not known:
        return float("nan"), float("nan")
    rng = derive_rng(seed, "bootstrap")
    chosen_BT = rng.integers(0, len(known), (draws, len(known)))
    if max(map(len, known)) == 1:
        means = np.array([row[0] for row in known])[chosen_BT].mean(axis=1)
    else:
        means = _resampled(known, chosen_BT, rng)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(low), float(high)


def _resampled(
    known: list[Floats], chosen_BT: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """Return per draw the mean over its targets of the means of their redrawn runs."""
    sums = np.zeros(len(chosen_BT))
    for place in range(chosen_BT.shape[1]):
        targets = chosen_BT[:, place]
        for target, runs in enumerate(known):
            at = np.flatnonzero(targets == target)
            if len(at):
                sums[at] += runs[rng.integers(0, len(runs), (len(at), len(runs)))].mean(axis=1)
    means: Floats = sums / chosen_BT.shape[1]
    return means


def sign_flip_p(differences_T: Floats, *, seed: int, draws: int = DRAWS) -> float:
    """Return the two-sided p of a mean difference of 0 under random signs.

    Exact over all 2^T patterns up to 14 targets, else over random ones, the observed one included.

    Args:
        differences_T: One paired difference a target; NaN ones are left out.
        seed: Seed of the draws.
        draws: Number of random patterns.
    """
    known = differences_T[np.isfinite(differences_T)]
    if not len(known):
        return float("nan")
    if len(known) <= _EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(known))))
    else:
        rng = derive_rng(seed, "sign flips")
        signs = rng.choice([-1.0, 1.0], (draws, len(known)))
        signs[0] = 1.0
    means = np.abs(signs @ known)
    # what differs in the last bits only is a tie with the observed mean
    return float((means >= abs(known.sum()) - 1e-12 * np.abs(known).sum()).mean())
