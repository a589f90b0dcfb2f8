"""The page's sections on task relationships: heatmaps, asymmetry, agreement, and gains.

Where something is missing, a sentence in the section says so.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from markupsafe import Markup

from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.scores import ScoreMatrix
from pipeline.report import charts, relations
from pipeline.report.clustering import closeness, clustered, cut, square, tasks_of
from pipeline.report.colours import Scale, scale
from pipeline.report.heatmap import Picture, draw, reduced
from pipeline.report.page import Section

MOST_TASKS = 60
"""Tasks that a heatmap draws one by one."""
MOST_WARNINGS = 5
"""Warnings of a scorer that are listed openly."""
MOST_POINTS = 800
"""Points of a scatter plot."""


def relationships(
    matrices: Sequence[ScoreMatrix], *, chosen_by: str, target: str | None
) -> Section:
    """Return one panel a scorer, that which Tailor chose by first.

    Args:
        matrices: At least one.
        chosen_by: The scorer that Tailor chose by.
        target: Tailor's target, whose label stands out.
    """
    turn = sorted(matrices, key=lambda m: (m.provenance.scorer != chosen_by, m.provenance.scorer))
    count = len({task for matrix in matrices for task in tasks_of(matrix)})
    notes = [
        f"{len(turn)} scorers over {count} tasks. Whether a score agrees with transfer is a question to "
        "measure, not to assume: see 'Predicted against measured gain'.",
        "Rows and columns are in the order of the tree at the right (average linkage). The distance of "
        "two tasks is 1 minus their mean place among each other's sources (1 best, 0 last).",
    ]
    if count > MOST_TASKS:
        notes.append(
            f"More than {MOST_TASKS} tasks do not fit one by one: each picture draws {MOST_TASKS} groups "
            "of them, the closest put together, and a square is the mean over its pairs. 'name +3' is a "
            "group of that task and three more, named where the pointer rests. The tables have all tasks."
        )
    tabs = [_scorer(matrix, chosen_by, target, key=f"r{i}") for i, matrix in enumerate(turn)]
    return Section("Relationships", notes, tabs=tabs)


def _scorer(matrix: ScoreMatrix, chosen_by: str, target: str | None, *, key: str) -> Section:
    name = matrix.provenance.scorer
    about = _about(matrix, chosen_by)
    warnings, folded = _warnings(matrix)
    if not np.isfinite(matrix.values_ST).any():
        return Section(
            name, [about, *warnings, "It scored no pair: there is nothing to draw."], folded=folded
        )
    picture = _picture(matrix, target)
    drawings, tables = [draw(picture, key=key)], []
    pairs = relations.asymmetry(matrix)
    if matrix.directional and pairs.height:
        drawings.append(charts.svg(_both_ways(pairs, name)))
        tables.append(pairs)
    notes = [about, *warnings, _colours(picture.scale), _directions(matrix, pairs.height)]
    best = ("Best and last sources of every target", relations.best_sources(matrix))
    return Section(name, notes, drawings, tables, [best, *folded])


def _warnings(matrix: ScoreMatrix) -> tuple[Sequence[str], list[tuple[str, pl.DataFrame]]]:
    """Return the scorer's own doubts: openly, or folded up where they are many."""
    found = matrix.provenance.warnings
    if len(found) <= MOST_WARNINGS:
        return found, []
    return (), [(f"{len(found)} warnings of the scorer", pl.DataFrame({"warning": found}))]


def _directions(matrix: ScoreMatrix, pairs: int) -> str:
    if not matrix.directional:
        return "Both directions of a pair have one score by construction: there is no asymmetry to show."
    if not pairs:
        return "No pair was scored differently in its two directions."
    return (
        f"Below the picture: the {pairs} pairs whose two directions differ most. Scores compare inside a "
        "target alone, so look at the ranks too (1 is the target's best source)."
    )


def _picture(matrix: ScoreMatrix, target: str | None) -> Picture:
    tasks = tasks_of(matrix)
    values_TT = square(matrix, tasks)
    tree = clustered(tasks, closeness(values_TT))
    groups = cut(tree, MOST_TASKS)
    place = {task: i for i, task in enumerate(tasks)}
    colours = scale(values_TT, gain=matrix.unit == "predicted_gain")
    drawn = replace(colours, values_ST=reduced(colours.values_ST, place, groups))
    return Picture(
        groups=groups,
        tree=tree,
        scores_GG=reduced(values_TT, place, groups),
        scale=drawn,
        bold=target,
        title=f"Heatmap of the scores of '{matrix.provenance.scorer}', sources by targets, with the tree "
        "of the tasks; the table below names each target's best sources",
    )


