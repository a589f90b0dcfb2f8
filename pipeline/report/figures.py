"""From the stages' results to the small frames that charts and tables show. Pure; computes no metric.

Each function takes what a stage wrote, as it wrote it, and returns a frame in long form: one row a mark.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

SERIES = ("chance", "majority", "choice_only", "compass", "tailored")
"""What accuracy is shown for, from knowing nothing to the tailored model."""


def by_family(families: Mapping[str, str]) -> list[str]:
    """Return the tasks, those of a family together, both by name."""
    return sorted(families, key=lambda task: (families[task], task))


def relationships(scores: pl.DataFrame, tasks: Sequence[str]) -> pl.DataFrame:
    """Return `source`, `target`, `score` in the order of `tasks`, targets first; null is unknown."""
    place = {task: i for i, task in enumerate(tasks)}
    return (
        scores.select("source", "target", "score")
        .filter(pl.col("source").is_in(tasks), pl.col("target").is_in(tasks))
        .with_columns(
            pl.col("source").replace_strict(place, return_dtype=pl.Int32).alias("_s"),
            pl.col("target").replace_strict(place, return_dtype=pl.Int32).alias("_t"),
        )
        .sort("_t", "_s")
        .drop("_t", "_s")
    )


def composition(audits: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Return `which`, `task`, `series` (asked, got), `share` of each mixture's audit."""
    rows = [
        {"which": which, "task": entry["task"], "series": series, "share": entry[key]}
        for which, audit in audits.items()
        for entry in audit["tasks"]
        for series, key in (("asked", "share"), ("got", "got_share"))
    ]
    return pl.DataFrame(rows, schema=["which", "task", "series", "share"])


def losses(logs: Mapping[str, pl.DataFrame], *, points: int = 400) -> pl.DataFrame:
    """Return `which`, `step`, `loss`: means over equal stretches, at most `points` a training."""
    parts = []
    for which, log in logs.items():
        stretch = max(1, -(-log.height // points))
        parts.append(
            log.with_row_index("nth")
            .group_by(pl.col("nth") // stretch, maintain_order=True)
            .agg(pl.col("step").last(), pl.col("loss").mean().round(6))
            .select(pl.lit(which).alias("which"), "step", "loss")
        )
    return pl.concat(parts)


def accuracy(per_task: pl.DataFrame, tasks: Sequence[str]) -> pl.DataFrame:
    """Return `task`, `series`, `accuracy` from per_task.csv, in the order of `tasks`."""
    series = [name for name in SERIES if name in per_task.columns]
    order = pl.DataFrame({"task": list(tasks)})
    return (
        order.join(per_task, on="task", how="inner", maintain_order="left")
        .unpivot(series, index="task", variable_name="series", value_name="accuracy")
        .with_columns(pl.col("accuracy").round(6))
    )
