"""What scorers see of a planted level: train rows as features and as texts, never the rest."""

from collections.abc import Sequence

import polars as pl

from benchmarks.planted.generate import PlantedTask
from benchmarks.planted.truth import content_hash
from pipeline.relationships.evidence import Evidence


def evidence_of(tasks: Sequence[PlantedTask]) -> Evidence:
    """Return the evidence of planted tasks, in name order."""
    ordered = sorted(tasks, key=lambda task: task.name)
    return Evidence(
        tasks=tuple(task.name for task in ordered),
        examples={task.name: _texts(task) for task in ordered},
        features={task.name: task.train for task in ordered},
        sizes={task.name: len(task.train) for task in ordered},
        forms={task.name: f"{2 + task.domain % 3} choices" for task in ordered},
        families={task.name: task.family for task in ordered},
        inputs={"planted": content_hash(ordered)},
    )


def _texts(task: PlantedTask) -> pl.LazyFrame:
    hashes = [index.to_bytes(16, "big") for index in range(len(task.texts))]
    return pl.LazyFrame(
        {"context": list(task.texts), "question": [""] * len(hashes), "content_hash": hashes},
        schema={"context": pl.String, "question": pl.String, "content_hash": pl.Binary},
    )
