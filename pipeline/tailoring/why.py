"""Why a mixture was tailored as it was, as JSON: every decision and the evidence for it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.config.mixture_card import Tailor
from pipeline.config.settings import TailorSettings
from pipeline.relationships.scores import ScoreMatrix
from pipeline.tailoring.budget import RowBudget
from pipeline.tailoring.choose import Choice
from pipeline.tailoring.guard import Signs
from pipeline.tailoring.select import Decision

VERSION = 2
_DIGITS = 6


def explain_decisions(
    settings: TailorSettings,
    matrix: ScoreMatrix,
    decisions: Sequence[Decision],
    rows: RowBudget,
    *,
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    """Return what every selection has to say.

    Args:
        settings: Of the stage.
        matrix: Scores that were chosen by.
        decisions: One a candidate.
        rows: Of the target and its complements.
        sizes: Train rows by task.
    """
    tailor, families, band = settings.tailor, settings.families, matrix.null_band
    column = matrix.column(tailor.target)
    asked = ("target", "selection", "scorer", "k", "min_score", "budget")
    return {
        "version": VERSION,
        "mixture": settings.name,
        **{key: getattr(tailor, key) for key in asked},
        "directional": matrix.directional,
        "unit": matrix.unit,
        "warnings": list(matrix.provenance.warnings),
        "null_band": band,
        "target_rows": rows.target,
        "rows_asked": rows.asked,
        "rows_placed": rows.placed,
        "predicted": column if matrix.unit == "predicted_gain" else None,
        "tasks": [
            _entry(d, rows, sizes[d.task], band=band) | {"family": families.get(d.task)}
            for d in decisions
        ],
    }


def explain_race(tailor: Tailor, choice: Choice, signs: Mapping[str, Signs]) -> dict[str, Any]:
    """Return what a race adds to it.

    Returns:
        `parts` (which were on), `race` (its arms, from the empty set on: `k`, `tasks`, `loss` on held-out
        rows, `behind` the best arm's and its standard error `se`, and which `won`), `rises` (of the loss
        without each task that won), `guard` (the evidence on each candidate) and `steps` (the greedy
        sequence).
    """
    entries = choice.race.entries if choice.race else ()
    return {
        "parts": {part: getattr(tailor, part) for part in ("guard", "coverage", "backward")},
        "race": [
            {
                "k": len(entry.tasks),
                "tasks": list(entry.tasks),
                "loss": round(entry.loss, _DIGITS),
                "behind": round(entry.behind, _DIGITS),
                "se": round(entry.behind_se, _DIGITS),
                "won": place == (choice.race.winner if choice.race else None),
            }
            for place, entry in enumerate(entries)
        ],
        "rises": {task: round(rise, _DIGITS) for task, rise in choice.rises.items()},
        "guard": {task: _evidence(signs[task]) for task in sorted(signs)},
        "steps": [
            {"task": step.task}
            | {key: round(getattr(step, key), _DIGITS) for key in ("worth", "own", "covered")}
            for step in choice.steps
        ],
    }


def _evidence(signs: Signs) -> dict[str, float | None]:
    """Return the figures on a candidate; null where nothing was measured, since JSON has no NaN."""
    known = asdict(signs).items()
    return {key: None if value is None or math.isnan(value) else value for key, value in known}


def _entry(decision: Decision, rows: RowBudget, size: int, *, band: float | None) -> dict[str, Any]:
    drawn, score = rows.complements.get(decision.task, 0), decision.score
    return {
        "task": decision.task,
        "score": score,
        "rank": decision.rank,
        "decision": "taken" if decision.taken else "refused",
        "reason": decision.reason,
        "train_rows": size,
        "rows": drawn,
        "epochs": round(drawn / max(size, 1), 4),
        "inside_null": None if score is None or band is None else abs(score) <= band,
    }
