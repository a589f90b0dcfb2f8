"""Stage `tailor`: the complements of the target, how many rows of each, and why.

Reads:   data/NAME/settings/tailor.json, data/NAME/scores, data/NAME/tokens/train/manifest.json
Writes:  data/NAME/tailored/{tailored.yaml,why.json}
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.augmentation.budget import Budget, budget
from pipeline.augmentation.extend import as_mapping, comment, tailored_card
from pipeline.augmentation.select import Decision, decide
from pipeline.config.load import write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.settings import TailorSettings
from pipeline.config.settings_file import read
from pipeline.errors import MixtureError
from pipeline.mixing.corpus import read_corpus
from pipeline.relationships.scores import ScoreMatrix, read_scores
from pipeline.stages.layout import Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import write_json

NO_SHARE = "refused: its share of the budget is less than a row"


def main(arguments: Sequence[str]) -> None:
    """Tailor a mixture to its target."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tailor"):
        settings = read(TailorSettings, layout.settings("tailor"))
        corpus = read_corpus(layout.tokens("train"))
        sizes = {task: corpus.sizes.get(task, 0) for task in sorted(settings.card.tasks)}
        matrix = read_scores(layout.scores, settings.card.tailor.scorer)
        decisions, rows = choice(matrix, sizes, settings.card)
        card = tailored_card(settings.card, rows)
        source = {
            "mixture": f"'{settings.card.name}'",
            "scorer": f"'{settings.card.tailor.scorer}'",
        }
        with new_folder(layout.tailored) as folder:
            head = comment(card, rows, source=source)
            write_yaml(as_mapping(card), folder / "tailored.yaml", comment=head)
            reasons = explanation(settings, matrix, decisions, rows, sizes)
            write_json(reasons, folder / "why.json")
        for decision in decisions:
            if decision.taken:
                print(f"{decision.task}: {rows.complements[decision.task]} rows, {decision.reason}")
        taken = sum(decision.taken for decision in decisions)
        print(f"{taken} of {len(decisions)} tasks complement '{card.tailor.target}'")


def choice(
    matrix: ScoreMatrix, sizes: Mapping[str, int], card: MixtureCard
) -> tuple[tuple[Decision, ...], Budget]:
    """Choose the complements and split their rows; a complement whose share is no row is refused.

    Raises:
        MixtureError: The target has no rows, or so few that its epochs give none.
    """
    tailor = card.tailor
    if not sizes.get(tailor.target):
        raise MixtureError(
            f"the target '{tailor.target}' has no train rows",
            where="tailor.target",
            remedy="see curation/drops.parquet for where its rows went, or choose another target",
        )
    decisions = decide(
        matrix, target=tailor.target, sizes=sizes, k=tailor.k, min_score=tailor.min_score
    )
    rows = budget({d.task: d.score or 0.0 for d in decisions if d.taken}, sizes, tailor)
    if rows.target == 0:
        raise MixtureError(
            f"{tailor.epochs} epochs of the target's {sizes[tailor.target]} rows are no row",
            where="tailor.epochs",
            remedy="raise it",
        )
    return tuple(_with_rows(decision, rows) for decision in decisions), rows


def _with_rows(decision: Decision, rows: Budget) -> Decision:
    if decision.taken and not rows.complements[decision.task]:
        return replace(decision, taken=False, reason=NO_SHARE)
    return decision


def explanation(
    settings: TailorSettings,
    matrix: ScoreMatrix,
    decisions: Sequence[Decision],
    rows: Budget,
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    """Return the content of why.json."""
    tailor = settings.card.tailor
    band = _null_band(matrix)
    return {
        "version": 1,
        "mixture": settings.card.name,
        "target": tailor.target,
        "scorer": tailor.scorer,
        "directional": matrix.directional,
        "unit": matrix.unit,
        "warnings": list(matrix.provenance.warnings),
        "null_band": band,
        "k": tailor.k,
        "min_score": tailor.min_score,
        "target_rows": rows.target,
        "rows_asked": rows.asked,
        "rows_placed": rows.placed,
        "tasks": [
            _entry(decision, rows, sizes[decision.task], band=band)
            | {"family": settings.families.get(decision.task)}
            for decision in decisions
        ],
    }


def _entry(decision: Decision, rows: Budget, size: int, *, band: float | None) -> dict[str, Any]:
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


def _null_band(matrix: ScoreMatrix) -> float | None:
    """Return the size that 95 % of random scores stay below, where the scorer says so."""
    extras = matrix.extras
    variant = extras.get("variants", {}).get(extras.get("score"), {})
    value = variant.get("null", {}).get("q95_abs")
    return None if value is None else float(value)
