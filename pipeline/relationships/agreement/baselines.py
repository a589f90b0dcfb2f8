"""What a scorer has to beat, and what it cannot: baselines and ceilings as score matrices.

All are sources x targets of the truth. Popularity looks at the gains of *other* targets, ceilings at the
gains themselves: they mark a place on the scale and choose nothing.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement.truth import Truth, mean_over_runs

Floats = NDArray[np.float64]


def random_choice(truth: Truth) -> Floats:
    """Return constant scores: every metric is then its exact mean over random rankings."""
    return np.zeros((len(truth.sources), len(truth.targets)))


def by_size(truth: Truth, sizes: Mapping[str, int]) -> Floats:
    """Return the logarithm of each source's rows; NaN where they are unknown."""
    rows_S = np.array([float(sizes.get(source, 0)) for source in truth.sources])
    column = np.where(rows_S > 0, np.log(np.maximum(rows_S, 1.0)), np.nan)
    return np.repeat(column[:, None], len(truth.targets), axis=1)


def same_family(truth: Truth, families: Mapping[str, str]) -> Floats:
    """Return 1 for a source of the target's family, else 0: a random choice inside the family."""
    result = np.zeros((len(truth.sources), len(truth.targets)))
    for s, source in enumerate(truth.sources):
        for t, target in enumerate(truth.targets):
            result[s, t] = source in families and families[source] == families.get(target)
    return result


def popularity(truth: Truth) -> Floats:
    """Return each source's mean gain for all *other* targets; NaN where there is none."""
    gains_ST = truth.mean_ST
    result = np.full(gains_ST.shape, np.nan)
    for target in range(gains_ST.shape[1]):
        result[:, target] = mean_over_runs(np.delete(gains_ST, target, axis=1).T)
    return result


def standardise(scores_ST: Floats) -> Floats:
    """Return scores with mean 0 and standard deviation 1 in each target; 0 where they do not vary."""
    known = np.isfinite(scores_ST)
    counts_T = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, scores_ST, 0.0)
    centred = np.where(known, scores_ST - filled.sum(axis=0) / counts_T, 0.0)
    spread_T = np.sqrt((centred**2).sum(axis=0) / counts_T)
    flat = spread_T <= 1e-12 * np.maximum(1.0, np.abs(filled).max(axis=0, initial=0.0))
    return np.where(known, centred / np.where(flat, 1.0, spread_T) * ~flat, np.nan)


def sum_standardised(*matrices: Floats) -> Floats:
    """Return the sum of standardised scores, equal weights; NaN where one is missing."""
    result: Floats = np.sum([standardise(matrix) for matrix in matrices], axis=0)
    return result


def symmetric_ceiling(truth: Truth) -> Floats:
    """Return the mean of both true directions: the best that a symmetric score can know.

    NaN where a pair was not measured both ways.
    """
    gains_ST = truth.mean_ST
    result = np.full(gains_ST.shape, np.nan)
    for s, source in enumerate(truth.sources):
        for t, target in enumerate(truth.targets):
            if source in truth.targets and target in truth.sources:
                back = gains_ST[truth.sources.index(target), truth.targets.index(source)]
                result[s, t] = (gains_ST[s, t] + back) / 2.0
    return result


def one_run(truth: Truth, run: int) -> tuple[Floats, Truth]:
    """Return one run's gains as scores, and the truth of all other runs.

    What one real training a pair knows of the others: a scorer without trainings that claims more
    has probably seen the answers.
    """
    rest = np.delete(truth.gains_KST, run, axis=0)
    others = Truth(sources=truth.sources, targets=truth.targets, gains_KST=rest)
    return truth.gains_KST[run], others
