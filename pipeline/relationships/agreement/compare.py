"""All scorers of a study beside all baselines, on the same truth.

The baselines are always there, whatever they say of the scorers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement import baselines
from pipeline.relationships.agreement.measure import (
    PER_TARGET,
    Agreement,
    figure,
    measure_agreement,
)
from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.scores import ScoreMatrix

Floats = NDArray[np.float64]


def align(matrix: ScoreMatrix, truth: Truth) -> Floats:
    """Return a matrix's scores for the truth's sources and targets; NaN where it has none."""
    result = np.full((len(truth.sources), len(truth.targets)), np.nan)
    rows = [i for i, name in enumerate(truth.sources) if name in matrix.sources]
    columns = [i for i, name in enumerate(truth.targets) if name in matrix.targets]
    there = np.ix_(
        [matrix.sources.index(truth.sources[i]) for i in rows],
        [matrix.targets.index(truth.targets[i]) for i in columns],
    )
    result[np.ix_(rows, columns)] = matrix.values_ST[there]
    return result


def compare_scorers(
    matrices: Sequence[ScoreMatrix],
    truth: Truth,
    *,
    seed: int,
    sizes: Mapping[str, int] | None = None,
    families: Mapping[str, str] | None = None,
    text: Floats | None = None,
) -> list[Agreement]:
    """Hold scorers and baselines against the truth.

    Args:
        matrices: What the scorers gave.
        truth: The measured gains.
        seed: Of the bootstrap.
        sizes: Train rows by task; without them there is no row `size`.
        families: Family by task; without them there is no row `same family`.
        text: Text similarity, sources x targets of the truth, for `popularity + text`.

    Returns:
        Scorers, then baselines, then ceilings.
    """
    rows = [
        measure_agreement(
            matrix.provenance.scorer,
            align(matrix, truth),
            truth,
            seed=seed,
            predicts_gain=matrix.unit == "predicted_gain",
        )
        for matrix in matrices
    ]
    for name, scores_ST in _baselines(truth, sizes, families, text).items():
        rows.append(measure_agreement(name, scores_ST, truth, seed=seed))
    return [*rows, *_one_run(truth, seed=seed)]


def _baselines(
    truth: Truth,
    sizes: Mapping[str, int] | None,
    families: Mapping[str, str] | None,
    text: Floats | None,
) -> dict[str, Floats]:
    found = {"random": baselines.random_choice(truth)}
    if sizes is not None:
        found["size"] = baselines.by_size(truth, sizes)
    if families is not None:
        found["same family"] = baselines.same_family(truth, families)
    popularity = baselines.popularity(truth)
    if np.isfinite(popularity).any():
        found["popularity"] = popularity
        if text is not None:
            found["popularity + text"] = baselines.sum_standardised(popularity, text)
    ceiling = baselines.symmetric_ceiling(truth)
    if np.isfinite(ceiling).any():
        found["ceiling of symmetric scores"] = ceiling
    return found


def _one_run(truth: Truth, *, seed: int) -> list[Agreement]:
    """Return what one run knows of the others, as means over which run that is."""
    if truth.runs < 2:
        return []
    single = []
    for run in range(truth.runs):
        scores_ST, others = baselines.one_run(truth, run)
        single.append(measure_agreement("ceiling of one run", scores_ST, others, seed=seed))
    per_target = {
        key: np.mean([row.per_target[key] for row in single], axis=0) for key in PER_TARGET
    }
    figures = {key: figure(values, seed=seed) for key, values in per_target.items()}
    asymmetry = float(np.mean([row.asymmetry for row in single]))
    return [replace(single[0], per_target=per_target, figures=figures, asymmetry=asymmetry)]
