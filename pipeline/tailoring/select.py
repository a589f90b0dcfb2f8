"""Which tasks complement a target: the best k by score, or those that won a race; none is a choice too.

Every candidate gets a decision and its reason; a refused task is part of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.relationships.scores import ScoreMatrix
from pipeline.tailoring.choose import Choice

BELOW = "refused: below min_score"
NO_ROWS = "refused: no rows"
NO_SCORE = "refused: not scored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one candidate, and why."""

    task: str
    score: float | None
    """Null where it was not measured."""
    rank: int | None
    """1 is best; null without a score."""
    taken: bool
    reason: str


def decide_by_score(
    matrix: ScoreMatrix, *, target: str, sizes: Mapping[str, int], k: int, min_score: float
) -> tuple[Decision, ...]:
    """Decide on every task but the target.

    Args:
        matrix: Scores; higher helps more.
        target: The task that is to be helped.
        sizes: Train rows by task; candidates are its keys.
        k: Most tasks to take.
        min_score: Only tasks that score above this are taken.

    Returns:
        One decision a candidate, best score first, ties and tasks without a score by name. Tasks
        that are refused for another reason do not use up `k`.

    Raises:
        ArtefactError: The matrix does not know the target.
    """
    column = {task: v for task, v in matrix.column(target).items() if task in sizes}
    reasons, left = {}, k
    for task in _ranked(column):
        refusal = _refusal(column[task], sizes[task], min_score=min_score, left=left)
        left -= not refusal
        if refusal:
            reasons[task] = refusal
    return _decisions(column, sizes, target, reasons)


def decide_by_choice(
    choice: Choice, matrix: ScoreMatrix, *, sizes: Mapping[str, int], min_score: float | None
) -> tuple[Decision, ...]:
    """Word what a race chose as decisions on every task but the target.

    Args:
        choice: What was chosen among those that could race.
        matrix: Scores that the choice was made from.
        sizes: Train rows by task; candidates are its keys.
        min_score: What kept candidates out of the race, beside missing rows and scores; None is nothing.

    Returns:
        As `decide_by_score`; what was taken says its place and by how much the loss rose without it.
    """
    column = {task: v for task, v in matrix.column(choice.target).items() if task in sizes}
    reasons = dict(choice.refused)
    for task in sorted(set(sizes) - {choice.target} - set(choice.tasks) - set(reasons)):
        low = task in column and min_score is not None and column[task] <= min_score
        missing = NO_SCORE if task not in column else "refused: no row of one known gold choice"
        reasons[task] = NO_ROWS if not sizes[task] else BELOW if low else missing
    places = {step.task: place for place, step in enumerate(choice.steps, start=1)}
    notes = {task: f", place {places[task]} of the sequence" for task in choice.tasks}
    for task in set(choice.rises) & set(choice.tasks):
        notes[task] += f"; without it the loss rises by {choice.rises[task]:.4f}"
    return _decisions(column, sizes, choice.target, reasons, notes=notes)


def _ranked(column: Mapping[str, float]) -> list[str]:
    return sorted(column, key=lambda task: (-column[task], task))


def _decisions(
    column: Mapping[str, float],
    sizes: Mapping[str, int],
    target: str,
    reasons: Mapping[str, str],
    *,
    notes: Mapping[str, str] | None = None,
) -> tuple[Decision, ...]:
    """Return all decisions: who has no reason against it is taken."""
    ranked, found = _ranked(column), []
    for rank, task in enumerate(ranked, start=1):
        words = (
            f"score {column[task]:.2f}, rank {rank} of {len(ranked)}{(notes or {}).get(task, '')}"
        )
        taken, reason = task not in reasons, reasons.get(task, words)
        found.append(Decision(task=task, score=column[task], rank=rank, taken=taken, reason=reason))
    unscored = [task for task in sorted(sizes) if task != target and task not in column]
    return tuple(found) + tuple(
        Decision(task=task, score=None, rank=None, taken=False, reason=reasons.get(task, NO_SCORE))
        for task in unscored
    )


def _refusal(score: float, rows: int, *, min_score: float, left: int) -> str:
    """Return why a task is refused; empty where it is taken."""
    if rows == 0:
        return NO_ROWS
    if score <= min_score:
        return BELOW
    return "" if left > 0 else "refused: beyond k"
