"""The numbers of a curation, for each task and in all, small enough for a metrics file."""

from typing import Any

import polars as pl

from pipeline.curation.verdict import TaskCounts, Verdict
from pipeline.schema import ROLES


def summary(result: Verdict) -> dict[str, Any]:
    """Return `tasks` (by name) and `total`.

    Of a task: `rows` per split, `kept`, `limited` per role, `unused` examples of a held-out split, what
    the `validation` split serves as,
    `drops` by reason and role, `conflicts` (see `duplicates`), `report_from_test` (1 or 0), and for
    each role that has rows, under `roles`, what `described` says. `total` sums the counts.
    """
    reasons = result.drops.group_by("task", "reason", "role").len()
    reasons = reasons.sort("task", "reason", "role")
    tasks: dict[str, Any] = {}
    for task in sorted(result.kept):
        own = reasons.filter(task=task)
        drops: dict[str, dict[str, int]] = {}
        for _, reason, role, count in own.iter_rows():
            drops.setdefault(reason, {})[role] = count
        tasks[task] = _task(result.kept[task], result.counts[task], drops)
    return {"tasks": tasks, "total": _total(result)}


def described(examples: pl.DataFrame) -> dict[str, Any]:
    """Describe the answers of one role's rows.

    Returns:
        `choices`: rows by number of choices (keys are numbers as text). `majority`: the share of rows
        that the most frequent gold answer gets right: the class in classification, the place of the
        gold choice in multiple choice, any gold class in multi-label rows; null without choices.
        `chance`: expected accuracy of a uniform guess; null without choices or with several golds.
    """
    count = pl.col("choices").list.len()
    sizes = examples.select(count.alias("n")).group_by("n").len().sort("n")
    gold = examples.select(
        gold=pl.coalesce(pl.col("labels"), pl.concat_list("label")).list.unique()
    )
    golds = gold.explode("gold").drop_nulls().group_by("gold").len()
    single = examples.filter(pl.col("label").is_not_null(), count > 0)
    chance = single.select((1.0 / count).mean()).item() if single.height else None
    majority = golds["len"].max() if golds.height else None
    return {
        "choices": {str(n): rows for n, rows in sizes.iter_rows()},
        "majority": None if majority is None else _share(int(str(majority)), examples.height),
        "chance": None if chance is None else round(float(chance), 6),
    }


def _task(
    kept: dict[str, pl.DataFrame], counts: TaskCounts, drops: dict[str, dict[str, int]]
) -> dict[str, Any]:
    return {
        "rows": counts.rows,
        "kept": {role: kept[role].height for role in ROLES},
        "limited": counts.limited,
        "unused": counts.unused,
        "validation": counts.validation,
        "drops": drops,
        "conflicts": counts.conflicts,
        "report_from_test": int(counts.report == "test"),
        "roles": {role: described(kept[role]) for role in ROLES if kept[role].height},
    }


def _total(result: Verdict) -> dict[str, Any]:
    reasons = result.drops.group_by("reason").len().sort("reason")
    return {
        "tasks": len(result.kept),
        "rows": sum(sum(counts.rows.values()) for counts in result.counts.values()),
        "kept": {role: sum(kept[role].height for kept in result.kept.values()) for role in ROLES},
        "limited": {
            role: sum(counts.limited[role] for counts in result.counts.values()) for role in ROLES
        },
        "unused": sum(counts.unused for counts in result.counts.values()),
        "drops": dict(reasons.iter_rows()),
        "conflicts": sum(counts.conflicts for counts in result.counts.values()),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6)
