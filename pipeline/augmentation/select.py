"""Which tasks complement a target: the best k by score, k = 0 and an empty choice included.

Every candidate gets a decision and its reason; a refused task is part of the result. Knows scores and
sizes, no formula behind a score and no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.relationships.scores import ScoreMatrix


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


def decide(
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
    column = matrix.column(target)
    candidates = [task for task in sorted(sizes) if task != target]
    ranked = sorted(
        (task for task in candidates if task in column), key=lambda task: (-column[task], task)
    )
    decisions, left = [], k
    for rank, task in enumerate(ranked, start=1):
        refusal = _refusal(column[task], sizes[task], min_score=min_score, left=left)
        left -= not refusal
        reason = refusal or f"score {column[task]:.2f}, rank {rank} of {len(ranked)}"
        decisions.append(
            Decision(task=task, score=column[task], rank=rank, taken=not refusal, reason=reason)
        )
    unscored = [task for task in candidates if task not in column]
    return tuple(decisions) + tuple(
        Decision(task=task, score=None, rank=None, taken=False, reason="refused: not scored")
        for task in unscored
    )


def _refusal(score: float, rows: int, *, min_score: float, left: int) -> str:
    """Return why a task is refused; empty where it is taken."""
    if rows == 0:
        return "refused: no rows"
    if score <= min_score:
        return "refused: below min_score"
    return "" if left > 0 else "refused: beyond k"
