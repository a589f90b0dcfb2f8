"""Several scores as one: standardised in each target, then summed with equal weights.

Equal weights are the default because weights learned on a few targets fit those targets. A pair that one
of the scores lacks has none here.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import ArtefactError
from pipeline.relationships.agreement.baselines import sum_standardised
from pipeline.relationships.scores import Provenance, ScoreMatrix

VERSION = "1"


def stack(matrices: Sequence[ScoreMatrix], *, name: str = "stack") -> ScoreMatrix:
    """Return the equal-weight stack of score matrices.

    Args:
        matrices: Of the same sources and targets.
        name: Of the new scorer.

    Raises:
        ArtefactError: There are none, or they are of different tasks.
    """
    if not matrices:
        raise ArtefactError("there are no scores to stack")
    first = matrices[0]
    for matrix in matrices:
        if (matrix.sources, matrix.targets) != (first.sources, first.targets):
            raise ArtefactError(
                f"scorers '{first.provenance.scorer}' and '{matrix.provenance.scorer}' "
                "scored different tasks",
                remedy="run `dvc repro relate`",
            )
    parts = [matrix.provenance for matrix in matrices]
    own = np.array(first.sources)[:, None] == np.array(first.targets)[None, :]
    values = [np.where(own, np.nan, matrix.values_ST) for matrix in matrices]
    return ScoreMatrix(
        sources=first.sources,
        targets=first.targets,
        values_ST=sum_standardised(*values),
        se_ST=None,
        directional=any(matrix.directional for matrix in matrices),
        unit="similarity",
        provenance=Provenance(
            scorer=name,
            version=VERSION,
            seed=parts[0].seed,
            inputs={key: value for part in parts for key, value in part.inputs.items()},
            cost={f"{p.scorer}.{key}": value for p in parts for key, value in p.cost.items()},
        ),
        extras={"of": [f"{part.scorer} {part.version}" for part in parts]},
    )
