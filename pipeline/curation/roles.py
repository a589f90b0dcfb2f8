"""Which rows of a task are for training, for choosing, and for the final figure.

`report` is the test split if all its rows are labelled, else the validation split. `select` comes from
the validation split if that is free and the card gives it no other use, else from train. Both are
chosen by the hash of a row's text: rows that share a context (premise, passage, dialogue) get the same
role. Rows with no role are `unused`: they are counted and kept out of everything. No other task
changes a task's roles.
"""

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.config.params import CurateParams
from pipeline.config.task_card import ValidationUse
from pipeline.curation.keys import group_hashes, row_hashes
from pipeline.schema import Split

UNUSED = "unused"


def is_labelled() -> pl.Expr:
    """Return whether an example has a gold answer of any form."""
    return pl.any_horizontal(pl.col("label", "labels", "target").is_not_null())


def report_split(examples: pl.DataFrame) -> Split | None:
    """Return the split that `report` is taken from; None where no held-out split has labels.

    Args:
        examples: One task's examples of all splits, with a column `split`.
    """
    counts = examples.group_by("split").agg(
        rows=pl.len(), labelled=is_labelled().sum().cast(pl.Int64)
    )
    labelled = {split: (rows, known) for split, rows, known in counts.iter_rows()}
    rows, known = labelled.get("test", (0, 0))
    if rows and rows == known:
        return "test"
    return "validation" if labelled.get("validation", (0, 0))[1] else None


def select_target(rows: int, params: CurateParams) -> int:
    """Return how many of a task's train rows become `select` rows.

    The share, clamped to `select_min` and `select_max`, and never more than half: a task of 60 rows
    gives 30 and keeps 30, a task of one row gives none.
    """
    wanted = min(max(round(rows * params.select_share), params.select_min), params.select_max)
    return min(wanted, rows // 2)


def assigned(
    examples: pl.DataFrame,
    params: CurateParams,
    *,
    report: Split | None,
    validation: ValidationUse = "select",
) -> pl.DataFrame:
    """Return the examples with a column `role`: train, select, report or unused.

    Args:
        examples: One task's examples of all splits, with a column `split`, in any order.
        params: Share and bounds of `select`.
        report: The split to report on, see `report_split`.
        validation: What becomes of the validation split where it is not reported on.
    """
    use = validation_use(examples, params, report, validation)
    pool = ["train", "validation"] if use == "train" else ["train"]
    train = pl.col("split").is_in(pool)
    source = examples.filter(split="validation") if use == "select" else examples.filter(train)
    most = source.height if use == "select" else select_target(source.height, params)
    chosen = select_cut(source, min(most, params.select_max))
    select = source.filter(pl.Series(chosen, dtype=pl.Boolean))["example_id"]
    return examples.with_columns(
        role=pl.when(pl.col("example_id").is_in(select.implode()))
        .then(pl.lit("select"))
        .when(train)
        .then(pl.lit("train"))
        .when(pl.col("split") == pl.lit(report, dtype=pl.String))
        .then(pl.lit("report"))
        .otherwise(pl.lit(UNUSED))
    )


def validation_use(
    examples: pl.DataFrame, params: CurateParams, report: Split | None, wanted: ValidationUse
) -> ValidationUse | Literal["report"] | None:
    """Return what the validation split serves as; None where there is none.

    Without labels it is unused; so it is with fewer rows than `select_min`, too few to choose by.
    """
    rows = examples.filter(split="validation")
    if not rows.height:
        return None
    if report == "validation":
        return "report"
    labelled = int(rows.select(is_labelled().sum()).item())
    return wanted if labelled >= (params.select_min if wanted == "select" else 1) else "unused"


def select_cut(train: pl.DataFrame, target: int) -> NDArray[np.bool_]:
    """Return which train rows to cut: whole groups in hash order, at most `target` rows.

    A group is all rows with one context. A group larger than the target (one passage for the whole
    task, a generic question) is taken apart and its rows enter one by one, in the order of their own
    hashes.
    """
    frame = pl.DataFrame({"group": group_hashes(train), "own": row_hashes(train)})
    size = pl.len().over("group")
    frame = frame.select(unit=pl.when(size > target).then("own").otherwise("group"))
    units = frame.group_by("unit").len().sort("unit")
    taken = units.filter(pl.Series(_fitting(units["len"].to_numpy(), target), dtype=pl.Boolean))
    return frame["unit"].is_in(taken["unit"].implode()).to_numpy()


def _fitting(sizes: NDArray[np.uint32], capacity: int) -> NDArray[np.bool_]:
    """Mark units to take, in their order, passing over each that would exceed the capacity."""
    marks = np.zeros(len(sizes), dtype=np.bool_)
    left, open_units = capacity, np.arange(len(sizes))
    while len(open_units := open_units[sizes[open_units] <= left]):
        sums = np.cumsum(sizes[open_units], dtype=np.int64)
        count = int(np.searchsorted(sums, left, side="right"))
        marks[open_units[:count]] = True
        left -= int(sums[count - 1])
        open_units = open_units[count:]
    return marks
