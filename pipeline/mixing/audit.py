"""The audit: what was asked of a mixture against what its order holds, counted from the order itself.

Trusts neither the plan nor the code that made the order: it sees positions, rows and where each task's
rows lie.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.mixing.order import Draw
from pipeline.mixing.plan import Plan


def audit(order: pa.Table, draws: Sequence[Draw], plan: Plan) -> dict[str, Any]:
    """Count an order and set it beside its plan.

    Args:
        order: N positions of `schema.ORDER`.
        draws: Where each task's rows lie.
        plan: What was asked.

    Returns:
        The content of audit.json: `positions`, `asked_positions`, `equal`, and per task the share
        asked and got, quota and rows got, distinct rows, unseen rows, the first and last epoch (null
        where no row was drawn) and `largest_lead`: the most rows by which the task was ahead of or
        behind its share at any position.
    """
    row_N = order.column("row").to_numpy()
    epoch_N = order.column("epoch").to_numpy()
    at = _positions_by_task(row_N, draws)
    asked = {task.task: task for task in plan.tasks}
    entries = []
    for draw in sorted(draws, key=lambda draw: draw.task):
        mine, task = at[draw.task], asked[draw.task]
        got = _counted(row_N[mine].astype(np.int64) - draw.start, epoch_N[mine], draw.rows)
        entry = {
            "task": draw.task,
            "share": task.share,
            "got_share": round(len(mine) / max(len(row_N), 1), 9),
            "quota": task.quota,
            "largest_lead": largest_lead(mine, task.quota / max(plan.positions, 1)),
        }
        entries.append(entry | got)
    equal = all(entry["quota"] == entry["got_rows"] for entry in entries)
    return {
        "version": 1,
        "asked_positions": plan.positions,
        "positions": len(row_N),
        "equal": equal and len(row_N) == plan.positions,
        "tasks": entries,
    }


def _positions_by_task(
    row_N: NDArray[np.uint32], draws: Sequence[Draw]
) -> dict[str, NDArray[np.int64]]:
    """Return the positions of each task's turns, ascending; sorts once for all tasks."""
    parts = sorted((draw for draw in draws if draw.rows), key=lambda draw: draw.start)
    starts = np.array([draw.start for draw in parts], dtype=np.int64)
    index_N = np.searchsorted(starts, row_N, side="right") - 1
    counts = np.bincount(index_N, minlength=len(parts))
    # up to 16 bits numpy sorts in linear time
    narrow = index_N.astype(np.min_scalar_type(max(len(parts) - 1, 0)))
    pieces = np.split(np.argsort(narrow, kind="stable"), np.cumsum(counts)[:-1])
    empty = np.empty(0, dtype=np.int64)
    return {draw.task: empty for draw in draws} | {
        part.task: piece for part, piece in zip(parts, pieces, strict=True)
    }


def _counted(
    rows: NDArray[np.int64], epochs: NDArray[np.uint8], num_rows: int
) -> dict[str, int | None]:
    """Count one task's turns; raise where a turn is not of the task's rows."""
    if len(rows) and int(rows.max()) >= num_rows:
        raise MixtureError(f"the order holds row {int(rows.max())} of a task of {num_rows} rows")
    times = np.bincount(rows, minlength=num_rows)
    distinct = int(np.count_nonzero(times))
    return {
        "got_rows": len(rows),
        "distinct_rows": distinct,
        "unseen_rows": num_rows - distinct,
        "first_epoch": int(epochs.min()) if len(rows) else None,
        "last_epoch": int(epochs.max()) if len(rows) else None,
    }


def largest_lead(positions: NDArray[np.int64], share: float) -> float:
    """Return the most rows by which a task is ahead of or behind its share, over all prefixes.

    Args:
        positions: The task's positions, ascending.
        share: Its part of all positions, in [0, 1].
    """
    if not len(positions):
        return 0.0
    turn = np.arange(len(positions))
    ahead = turn + 1 - share * (positions + 1)
    behind = share * positions - turn
    return round(float(max(ahead.max(), behind.max())), 3)


def check(result: dict[str, Any]) -> None:
    """Check that what was built is what was planned.

    Raises:
        MixtureError: Naming the first task that differs.
    """
    if result["equal"]:
        return
    wrong = [entry for entry in result["tasks"] if entry["quota"] != entry["got_rows"]]
    if wrong:
        raise MixtureError(
            f"the order holds {wrong[0]['got_rows']} rows of task '{wrong[0]['task']}'",
            expected=f"{wrong[0]['quota']}, as planned",
        )
    raise MixtureError(
        f"the order has {result['positions']} positions",
        expected=f"{result['asked_positions']}, as planned",
    )
