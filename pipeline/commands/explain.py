"""`taskloom explain SOURCE TARGET`: all that is known of whether one task helps another, in words.

Every scorer's figure with its doubts and its origin, the other direction beside it, and what Tailor
made of it. What was not measured is said to be so.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ArtefactError, ConfigError, unknown_name
from pipeline.layout import Layout
from pipeline.project import active
from pipeline.relationships.scores import ScoreMatrix, read_scores
from pipeline.stages.report import read_why

UNITS = {
    "similarity": "a similarity: it ranks, and is no gain",
    "predicted_gain": "a predicted gain",
}


def main(arguments: Sequence[str]) -> None:
    """Print what is known of a pair.

    Raises:
        ConfigError: Source and target are one task.
        ArtefactError: There are no scores, or none of these tasks.
    """
    parser = argparse.ArgumentParser(prog="taskloom explain", description=__doc__)
    parser.add_argument("source", help="the task that may help")
    parser.add_argument("target", help="the task that is to be helped")
    parser.add_argument("--mixture", help="left out, the active one")
    options = parser.parse_args(arguments)
    layout = Layout(options.mixture or active())
    matrices = read_all(layout.scores)
    check_pair(matrices, options.source, options.target, where=str(layout.scores))
    print(f"does '{options.source}' help '{options.target}'? (mixture '{layout.name}')")
    for matrix in matrices:
        print("\n" + "\n".join(word_scores(matrix, options.source, options.target)))
    print("\n" + "\n".join(word_decision(layout, options.source, options.target)))


def read_all(folder: Path) -> list[ScoreMatrix]:
    """Read all score matrices of a folder, by name.

    Raises:
        ArtefactError: There are none, or one is damaged.
    """
    names = sorted(path.stem for path in folder.glob("*.parquet"))
    if not names:
        raise ArtefactError("holds no scores", where=str(folder), remedy="run `dvc repro relate`")
    return [read_scores(folder, name) for name in names]


def check_pair(matrices: Sequence[ScoreMatrix], source: str, target: str, *, where: str) -> None:
    """Check that both are tasks that were scored, and not the same."""
    known = {task for matrix in matrices for task in (*matrix.sources, *matrix.targets)}
    for kind, task in (("source", source), ("target", target)):
        if task not in known:
            what, remedy = unknown_name(f"{kind} task", task, known)
            raise ArtefactError(what, where=where, remedy=remedy)
    if source == target:
        raise ConfigError(
            f"'{source}' is source and target", where="taskloom explain", expected="two tasks"
        )


def word_scores(matrix: ScoreMatrix, source: str, target: str) -> list[str]:
    """Word one scorer's view of a pair; its origin comes last."""
    value = value_of(matrix, source, target)
    name = matrix.provenance.scorer
    if value is None:
        return [f"{name}: not scored", f"  {_origin(matrix)}"]
    details = [
        f"{UNITS[matrix.unit]}; {_error(matrix, source, target)}",
        _direction(matrix, source, target),
        *_doubts(matrix, source, target, value),
        _origin(matrix),
    ]
    first = f"{name}: {value:.4f}, {rank_words(matrix, source, target)}"
    return [first, *(f"  {line}" for line in details)]


def value_of(matrix: ScoreMatrix, source: str, target: str) -> float | None:
    """Return a pair's score; null where it was not measured."""
    if target not in matrix.targets:
        return None
    return matrix.column(target).get(source)


def rank_words(matrix: ScoreMatrix, source: str, target: str) -> str:
    """Word the place of a source among all that are scored for a target."""
    column = matrix.column(target)
    place = 1 + sum(value > column[source] for value in column.values())
    level = sum(value == column[source] for value in column.values()) - 1
    shared = f", level with {level} more" if level else ""
    return f"rank {place} of {len(column)} sources of '{target}'{shared}"


def _error(matrix: ScoreMatrix, source: str, target: str) -> str:
    if matrix.se_ST is not None:
        found = matrix.se_ST[matrix.sources.index(source), matrix.targets.index(target)]
        if np.isfinite(found):
            return f"standard error {found:.4f}"
    return "standard error unknown"


def _direction(matrix: ScoreMatrix, source: str, target: str) -> str:
    if not matrix.directional:
        return "symmetric: the other direction has the same score by construction"
    back = value_of(matrix, target, source)
    if back is None:
        return f"directional; from '{target}' to '{source}': not scored"
    # scores compare inside a target, hence the rank and no difference
    place = rank_words(matrix, target, source)
    return f"directional; from '{target}' to '{source}': {back:.4f}, {place}"


def _doubts(matrix: ScoreMatrix, source: str, target: str, value: float) -> list[str]:
    """Word what else the scorer knows of the pair or of itself."""
    lines = []
    band = matrix.null_band
    if band is not None:
        place = "inside" if abs(value) <= band else "outside"
        lines.append(f"{place} the band of random vectors: 95 % of them stay below {band:.4f}")
    if "near_duplicates" in matrix.extras:
        lines.append(_near(matrix.extras["near_duplicates"], source, target))
    shares = matrix.extras.get("negative_rows")
    if shares is not None:
        share = shares[matrix.sources.index(source)][matrix.targets.index(target)]
        known = "unknown" if share is None else f"{share:.0%}"
        lines.append(f"rows of '{target}' that a step on '{source}' would make worse: {known}")
    if matrix.extras.get("reliability") is not None:
        lines.append(f"agreement of its trainings (split halves): {matrix.extras['reliability']}")
    return lines


def _near(found: Sequence[dict[str, Any]], source: str, target: str) -> str:
    shares = [
        twin["share"] for twin in found if (twin["source"], twin["target"]) == (source, target)
    ]
    share = f"{shares[0]:.1%}" if shares else "at most 1 %"
    return f"near duplicates: {share} of the texts of '{target}' are nearly in it"


def _origin(matrix: ScoreMatrix) -> str:
    origin = matrix.provenance
    cost = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in origin.cost.items())
    return (
        f"from: {origin.scorer} version {origin.version}, seed {origin.seed}, "
        f"{len(origin.inputs)} inputs; cost: {cost or 'nothing'}"
    )


def word_decision(layout: Layout, source: str, target: str) -> list[str]:
    """Word what Tailor decided on the source, where this is its target."""
    path = layout.tailored / "why.json"
    if not path.is_file():
        return ["Tailor: has not decided yet; run `dvc repro tailor`"]
    why = read_why(layout)
    if why["target"] != target:
        return [f"Tailor: its target is '{why['target']}', so nothing was decided on this pair"]
    entry = next((entry for entry in why["tasks"] if entry["task"] == source), None)
    if entry is None:
        return [f"Tailor: did not look at '{source}'"]
    drawn = f", {entry['rows']} rows" if entry.get("rows") else ""
    return [f"Tailor: {entry['decision']}{drawn}: {entry['reason'].removeprefix('refused: ')}"]
