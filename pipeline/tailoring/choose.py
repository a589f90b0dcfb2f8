"""Tailor's choice for one target: guard, greedy sequence, race over k, backward check; all explained.

Each part can be left out, so that what it is worth can be measured. Looks at train rows and at held-out
*select* rows of the target, never at report rows. Knows pools and figures; no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Recipe
from pipeline.tailoring.coverage import Step, greedy
from pipeline.tailoring.guard import Signs, refusals
from pipeline.tailoring.race import Race, backward, race

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which parts of the choice are on."""

    guard: bool = True
    coverage: bool = True
    """Off: candidates are taken by score alone."""
    race: bool = True
    """Off: the first `k` are taken."""
    backward: bool = True
    k: int = 4
    """Complements where there is no race."""
    most: int | None = None
    """Most complements that race; None is all candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What is known of every candidate for one target."""

    scores: Mapping[str, float]
    """Higher helps more; a candidate without a score is refused."""
    signs: Mapping[str, Signs]
    affinity: Mapping[str, Floats]
    """How much each speaks to each probed row of the target, >= 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen for a target, and why."""

    target: str
    tasks: tuple[str, ...]
    """Complements, in the sequence in which they were taken."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why each other candidate is not among them."""
    steps: tuple[Step, ...] = ()
    race: Race | None = None
    rises: Mapping[str, float] = field(default_factory=dict)
    """By how much the held-out loss rose without a task that won the race."""


def choose(
    target: str,
    candidates: Candidates,
    pool: Pool,
    held: Pool,
    recipe: Recipe,
    *,
    seeds: Sequence[int],
    ratio: float = 1.0,
    parts: Parts | None = None,
) -> Choice:
    """Choose the complements of a target.

    Args:
        target: The task to be helped.
        candidates: What is known of the others.
        pool: Train rows of all tasks.
        held: Held-out rows of the same tasks; the target's are looked at.
        recipe: Of the race's trainings.
        seeds: Of the race's trainings.
        ratio: Rows of all complements together, as a multiple of the target's.
        parts: Which parts are on; all by default.
    """
    on = parts or Parts()
    refused = refusals(candidates.signs) if on.guard else {}
    scores = {task: v for task, v in candidates.scores.items() if task not in refused}
    balance = 0.5 if on.coverage else 1.0
    steps = greedy(scores, {t: candidates.affinity[t] for t in scores}, balance=balance)
    ranked = [step.task for step in steps]
    if not on.race:
        return _explained(target, tuple(ranked[: on.k]), steps, refused, None, {})
    found = race(pool, held, target, ranked[: on.most], recipe, seeds=seeds, ratio=ratio)
    kept, rises = found.tasks, dict[str, float]()
    if on.backward and kept:
        kept, rises = backward(pool, held, target, kept, recipe, seeds=seeds, ratio=ratio)
    return _explained(target, kept, steps, refused, found, rises)


def _explained(
    target: str,
    tasks: tuple[str, ...],
    steps: tuple[Step, ...],
    refused: Mapping[str, str],
    found: Race | None,
    rises: Mapping[str, float],
) -> Choice:
    why = dict(refused)
    won = set(found.tasks) if found else set(tasks)
    for place, step in enumerate(steps, start=1):
        if step.task in tasks:
            continue
        if step.task in won:
            why[step.task] = "refused: the held-out loss is no higher without it"
        elif found and place > len(found.entries[-1].tasks):
            why[step.task] = f"refused: place {place}, beyond the most that may be taken"
        elif won or not found:
            why[step.task] = f"refused: place {place}, beyond the {len(won)} that were taken"
        else:
            why[step.task] = f"refused: place {place}, and the race was won by no task at all"
    return Choice(
        target=target, tasks=tasks, refused=why, steps=steps, race=found, rises=dict(rises)
    )
