"""CompassMTL's score: Pearson correlation of the learnt prefixes, and the figures to judge it by.

A prefix is its embedding or, where the score is `prefix_state`, the mean state that the trained model
gives it in front of the task's rows.

The correlation is symmetric, shares the drift of all prefixes unless they are centred, and is the random
initialisation itself where training hardly moved them. So beside the score stand its variants, the
same figure before training, and what random vectors of that shape would give (*null band*).
Source: Zhang et al., Task Compass (Findings of EMNLP 2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.config.params import RelateParams
from pipeline.errors import ArtefactError
from pipeline.relationships.evidence import Evidence, Prefixes
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scores import ScoreMatrix, as_rows
from pipeline.seeds import derive_rng

NULL_DRAWS = 100
_STILL = 1e-9
"""A vector this small against what it was before centring holds rounding noise only."""


@dataclass(frozen=True, kw_only=True)
class PrefixCorrelation(Scorer):
    """Pearson correlation of the final prefix embeddings.

    Attributes:
        centre: Whether the mean prefix is subtracted first. Where all prefixes start as one vector,
            this is also the correlation of their changes, centred.
    """

    centre: bool = True

    name = "prefix"
    needs = frozenset({"prefixes"})
    directional = False

    @classmethod
    def from_params(cls, params: RelateParams) -> Self:
        """Return the scorer with the setting `relate.centre`."""
        return cls(centre=params.centre)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        return self.correlate(evidence.prefixes, evidence, made_by="train", seed=seed)

    def correlate(
        self, found: Prefixes | None, evidence: Evidence, *, made_by: str, seed: int
    ) -> ScoreMatrix:
        """Return the correlations of vectors of the evidence's tasks, with all that stands beside them.

        Args:
            found: The vectors; null where there are none.
            evidence: Whose tasks.
            made_by: Stage that makes the vectors.
            seed: Of the run.

        Raises:
            ArtefactError: There are no vectors, or none of some task.
        """
        if found is None:
            raise ArtefactError(
                f"scorer '{self.name}' needs a trained model", remedy=f"run `dvc repro {made_by}`"
            )
        prefixes = select_tasks(found, evidence.tasks)
        matrices = variants(prefixes)
        bands = {
            centre: null_band(prefixes.final_TD.shape, centre=centre, seed=seed)
            for centre in (False, True)
        }
        chosen = "centred" if self.centre else "raw"
        return self.matrix_of(
            evidence,
            matrices[chosen],
            seed=seed,
            cost={"joint_trainings": 1.0},
            warnings=_warnings(matrices, chosen, bands[self.centre], len(prefixes.tasks)),
            extras={
                "score": chosen,
                "variants": {
                    name: summarise(values, bands["centred" in name])
                    for name, values in matrices.items()
                },
                "movement": as_rows(movement(prefixes)[None, :])[0],
            },
        )


@dataclass(frozen=True, kw_only=True)
class PrefixStateCorrelation(PrefixCorrelation):
    """The same of the prefixes' mean states in front of their task's rows."""

    name = "prefix_state"
    needs = frozenset({"prefix_states"})
    views = ("choice",)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        return self.correlate(evidence.prefix_states, evidence, made_by="features", seed=seed)


def select_tasks(prefixes: Prefixes, tasks: tuple[str, ...]) -> Prefixes:
    """Return the vectors of some tasks, in their sequence.

    Raises:
        ArtefactError: There is none of some task.
    """
    missing = sorted(set(tasks) - set(prefixes.tasks))
    if missing:
        raise ArtefactError(
            f"the model has no prefix for task '{missing[0]}'",
            remedy="run `dvc repro train`: it was trained on another mixture",
        )
    at = [prefixes.tasks.index(task) for task in tasks]
    return Prefixes(tasks=tasks, initial_TD=prefixes.initial_TD[at], final_TD=prefixes.final_TD[at])


def correlations(vectors_TD: NDArray[np.float64], *, centre: bool) -> NDArray[np.float64]:
    """Return the Pearson correlation of all pairs of vectors, T x T in [-1, 1].

    Args:
        vectors_TD: One vector a task.
        centre: Whether the mean vector of all tasks is subtracted first.

    Returns:
        NaN on the diagonal, and where a vector does not vary.
    """
    length_T = np.linalg.norm(vectors_TD, axis=1)
    centred_TD = vectors_TD - vectors_TD.mean(axis=0) if centre else vectors_TD
    deviation_TD = centred_TD - centred_TD.mean(axis=1, keepdims=True)
    norm_T = np.linalg.norm(deviation_TD, axis=1)
    still = norm_T <= _STILL * length_T
    unit_TD = deviation_TD / np.where(still, 1.0, norm_T)[:, None]
    values_TT: NDArray[np.float64] = np.clip(unit_TD @ unit_TD.T, -1.0, 1.0)
    values_TT[still, :] = values_TT[:, still] = np.nan
    np.fill_diagonal(values_TT, np.nan)
    return values_TT


def variants(prefixes: Prefixes) -> dict[str, NDArray[np.float64]]:
    """Return the correlations of final, changed and initial prefixes, each raw and centred."""
    change_TD = prefixes.final_TD - prefixes.initial_TD
    return {
        "raw": correlations(prefixes.final_TD, centre=False),
        "centred": correlations(prefixes.final_TD, centre=True),
        "change": correlations(change_TD, centre=False),
        "change_centred": correlations(change_TD, centre=True),
        "step0": correlations(prefixes.initial_TD, centre=False),
        "step0_centred": correlations(prefixes.initial_TD, centre=True),
    }


def movement(prefixes: Prefixes) -> NDArray[np.float64]:
    """Return how far each prefix moved, over its initial length; NaN where that is 0."""
    length_T = np.linalg.norm(prefixes.initial_TD, axis=1)
    moved_T = np.linalg.norm(prefixes.final_TD - prefixes.initial_TD, axis=1)
    return np.where(length_T > 0, moved_T / np.where(length_T > 0, length_T, 1.0), np.nan)


def null_band(
    shape: tuple[int, ...], *, centre: bool, seed: int, draws: int = NULL_DRAWS
) -> dict[str, float]:
    """Return what |r| random normal vectors of the same shape have.

    Returns:
        `mean` and `q95` (95 % quantile) of |r| over all pairs of all `draws`; NaN for one task.
    """
    rng = derive_rng(seed, "prefix", "null", *shape)
    upper = np.triu_indices(shape[0], 1)
    sizes = [
        np.abs(correlations(rng.standard_normal(shape), centre=centre)[upper]) for _ in range(draws)
    ]
    pooled = np.concatenate(sizes)
    if not len(pooled):
        return {"mean": float("nan"), "q95": float("nan")}
    return {"mean": float(pooled.mean()), "q95": float(np.quantile(pooled, 0.95))}


def summarise(values_TT: NDArray[np.float64], band: Mapping[str, float]) -> dict[str, Any]:
    """Describe one variant: its matrix, the size of its values, and how many random ones have."""
    pairs = values_TT[np.triu_indices(len(values_TT), 1)]
    known = np.abs(pairs[~np.isnan(pairs)])
    inside = float((known <= band["q95"]).mean()) if len(known) else float("nan")
    figures = [[float(known.mean()) if len(known) else float("nan"), inside, *band.values()]]
    mean_abs, share_inside, null_mean, null_q95 = as_rows(np.array(figures))[0]
    return {
        "values": as_rows(values_TT),
        "pairs": len(known),
        "mean_abs": mean_abs,
        "inside_null": share_inside,
        "null": {"mean_abs": null_mean, "q95_abs": null_q95, "draws": NULL_DRAWS},
    }


def _warnings(
    matrices: Mapping[str, NDArray[np.float64]], chosen: str, band: Mapping[str, float], tasks: int
) -> tuple[str, ...]:
    pairs = matrices[chosen][np.triu_indices(tasks, 1)]
    known = pairs[~np.isnan(pairs)]
    lines: list[str] = []
    if tasks > 1 and chosen == "centred":
        lines.append(
            f"centring {tasks} prefixes alone gives a mean correlation near {-1 / (tasks - 1):.3f}"
        )
    if len(known) and (np.abs(known) <= band["q95"]).mean() >= 0.9:
        lines.append("9 of 10 pairs or more lie inside the band of random vectors")
    before = matrices["step0_centred" if chosen == "centred" else "step0"]
    if _same_scores(matrices[chosen], before):
        lines.append("the scores are those of the untrained prefixes: training hardly moved them")
    if len(known) < len(pairs):
        lines.append(f"{len(pairs) - len(known)} pairs have no score: a prefix without variation")
    return tuple(lines)


def _same_scores(first_TT: NDArray[np.float64], second_TT: NDArray[np.float64]) -> bool:
    """Return whether two matrices say the same: correlated above 0.9 over the pairs that both know."""
    upper = np.triu_indices(len(first_TT), 1)
    first, second = first_TT[upper], second_TT[upper]
    both = ~np.isnan(first) & ~np.isnan(second)
    if both.sum() < 3 or not first[both].std() or not second[both].std():
        return False
    return bool(np.corrcoef(first[both], second[both])[0, 1] > 0.9)
