"""Tailor's choice for one target: guard, greedy sequence, race over k, backward check; all explained.

Each part can be switched off, so that what it is worth can be measured. Train rows and held-out *select*
rows of the target are looked at, never report rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.config.mixture_card import Tailor
from pipeline.tailoring.candidates import Candidates
from pipeline.tailoring.coverage import Step, rank_greedily
from pipeline.tailoring.guard import refusals
from pipeline.tailoring.race import Race, RaceSetup, check_backward, race


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


def parts_of(tailor: Tailor) -> Parts:
    """Return the parts of a race that a card switches on."""
    return Parts(
        guard=tailor.guard, coverage=tailor.coverage, backward=tailor.backward, most=tailor.k
    )


def choose(
    setup: RaceSetup, candidates: Candidates, parts: Parts, *, min_score: float | None = None
) -> Choice:
    """Choose the complements of a target.

    Args:
        setup: The target, and what its race runs on.
        candidates: What is known of the others.
        parts: Which parts are on.
        min_score: Candidates that do not score above it are left out; null is no bound.
    """
    able = {t: v for t, v in candidates.scores.items() if min_score is None or v > min_score}
    refused = refusals({task: candidates.signs[task] for task in able}) if parts.guard else {}
    scores = {task: value for task, value in able.items() if task not in refused}
    balance = 0.5 if parts.coverage else 1.0
    affinity = {task: candidates.affinity[task] for task in scores}
    steps = rank_greedily(scores, affinity, balance=balance)
    ranked = [step.task for step in steps]
    if not parts.race:
        return _explain(setup.target, tuple(ranked[: parts.k]), steps, refused, None, {})
    found = race(setup, ranked[: parts.most])
    kept, rises = found.tasks, dict[str, float]()
    if parts.backward and kept:
        kept, rises = check_backward(setup, kept)
    return _explain(setup.target, kept, steps, refused, found, rises)


def _explain(
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
