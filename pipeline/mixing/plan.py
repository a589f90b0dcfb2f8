"""The plan: per task the rows, epochs and tokens of a mixture, known before it is built.

Pure. The same code makes the exact plan, from stored lengths, and the estimate before there are any;
in an estimate tokens may be unknown. What is built from a plan equals it to the row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config.mixture_card import MixtureTask, Sampling
from pipeline.errors import ArtefactError, MixtureError, unknown_name
from pipeline.mixing.order import epoch_rows
from pipeline.mixing.quotas import check_quotas, quotas
from pipeline.mixing.rates import positions, rates, shares

VERSION = 1
ORDER_BYTES = 5
"""Bytes of a position in `order.arrow`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """One task of a plan."""

    task: str
    rows: int
    """Train rows that there are."""
    weight: float | None
    """As written on the card; null where the card is silent."""
    rate: float
    share: float
    """In [0, 1], what the card asks for; sums to 1 over the tasks."""
    quota: int
    """Rows drawn, exactly."""
    epochs: float
    """Quota over rows."""
    unseen_rows: int
    """Rows that are never drawn."""
    tokens: int | None = None
    """Of the rows drawn, all sequences of all choices; null = unknown."""

    @property
    def tokens_per_row(self) -> float | None:
        """Mean over the rows drawn; null = unknown, or none is drawn."""
        return round(self.tokens / self.quota, 2) if self.tokens and self.quota else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A mixture's composition, tasks in name order."""

    name: str
    which: str
    seed: int
    strategy: str
    positions: int
    tasks: tuple[TaskPlan, ...]
    shard_bytes: int | None = None
    """Size of the token files that the mixture reads; null = unknown."""
    tokens_sha256: str = ""
    """Hash of the token manifest that the plan was made from; empty in an estimate."""

    @property
    def tokens(self) -> int | None:
        """Of all tasks; null as soon as one is unknown."""
        known = [task.tokens for task in self.tasks if task.tokens is not None]
        return sum(known) if len(known) == len(self.tasks) else None

    @property
    def disk_bytes(self) -> int | None:
        """Order and token files together; null = unknown."""
        return None if self.shard_bytes is None else self.shard_bytes + ORDER_BYTES * self.positions


def composition(
    sizes: Mapping[str, int], tasks: Mapping[str, MixtureTask], sampling: Sampling
) -> tuple[TaskPlan, ...]:
    """Return what a mixture draws of each of its tasks, tokens left unknown.

    Args:
        sizes: Train rows by task; may hold more tasks than the mixture has.
        tasks: The mixture's tasks.
        sampling: Strategy and size.

    Raises:
        MixtureError: A task is unknown or has no rows, a rate cannot be used, the mixture is empty,
            or a task would be repeated more than 256 times.
    """
    for task in sorted(tasks):
        if task not in sizes:
            what, remedy = unknown_name("task", task, sizes)
            raise MixtureError(f"{what} among the tokenised ones", remedy=remedy)
    rate = rates(sizes, tasks, sampling)
    drawn = quotas(rate, total=positions(sizes, rate, sampling))
    check_quotas(drawn, sizes)
    share = shares(rate)
    return tuple(
        TaskPlan(
            task=task,
            rows=sizes[task],
            weight=tasks[task].weight,
            rate=rate[task],
            share=round(share[task], 9),
            quota=drawn[task],
            epochs=round(drawn[task] / sizes[task], 4) if sizes[task] else 0.0,
            unseen_rows=max(sizes[task] - drawn[task], 0),
        )
        for task in sorted(tasks)
    )


def drawn_tokens(task: str, tokens_N: NDArray[np.int64], *, quota: int, seed: int) -> int:
    """Return the tokens of the rows that the order draws of a task: exact, without building it.

    Args:
        task: Its name.
        tokens_N: Tokens of each of its N rows.
        quota: Rows drawn.
        seed: Seed of the run, which decides the rows of the last, broken epoch.
    """
    if not quota:
        return 0
    whole, left = divmod(quota, len(tokens_N))
    total = whole * int(tokens_N.sum())
    if left:
        total += int(tokens_N[epoch_rows(task, len(tokens_N), whole, seed=seed)[:left]].sum())
    return total


def to_json(plan: Plan, *, batch: int | None = None) -> dict[str, Any]:
    """Return the content of plan.json.

    Args:
        plan: The plan.
        batch: Rows of an optimiser step; `steps` is null without it. The stage leaves it out, so
            that another batch size re-runs no mixing.
    """
    value = {
        "version": VERSION,
        "name": plan.name,
        "which": plan.which,
        "seed": plan.seed,
        "strategy": plan.strategy,
        "positions": plan.positions,
        "steps": -(-plan.positions // batch) if batch else None,
        "tasks": [asdict(t) | {"tokens_per_row": t.tokens_per_row} for t in plan.tasks],
        "shard_bytes": plan.shard_bytes,
        "disk_bytes": plan.disk_bytes,
        "tokens_sha256": plan.tokens_sha256,
    }
    return value | {"totals": totals(plan)}


def totals(plan: Plan) -> dict[str, Any]:
    """Return the sums over a plan's tasks; `tokens` is null where one is unknown."""
    rows = sum(task.rows for task in plan.tasks)
    return {
        "rows": rows,
        "quota": plan.positions,
        "epochs": round(plan.positions / rows, 4),
        "unseen_rows": sum(task.unseen_rows for task in plan.tasks),
        "tokens": plan.tokens,
        "tokens_per_row": round(plan.tokens / plan.positions, 2) if plan.tokens else None,
    }


def from_json(value: Mapping[str, Any], *, where: str) -> Plan:
    """Return the plan that `to_json` wrote.

    Raises:
        ArtefactError: It is of another version, or lacks a key.
    """
    if value.get("version") != VERSION:
        raise ArtefactError(
            f"version is {value.get('version')!r}",
            where=where,
            expected=str(VERSION),
            remedy="run `dvc repro plan` again",
        )
    try:
        tasks = tuple(
            TaskPlan(**{key: entry[key] for key in TaskPlan.__dataclass_fields__})
            for entry in value["tasks"]
        )
        rest = {key: value[key] for key in Plan.__dataclass_fields__ if key != "tasks"}
    except KeyError as error:
        raise ArtefactError(
            f"lacks the key {error}", where=where, remedy="run `dvc repro plan` again"
        ) from None
    return Plan(tasks=tasks, **rest)