def _about(matrix: ScoreMatrix, chosen_by: str) -> str:
    origin = matrix.provenance
    known = int(np.isfinite(matrix.values_ST).sum())
    apart = np.array(matrix.sources)[:, None] != np.array(matrix.targets)
    gain = matrix.unit == "predicted_gain"
    unit = "A predicted gain" if gain else "A similarity: it ranks, and is no gain"
    words = [f"{unit}; version {origin.version}, seed {origin.seed}."]
    if origin.scorer == chosen_by:
        words.append("Tailor chose by it.")
    words.append(f"{known:,} of {int(apart.sum()):,} pairs were scored.")
    repeat = matrix.extras.get("reliability")
    if repeat is not None:
        words.append(f"Agreement of its trainings (split halves): {repeat:.3f}.")
    return " ".join(words)


def _colours(drawn: Scale) -> str:
    if drawn.by_place:
        return (
            "A colour is a source's place among the sources of its target (along a row): the level of "
            "these scores differs from target to target."
        )
    return "A colour is the score itself, 0 in the middle; 2 % of the scores lie beyond the ends."


def _both_ways(pairs: pl.DataFrame, name: str) -> charts.Spec:
    """Return one row of two dots a pair: the direction of the higher score, and back."""
    rows = [
        {"pair": f"{row['source']} → {row['target']}", "direction": direction, "score": row[column]}
        for row in pairs.iter_rows(named=True)
        for direction, column in (("as named", "score"), ("back", "back"))
    ]
    title = f"largest asymmetry of '{name}'"
    return charts.dots(pl.DataFrame(rows), of="pair", by="direction", value="score", title=title)


def agreement(matrices: Sequence[ScoreMatrix]) -> Section:
    """Return how alike the scorers rank."""
    title = "Agreement between scorers"
    if len(matrices) < 2:
        return Section(title, ["There is one scorer alone, and so nothing to compare it with."])
    notes = [
        "Mean over targets of the Spearman correlation of two scorers' sources: 1 is the same ranking, 0 "
        "none in common. That two agree does not make either right."
    ]
    return Section(title, notes, tables=[relations.agreement(matrices)])


def gains(
    matrices: Sequence[ScoreMatrix], truth: Truth | None, *, origin: str, target: str | None
) -> Section:
    """Return predicted against measured gain.

    Args:
        matrices: All scorers.
        truth: Measured gains that were given; None takes those of the scorer `measured`, if it is there.
        origin: Where given gains lie, or should.
        target: Tailor's target, whose pairs stand out.
    """
    title = "Predicted against measured gain"
    by_name = {matrix.provenance.scorer: matrix for matrix in matrices}
    if truth is None and relations.MEASURED in by_name:
        truth, origin = relations.truth_of(by_name.pop(relations.MEASURED)), "the scorer 'measured'"
    if truth is None:
        words = (
            "No gains were measured, so there is nothing to compare the scores with: name the scorer "
            "'measured' in relate.scorers, or put a table with the columns target, source, gain at "
            f"{origin}."
        )
        return Section(title, [words])
    table = relations.against_truth(list(by_name.values()), truth, seed=0)
    if not table.height:
        return Section(title, [f"No scorer and {origin} have three sources of a target in common."])
    note = (
        f"Measured gains: {origin}, {len(truth.targets)} targets. Rank correlation inside a target, as a "
        "mean over targets with its 95 % interval by bootstrap over targets; `taskloom agree` has more "
        "figures and the baselines."
    )
    thinned, drawings = _scatters(list(by_name.values()), truth, target)
    return Section(title, [note, *thinned], drawings, [table])


def _scatters(
    matrices: Sequence[ScoreMatrix], truth: Truth, target: str | None
) -> tuple[list[str], list[Markup]]:
    """Return notes, and one drawing for each scorer that predicts gains of measured pairs."""
    notes, drawings = [], []
    for matrix in matrices:
        points, name = relations.predicted(matrix, truth), matrix.provenance.scorer
        if matrix.unit != "predicted_gain" or not points.height:
            continue
        if points.height > MOST_POINTS:
            notes.append(
                f"'{name}': {MOST_POINTS} of {points.height:,} pairs are drawn, all of the target's "
                "among them."
            )
        drawings.append(_scatter(points, name, target))
    if not drawings:
        notes.append(
            "No scorer here predicts gains in the metric's unit: there is no scatter plot."
        )
    return notes, drawings


def _scatter(points: pl.DataFrame, name: str, target: str | None) -> Markup:
    """Draw predicted and measured gains; of other targets only as many pairs as there is room for."""
    ours = pl.col("target") == (target or "")
    mine, others = points.filter(ours), points.filter(~ours)
    room = max(0, MOST_POINTS - mine.height)
    if others.height > room:
        others = others.gather([i * others.height // room for i in range(room)])
    pairs = [(others, "other targets"), (mine, f"target '{target}'")]
    drawn = pl.concat([part.with_columns(pl.lit(words).alias("pair")) for part, words in pairs])
    title = f"gain that '{name}' predicts, and measured gain"
    return charts.svg(charts.scatter(drawn, x="predicted", y="measured", by="pair", title=title))
