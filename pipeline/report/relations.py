"""From score matrices to the small frames that the relationship page shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.relationships.agreement.compare import align
from pipeline.relationships.agreement.measure import FEWEST_SOURCES, measure_agreement
from pipeline.relationships.agreement.ranking import mean_ranks, pearson
from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.scores import ScoreMatrix
from pipeline.report.clustering import square, tasks_of

Floats = NDArray[np.float64]
BEST = 3
"""Sources of a target that are named."""
PAIRS = 10
"""Pairs of tasks that asymmetry names."""
MEASURED = "measured"
"""Scorer whose gains were really measured."""


def truth_of(matrix: ScoreMatrix) -> Truth:
    """Return measured gains as a truth of one run."""
    return Truth(sources=matrix.sources, targets=matrix.targets, gains_KST=matrix.values_ST[None])


def best_sources(matrix: ScoreMatrix) -> pl.DataFrame:
    """Return `target`, how many `sources` were scored, the best three and the `last`, with scores."""
    columns = ["target", "sources", "first", "second", "third", "last"]
    rows = []
    for target in sorted(matrix.targets):
        column = matrix.column(target)
        order = sorted(column, key=lambda source: (-column[source], source))
        words = [f"{source} {column[source]:.3f}" for source in order]
        best = (words[:BEST] + [None] * BEST)[:BEST]
        rows.append((target, len(words), *best, words[-1] if len(words) > BEST else None))
    schema = {name: pl.UInt32 if name == "sources" else pl.String for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def asymmetry(matrix: ScoreMatrix, *, most: int = PAIRS) -> pl.DataFrame:
    """Return the pairs whose two directions differ most, the higher direction as `source` and `target`.

    Columns: `source`, `target`, `score`, `back` (the other direction's score), `difference`; and, since
    scores compare inside a target alone, `rank` and `rank_back`: places among each target's sources, 1
    the best; equals share theirs. Only pairs that were scored both ways and differ; ties by name.
    """
    tasks = tasks_of(matrix)
    values_TT = square(matrix, tasks)
    ranks_TT = _ranks(values_TT)
    apart_TT = values_TT - values_TT.T
    pairs = [(int(s), int(t)) for s, t in np.argwhere(np.isfinite(apart_TT) & (apart_TT > 0.0))]
    pairs.sort(key=lambda pair: (-round(float(apart_TT[pair]), 9), pair))
    rows = [
        (
            tasks[s], tasks[t], values_TT[s, t], values_TT[t, s], apart_TT[s, t],
            int(ranks_TT[s, t]), int(ranks_TT[t, s]),
        )
        for s, t in pairs[:most]
    ]  # fmt: skip
    names = ("source", "target", "score", "back", "difference", "rank", "rank_back")
    types = (pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64, pl.UInt32, pl.UInt32)
    schema = dict(zip(names, types, strict=True))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ranks(values_ST: Floats) -> Floats:
    """Return ranks inside each target, 1 the best; NaN where there is no score."""
    known = np.isfinite(values_ST)
    better = (values_ST[:, None] < values_ST[None]) & known[None]
    return np.where(known, 1.0 + better.sum(axis=1), np.nan)


def agreement(matrices: Sequence[ScoreMatrix]) -> pl.DataFrame:
    """Return the mean Spearman correlation of two scorers' columns, one row and one column a scorer.

    A target counts where both scored three sources or more and neither gave all the same; null where
    no target does, and on the diagonal.
    """
    names = [matrix.provenance.scorer for matrix in matrices]
    tasks = tuple(sorted({task for matrix in matrices for task in tasks_of(matrix)}))
    squares = [square(matrix, tasks) for matrix in matrices]
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        found = [None if i == j else _agree(squares[i], squares[j]) for j in range(len(names))]
        rows.append({"scorer": name} | dict(zip(names, found, strict=True)))
    return pl.DataFrame(rows, schema={"scorer": pl.String} | dict.fromkeys(names, pl.Float64))


def _agree(one_TT: Floats, other_TT: Floats) -> float | None:
    found = []
    for one, other in zip(one_TT.T, other_TT.T, strict=True):
        known = np.isfinite(one) & np.isfinite(other)
        if known.sum() >= FEWEST_SOURCES:
            found.append(pearson(mean_ranks(one[known]), mean_ranks(other[known])))
    kept = [value for value in found if np.isfinite(value)]
    return float(np.mean(kept)) if kept else None


def against_truth(matrices: Sequence[ScoreMatrix], truth: Truth, *, seed: int) -> pl.DataFrame:
    """Return how every scorer's columns rank the measured gains, best first.

    Columns: `scorer`, `spearman` (mean over targets), `low` and `high` (95 % bootstrap over targets),
    `targets`, `pairs`, `calibration` (slope of gains on predicted gains, 1 is right; null where
    the scores predict no gain).
    """
    rows = []
    for matrix in matrices:
        found = measure_agreement(
            matrix.provenance.scorer,
            align(matrix, truth),
            truth,
            seed=seed,
            predicts_gain=matrix.unit == "predicted_gain",
        )
        rho = found.figures["spearman"]
        if rho.targets:
            figures = (rho.mean, rho.low, rho.high, rho.targets, found.pairs, found.calibration)
            rows.append((found.name, *figures))
    schema = {
        "scorer": pl.String, "spearman": pl.Float64, "low": pl.Float64, "high": pl.Float64,
        "targets": pl.UInt32, "pairs": pl.UInt32, "calibration": pl.Float64,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)
    return frame.sort("spearman", "scorer", descending=[True, False])


def predicted(matrix: ScoreMatrix, truth: Truth) -> pl.DataFrame:
    """Return `source`, `target`, `predicted`, `measured` of the pairs that have both, by names."""
    values_ST, gains_ST = align(matrix, truth), truth.mean_ST
    rows = [
        (truth.sources[s], truth.targets[t], values_ST[s, t], gains_ST[s, t])
        for s, t in np.argwhere(np.isfinite(values_ST) & np.isfinite(gains_ST)).tolist()
    ]
    schema = {
        "source": pl.String, "target": pl.String, "predicted": pl.Float64, "measured": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("source", "target")
