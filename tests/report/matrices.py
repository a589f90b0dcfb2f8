"""Small score matrices for tests of the report."""

import numpy as np

from pipeline.relationships.scores import Provenance, ScoreMatrix


def matrix(values, *, scorer="s", names=None, directional=True, unit="similarity", **extras):
    """Return a matrix of square `values`, sources x targets; None is not scored."""
    values = np.array([[np.nan if v is None else v for v in row] for row in values], dtype=float)
    tasks = tuple(names or "abcdefgh"[: len(values)])
    return ScoreMatrix(
        sources=tasks,
        targets=tasks,
        values_ST=values,
        se_ST=None,
        directional=directional,
        unit=unit,
        provenance=Provenance(scorer=scorer, version="1", seed=3, inputs={}, cost={}),
        extras=extras,
    )
