"""From the stages' results to the small frames that charts and tables show.

Each function takes what a stage wrote and returns a frame in long form: one row for each mark.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl


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


def race(arms: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return `k`, `loss`, `low`, `high`, `winner` of a race's arms (why.json), by k.

    The error bar is one standard error of the difference to the best arm, which has none itself.
    """
    rows = [
        (arm["k"], arm["loss"], arm["loss"] - arm["se"], arm["loss"] + arm["se"], arm["won"])
        for arm in sorted(arms, key=lambda arm: int(arm["k"]))
    ]
    types = (pl.UInt32, pl.Float64, pl.Float64, pl.Float64, pl.Boolean)
    schema = dict(zip(("k", "loss", "low", "high", "winner"), types, strict=True))
    return pl.DataFrame(rows, schema=schema, orient="row")


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


def accuracy(
    per_task: pl.DataFrame, tasks: Sequence[str], *, series: Sequence[str]
) -> pl.DataFrame:
    """Return `task`, `series`, `accuracy` from per_task.csv, in the order of `tasks`.

    Args:
        per_task: One row a task.
        tasks: Those that are shown.
        series: Columns of accuracies: of baselines, and of trainings.
    """
    order = pl.DataFrame({"task": list(tasks)})
    return (
        order.join(per_task, on="task", how="inner", maintain_order="left")
        .unpivot(series, index="task", variable_name="series", value_name="accuracy")
        .with_columns(pl.col("accuracy").round(6))
    )


def loss_by_task(logs: Mapping[str, pl.DataFrame], *, points: int = 30) -> pl.DataFrame:
    """Return `which`, `task`, `step`, `examples`, `loss`, `accuracy` of each training's task_log.csv.

    There are at most `points` lines a task: neighbours are put together, their examples added and their
    means weighted by them.
    """
    parts = []
    for which, log in logs.items():
        steps = log["step"].unique().sort()
        stretch = max(1, -(-len(steps) // points))
        rows = (pl.col(name) * pl.col("examples") for name in ("loss", "accuracy"))
        parts.append(
            log.join(steps.to_frame().with_row_index("nth"), on="step", maintain_order="left")
            .with_columns(rows)
            .group_by("task", pl.col("nth") // stretch, maintain_order=True)
            .agg(pl.col("step").last(), pl.col("examples", "loss", "accuracy").sum())
            .with_columns((pl.col("loss", "accuracy") / pl.col("examples")).round(6))
            .select(pl.lit(which).alias("which"), "task", "step", "examples", "loss", "accuracy")
        )
    return pl.concat(parts).sort("which", "task", "step")


def worst_first(by_task: pl.DataFrame) -> list[str]:
    """Return the tasks by their last training loss, the highest first; ties by name.

    The last loss is that of the first training in `which` that has the task, over its last three points.
    """
    last = (
        by_task.group_by("which", "task", maintain_order=True)
        .tail(3)
        .group_by("which", "task", maintain_order=True)
        .agg((pl.col("loss") * pl.col("examples")).sum() / pl.col("examples").sum())
        .group_by("task", maintain_order=True)
        .first()
    )
    return last.sort(["loss", "task"], descending=[True, False])["task"].to_list()
