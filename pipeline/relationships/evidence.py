"""What a scorer may look at: train rows, and what the compass training left behind; no report row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract.files import require
from pipeline.errors import ArtefactError
from pipeline.relationships.proxy.shared import TrainedModels
from pipeline.relationships.proxy.tasks import FeatureTask

_RETRAIN = "delete the model's folder and run `dvc repro train`"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prefixes:
    """A vector a task in a model of width D, before and after training.

    The prefix embedding, or the state at its place over the task's rows.
    """

    tasks: tuple[str, ...]
    initial_TD: NDArray[np.float64]
    final_TD: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """All that scorers see of a mixture."""

    tasks: tuple[str, ...]
    """In name order."""
    examples: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    """Curated *train* rows (`schema.EXAMPLE`) by task."""
    prefixes: Prefixes | None = None
    prefix_states: Prefixes | None = None
    features: Mapping[str, FeatureTask] = field(default_factory=dict)
    """Fixed features of train rows with one gold choice, by task; all of one width."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Train rows by task."""
    forms: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file behind this, by a name that says which it is."""
    models: Mapping[str, TrainedModels] = field(default_factory=dict)
    """Models that several scorers ask, by the name of their training; of the same tasks, budget and seed.
    A scorer that finds none trains its own."""

    @property
    def width(self) -> int:
        """Of the features; 0 where there are none."""
        return max((task.features_OD.shape[1] for task in self.features.values()), default=0)


def read_prefixes(path: Path, *, remedy: str = _RETRAIN) -> Prefixes:
    """Read `prefixes.safetensors` of a trained model, or `prefix_states.safetensors` of its features.

    Args:
        path: The file.
        remedy: What makes it anew.

    Raises:
        ArtefactError: It is missing, damaged, does not name its tasks, or is not finite.
    """
    from safetensors import SafetensorError, safe_open

    require(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            initial = np.asarray(file.get_tensor("initial"), dtype=np.float64)
            final = np.asarray(file.get_tensor("final"), dtype=np.float64)
        tasks = tuple(json.loads(metadata["tasks"]))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtefactError(
            f"not the prefixes of a trained model: {error}", where=str(path), remedy=remedy
        ) from error
    if initial.shape != final.shape or initial.ndim != 2 or len(tasks) != len(final):
        raise ArtefactError(
            f"holds vectors of shape {initial.shape} and {final.shape} for {len(tasks)} tasks",
            where=str(path),
            expected="two of tasks x width",
            remedy=remedy,
        )
    broken = [
        t for t, row in zip(tasks, initial + final, strict=True) if not np.isfinite(row).all()
    ]
    if broken:
        raise ArtefactError(
            f"the prefix of task '{broken[0]}' is not finite", where=str(path), remedy=remedy
        )
    return Prefixes(tasks=tasks, initial_TD=initial, final_TD=final)
