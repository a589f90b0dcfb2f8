"""The audit: what the plan asked of an order against what the order holds.

Everything is counted from the order itself: positions, rows, and where each task's rows lie. So the
audit finds errors of the plan and of the code that makes orders. It reads the order once, a part at a
time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contract.order import Draw
from pipeline.errors import MixtureError
from pipeline.mixing.plan import Plan

_STRETCH = 1 << 20
"""Positions that are counted at a time."""

Ints = NDArray[np.int64]


def audit(order: pa.Table, draws: Sequence[Draw], plan: Plan) -> dict[str, Any]:
    """Count an order and set it beside its plan.

    Args:
        order: N positions of `order.ORDER`.
        draws: Where each task's rows lie.
        plan: What was asked.

    Returns:
        The content of audit.json: `positions`, `asked_positions`, `equal`; the `algorithm` and its
        `largest_lead`, over all tasks; per phase the rows got, by task; and per task the share asked
        and got, quota and rows got, distinct rows, unseen rows, the first and last epoch (null where
        no row was drawn), whether its epochs came `in_turn`, each after the one before, and
        `largest_lead`: the most rows by which the task was ahead of or behind what its phase asks at
        any position.

    Raises:
        MixtureError: The order holds a row that belongs to no task.
    """
    count = _Count(draws)
    row_N = order.column("row").to_numpy()
    epoch_N = order.column("epoch").to_numpy()
    phases = []
    for name, quotas, first, last in _phases(plan, len(row_N)):
        got = count.phase(row_N[first:last], epoch_N[first:last], quotas)
        phases.append({"name": name, "positions": last - first, "got": got, "asked": quotas})
    tasks = _entries(count, draws, plan)
    equal = all(phase["got"] == phase.pop("asked") for phase in phases)
    return {
        "version": 1,
        "algorithm": plan.order,
        "asked_positions": plan.positions,
        "positions": len(row_N),
        "equal": equal
        and len(row_N) == plan.positions
        and all(entry["in_turn"] and entry["quota"] == entry["got_rows"] for entry in tasks),
        "largest_lead": max((entry["largest_lead"] for entry in tasks), default=0.0),
        "phases": phases,
        "tasks": tasks,
    }


def _phases(plan: Plan, positions: int) -> Iterator[tuple[str, dict[str, int], int, int]]:
    """Yield name, quotas and bounds of each phase, and of what the order has beyond them."""
    first = 0
    for phase in plan.phases:
        last = min(first + phase.positions, positions)
        yield phase.name, {k: n for k, n in sorted(phase.quotas.items()) if n}, first, last
        first = last
    if first < positions:
        yield "", {}, first, positions


def _entries(count: "_Count", draws: Sequence[Draw], plan: Plan) -> list[dict[str, Any]]:
    asked = {task.task: task for task in plan.tasks}
    positions = max(int(count.turns_K.sum()), 1)
    return [
        {
            "task": draw.task,
            "share": asked[draw.task].share,
            "got_share": round(count.of(draw.task)["got_rows"] / positions, 9),
            "quota": asked[draw.task].quota,
        }
        | count.of(draw.task)
        for draw in sorted(draws, key=lambda draw: draw.task)
    ]


class _Count:
    """Running counts of K tasks, in the sequence of their rows."""

    def __init__(self, draws: Sequence[Draw]) -> None:
        self.draws = sorted((draw for draw in draws if draw.rows), key=lambda draw: draw.start)
        self.place = {draw.task: k for k, draw in enumerate(self.draws)}
        self.start_K = np.array([draw.start for draw in self.draws], dtype=np.int64)
        self.rows_K = np.array([draw.rows for draw in self.draws], dtype=np.int64)
        self.offset_K = np.cumsum(self.rows_K) - self.rows_K
        self.seen = np.zeros(int(self.rows_K.sum()), dtype=np.bool_)
        tasks = len(self.draws)
        self.turns_K = np.zeros(tasks, dtype=np.int64)
        self.first_K = np.full(tasks, -1)
        self.last_K = np.full(tasks, -1)
        self.in_turn_K = np.ones(tasks, dtype=np.bool_)
        self.lead_K = np.zeros(tasks)

    def phase(
        self, row_N: NDArray[np.uint32], epoch_N: NDArray[np.uint8], quotas: Mapping[str, int]
    ) -> dict[str, int]:
        """Count one phase; return the rows got by task, in name order."""
        share_K = np.zeros(len(self.draws))
        for task in quotas.keys() & self.place.keys():
            share_K[self.place[task]] = quotas[task] / max(sum(quotas.values()), 1)
        before_K = self.turns_K.copy()
        for first in range(0, len(row_N), _STRETCH):
            part = slice(first, first + _STRETCH)
            self._stretch(
                row_N[part].astype(np.int64), epoch_N[part], first, share_K, self.turns_K - before_K
            )
        got_K = self.turns_K - before_K
        # what is never drawn falls behind up to the end
        behind_K = share_K * len(row_N) - got_K
        self.lead_K = np.maximum(self.lead_K, behind_K)
        return {d.task: int(n) for d, n in sorted(self._pairs(got_K), key=lambda p: p[0].task) if n}

    def _pairs(self, got_K: Ints) -> Iterator[tuple[Draw, int]]:
        return zip(self.draws, got_K, strict=True)

    def _stretch(
        self,
        row_N: Ints,
        epoch_N: NDArray[np.uint8],
        first: int,
        share_K: NDArray[np.float64],
        turn_K: Ints,
    ) -> None:
        task_N = np.searchsorted(self.start_K, row_N, side="right") - 1
        self._check(row_N - self.start_K[task_N], task_N)
        self.seen[row_N - self.start_K[task_N] + self.offset_K[task_N]] = True
        # up to 16 bits numpy sorts in linear time
        narrow = task_N.astype(np.min_scalar_type(max(len(self.draws) - 1, 0)))
        at_N = np.argsort(narrow, kind="stable")
        counts = np.bincount(task_N, minlength=len(self.draws))
        present = np.flatnonzero(counts)
        ends = np.cumsum(counts[present])
        begins = ends - counts[present]
        task_N, position_N = task_N[at_N], first + at_N
        turn_N = np.arange(len(at_N)) + np.repeat(turn_K[present] - begins, counts[present])
        ahead_N = (turn_N + 1) - share_K[task_N] * (position_N + 1)
        behind_N = share_K[task_N] * position_N - turn_N
        lead = np.maximum.reduceat(np.maximum(ahead_N, behind_N), begins)
        self.lead_K[present] = np.maximum(self.lead_K[present], lead)
        self._epochs(epoch_N[at_N].astype(np.int64), present, begins, ends)
        self.turns_K[present] += counts[present]

    def _epochs(self, epoch_N: Ints, present: Ints, begins: Ints, ends: Ints) -> None:
        rises = np.diff(epoch_N, prepend=epoch_N[0])
        rises[begins] = epoch_N[begins] - np.maximum(self.last_K[present], 0)
        self.in_turn_K[present] &= np.minimum.reduceat(rises, begins) >= 0
        new = self.first_K[present] < 0
        self.first_K[present[new]] = np.minimum.reduceat(epoch_N, begins)[new]
        self.last_K[present] = epoch_N[ends - 1]

    def _check(self, own_N: Ints, task_N: Ints) -> None:
        beyond = own_N >= self.rows_K[task_N]
        if beyond.any():
            row, task = int(own_N[beyond][0]), self.draws[int(task_N[beyond][0])]
            raise MixtureError(
                f"the order holds row {row} of task '{task.task}', a task of {task.rows} rows"
            )

    def of(self, task: str) -> dict[str, Any]:
        """Return what was counted of one task."""
        if task not in self.place:
            nothing = {"got_rows": 0, "distinct_rows": 0, "unseen_rows": 0, "in_turn": True}
            return nothing | {"first_epoch": None, "last_epoch": None, "largest_lead": 0.0}
        k = self.place[task]
        begin = int(self.offset_K[k])
        distinct = int(np.count_nonzero(self.seen[begin : begin + int(self.rows_K[k])]))
        drawn = self.turns_K[k] > 0
        return {
            "got_rows": int(self.turns_K[k]),
            "distinct_rows": distinct,
            "unseen_rows": int(self.rows_K[k]) - distinct,
            "first_epoch": int(self.first_K[k]) if drawn else None,
            "last_epoch": int(self.last_K[k]) if drawn else None,
            "in_turn": bool(self.in_turn_K[k]),
            "largest_lead": round(float(self.lead_K[k]), 3),
        }


def check(result: dict[str, Any]) -> None:
    """Check that what was built is what was planned.

    Raises:
        MixtureError: Naming the first task that differs.
    """
    if result["equal"]:
        return
    for entry in result["tasks"]:
        if entry["quota"] != entry["got_rows"]:
            raise MixtureError(
                f"the order holds {entry['got_rows']} rows of task '{entry['task']}'",
                expected=f"{entry['quota']}, as planned",
            )
        if not entry["in_turn"]:
            raise MixtureError(f"the epochs of task '{entry['task']}' do not come in turn")
    if result["positions"] == result["asked_positions"]:
        raise MixtureError("the phases hold other rows than planned")
    raise MixtureError(
        f"the order has {result['positions']} positions",
        expected=f"{result['asked_positions']}, as planned",
    )
