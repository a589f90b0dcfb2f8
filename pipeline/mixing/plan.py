"""The plan: for each task the rows, epochs and tokens of a mixture, before it is built.

The same code makes the exact plan, from stored lengths, and the estimate before there are any. In an
estimate tokens may be unknown. What is built from a plan equals it to the row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from pipeline.config.mixture_card import Mixture
from pipeline.contract.order import PhasePlan
from pipeline.errors import ArtefactError
from pipeline.mixing.compose import Drawn, compose
from pipeline.mixing.lengths import TaskLengths, TokenCounts
from pipeline.mixing.order import NEWEST

VERSION = 1
ORDER_BYTES = 5
"""Bytes of a position in `order.arrow`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """One task of a plan."""

    task: str
    group: str = ""
    """Groups around it, outermost first, joined by `/`; empty where there are none."""
    rows: int
    """Train rows that there are."""
    weight: float | None
    """As written on the card; null where the card is silent."""
    rate: float
    """Against the other members of its level."""
    share: float
    """In [0, 1], what the card asks for, of rows or of tokens; sums to 1 over the tasks."""
    quota: int
    """Rows drawn, exactly."""
    epochs: float
    """Quota over rows."""
    unseen_rows: int
    """Rows that are never drawn."""
    tokens: int | None = None
    """Of the rows drawn: all sequences of all choices, or input and target; null = unknown."""
    supervised: int | None = None
    """Of the rows drawn, tokens that a loss is taken of; null = unknown, or the choice view."""

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
    stop: str = "fixed"
    order: str
    """Name and version of the algorithm that puts the positions in order."""
    batch: int | None = None
    """Rows of a global batch; null where the order does not depend on it."""
    positions: int
    phases: tuple[PhasePlan, ...]
    """In their order, one at least; their quotas sum to those of the tasks."""
    tasks: tuple[TaskPlan, ...]
    merged: Mapping[str, str] = field(default_factory=dict)
    """Tasks that left because another has the same content -> that other."""
    shard_bytes: int | None = None
    """Size of the token files that the mixture reads; null = unknown."""
    tokens_sha256: str = ""
    """Hash of the token manifest that the plan was made from; empty in an estimate."""

    @property
    def tokens(self) -> int | None:
        """Of all tasks; null as soon as one is unknown."""
        return _sum(task.tokens for task in self.tasks)

    @property
    def supervised(self) -> int | None:
        """Of all tasks; null as soon as one is unknown, and in the choice view."""
        return _sum(task.supervised for task in self.tasks)

    @property
    def disk_bytes(self) -> int | None:
        """Order and token files together; null = unknown."""
        return None if self.shard_bytes is None else self.shard_bytes + ORDER_BYTES * self.positions


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def make_plan(
    mixture: Mixture,
    lengths: TaskLengths,
    *,
    name: str,
    which: str,
    seed: int,
    batch: int | None = None,
) -> Plan:
    """Plan a mixture.

    Args:
        mixture: What people wrote of it.
        lengths: Rows and tokens of its tasks, stored or guessed.
        name: Of the mixture.
        which: The pass.
        seed: Of the run.
        batch: Rows of a global batch; kept where the order depends on it.

    Raises:
        MixtureError: The mixture cannot be drawn from these tasks; see `compose`.
    """
    composed, rows = compose(mixture, lengths), lengths.rows
    sampling = mixture.sampling
    return Plan(
        name=name,
        which=which,
        seed=seed,
        strategy=sampling.strategy,
        stop=sampling.stop,
        order=NEWEST[sampling.order],
        batch=batch if sampling.order == "stratified" else None,
        positions=composed.positions,
        phases=composed.phases,
        tasks=tuple(
            _task_plan(task, mixture, drawn, rows[task], lengths.count_tokens(task, drawn.quota))
            for task, drawn in composed.tasks.items()
        ),
    )


def _task_plan(
    task: str, mixture: Mixture, drawn: Drawn, rows: int, counts: TokenCounts
) -> TaskPlan:
    return TaskPlan(
        task=task,
        group=drawn.group,
        rows=rows,
        weight=mixture.tasks[task].weight,
        rate=float(drawn.rate),
        share=round(float(drawn.share), 9),
        quota=drawn.quota,
        epochs=round(drawn.quota / rows, 4) if rows else 0.0,
        unseen_rows=max(rows - drawn.quota, 0),
        tokens=counts.tokens,
        supervised=counts.supervised,
    )


def to_json(plan: Plan) -> dict[str, Any]:
    """Return the content of plan.json."""
    value = asdict(plan) | {"version": VERSION, "disk_bytes": plan.disk_bytes}
    value["tasks"] = [asdict(t) | {"tokens_per_row": t.tokens_per_row} for t in plan.tasks]
    return value | {"totals": totals(plan)}


def totals(plan: Plan) -> dict[str, Any]:
    """Return the sums over a plan's tasks; tokens are null where those of one are unknown."""
    rows = sum(task.rows for task in plan.tasks)
    return {
        "rows": rows,
        "quota": plan.positions,
        "epochs": round(plan.positions / rows, 4),
        "unseen_rows": sum(task.unseen_rows for task in plan.tasks),
        "tokens": plan.tokens,
        "supervised": plan.supervised,
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
        tasks = tuple(_record(TaskPlan, entry) for entry in value["tasks"])
        phases = tuple(_record(PhasePlan, entry) for entry in value["phases"])
        rest = {key: value[key] for key in Plan.__dataclass_fields__ if key not in _NESTED}
    except KeyError as error:
        raise ArtefactError(
            f"lacks the key {error}", where=where, remedy="run `dvc repro plan` again"
        ) from None
    return Plan(tasks=tasks, phases=phases, **rest)


_NESTED = ("tasks", "phases")
_Record = TypeVar("_Record", TaskPlan, PhasePlan)


def _record(kind: type[_Record], entry: Mapping[str, Any]) -> _Record:
    return kind(**{key: entry[key] for key in kind.__dataclass_fields__})
