"""Stage `report`: the plots' tables and one HTML page that works offline.

Reads:   settings, curation, plans, mixes, scores, tailored, evaluation, and both models' logs; and, where
         it is there, data/NAME/truth/gains.csv, a table of measured gains of yours (target, source, gain)
Writes:  data/NAME/report/report.html, data/NAME/report/plots/*.csv

The table of gains is no dependency that DVC knows, since most mixtures have none: after writing one, the
stage is to be run by `dvc repro -f -s report`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.settings import ReportSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import read_json, require
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.relationships.agreement.truth import read_truth
from pipeline.relationships.scores import ScoreMatrix, read_scores
from pipeline.report import charts, figures, relationship_page, tailor_page
from pipeline.report.page import Section, page
from pipeline.report.sparks import sparks
from pipeline.stages.evaluation_tables import BASELINES
from pipeline.tables import read_parquet

_OVERLAPS = 30
"""Most pairs of tasks that the page lists; overlap.parquet has them all."""
_CURVES = 12
"""Most tasks whose training loss the page draws; plots/loss_by_task.csv has them all."""
_TERMS = {
    "choice_loss": "of the choices",
    "mlm_loss": "of masked tokens",
    "token_loss": "of the targets' tokens",
}
"""What the terms of a training loss are called, by their column of log.csv."""
_WHY = ("target", "scorer", "selection", "rows_placed", "target_rows", "warnings", "tasks")
_LOG = ("step", "loss")
_TASK_LOG = ("step", "task", "examples", "loss", "accuracy")


def main(arguments: Sequence[str]) -> None:
    """Report on a mixture."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "report"):
        settings = read(ReportSettings, layout.settings("report"))
        tasks = figures.by_family(settings.families)
        frames = plots(layout, tasks, settings)
        with new_folder(layout.report) as folder:
            (folder / "plots").mkdir()
            for plot, frame in frames.items():
                frame.write_csv(folder / "plots" / f"{plot}.csv", float_precision=6)
            text = page(f"taskloom: mixture '{name}'", sections(layout, settings, frames))
            (folder / "report.html").write_text(text, encoding="utf-8")
    print(f"open {layout.report / 'report.html'}")


def plots(
    layout: Layout, tasks: Sequence[str], settings: ReportSettings
) -> dict[str, pl.DataFrame]:
    """Return the frame of every plot, by its name."""
    per_task = _csv(layout.evaluation / "per_task.csv", "task")
    scores = read_parquet(layout.scores / f"{settings.scorer}.parquet")
    which = settings.trainings
    logs = {name: _csv(layout.model(name) / "log.csv", *_LOG) for name in which}
    task_logs = {name: _csv(layout.model(name) / "task_log.csv", *_TASK_LOG) for name in which}
    audits = {name: read_json(layout.mix(name) / "audit.json") for name in which}
    return {
        "relationships": figures.relationships(scores, tasks),
        "composition": figures.composition(audits),
        "losses": figures.losses(logs),
        "loss_by_task": figures.loss_by_task(task_logs),
        "accuracy": figures.accuracy(per_task, tasks, series=(*BASELINES, *which)),
    }


def _csv(path: Path, *columns: str) -> pl.DataFrame:
    require(path)
    try:
        table = pl.read_csv(path)
    except pl.exceptions.PolarsError as error:
        raise ArtefactError(f"not a readable table: {error}", where=str(path)) from error
    lacks = [name for name in columns if name not in table.columns]
    if lacks:
        raise ArtefactError(
            f"lacks the column '{lacks[0]}'", where=str(path), expected=", ".join(columns)
        )
    return table


def sections(
    layout: Layout, settings: ReportSettings, frames: Mapping[str, pl.DataFrame]
) -> list[Section]:
    """Return the page's sections, the result first."""
    metrics = read_json(layout.evaluation / "metrics.json")
    return [
        results(layout, settings, metrics, frames["accuracy"]),
        *related(layout, settings),
        composition(layout, settings, frames["composition"]),
        curation(layout),
        rejected(layout),
        training(layout, settings, frames),
        licences(settings),
    ]


def related(layout: Layout, settings: ReportSettings) -> list[Section]:
    """Tailor's choice, and all that is known of who helps whom.

    Raises:
        ArtefactError: Scores are missing or damaged.
        ConfigError: data/NAME/truth/gains.csv is there and no table of gains.
    """
    scorer, target = settings.scorer, settings.target
    names = {path.stem for path in layout.scores.glob("*.parquet")} | {scorer}
    matrices: list[ScoreMatrix] = [read_scores(layout.scores, name) for name in sorted(names)]
    gains = layout.data / "truth" / "gains.csv"
    truth = read_truth(gains) if gains.exists() else None
    return [
        tailor_page.tailored(read_why(layout)),
        relationship_page.relationships(matrices, chosen_by=scorer, target=target),
        relationship_page.agreement(matrices),
        relationship_page.gains(matrices, truth, origin=str(gains), target=target),
    ]


def read_why(layout: Layout) -> dict[str, Any]:
    """Return what Tailor decided, and why (why.json).

    Raises:
        ArtefactError: It is missing, or not what the stage `tailor` writes today.
    """
    path = layout.tailored / "why.json"
    why = read_json(path)
    lacks = [key for key in _WHY if key not in why] if isinstance(why, dict) else list(_WHY)
    if lacks:
        raise ArtefactError(f"lacks '{lacks[0]}'", where=str(path), remedy="run `dvc repro tailor`")
    found: dict[str, Any] = why
    return found


def results(
    layout: Layout, settings: ReportSettings, metrics: Mapping[str, Any], accuracy: pl.DataFrame
) -> Section:
    """Accuracy on the report rows, per task and in the mean."""
    found = {which: metrics[which] for which in settings.trainings}
    means = {which: of["accuracy_macro"] for which, of in found.items()} | metrics["baselines"]
    words = ", ".join(f"{name} {value:.3f}" for name, value in means.items() if value is not None)
    return Section(
        "Accuracy on the report rows",
        [
            f"Mean over tasks: {words}.",
            f"Target '{settings.target}': "
            + ", ".join(f"{which} {_figure(of['accuracy_target'])}" for which, of in found.items())
            + ". One seed: a difference of a few points is within the noise of a single run.",
            "choice_only sees the choices and never the question: a task that it answers well has "
            "surface cues.",
        ],
        [
            charts.svg(
                charts.dots(accuracy, of="task", by="series", value="accuracy", title="accuracy")
            )
        ],
        [per_task_shown(_csv(layout.evaluation / "per_task.csv", "held_out"))],
    )


def per_task_shown(per_task: pl.DataFrame) -> pl.DataFrame:
    """Return per_task.csv as the page has it: without `held_out` where no task is."""
    return per_task if per_task["held_out"].any() else per_task.drop("held_out")


def composition(layout: Layout, settings: ReportSettings, shares: pl.DataFrame) -> Section:
    """What was asked of each mixture and what its order holds."""
    drawings, tables = [], []
    for which in settings.trainings:
        part = shares.filter(pl.col("which") == which)
        bars = charts.grouped_bars(part, of="task", by="series", value="share", title=which)
        drawings.append(charts.svg(bars))
        plan = read_json(layout.plan(which))
        columns = ["task", "rows", "share", "quota", "epochs", "unseen_rows", "tokens"]
        tables.append(pl.DataFrame(plan["tasks"], infer_schema_length=None).select(columns))
    note = "Shares asked by the card and counted in the order itself; quotas are exact."
    return Section("Mixtures", [note], drawings, tables)


def curation(layout: Layout) -> Section:
    """Rows that left, and tasks whose rows meet in another's evaluation."""
    drops = read_parquet(layout.curation / "drops.parquet")
    overlap = read_parquet(layout.curation / "overlap.parquet")
    reasons = drops.group_by("task", "role", "reason").len("rows").sort("task", "role", "reason")
    pairs = overlap.sort("rows", descending=True, maintain_order=True).head(_OVERLAPS)
    return Section(
        "Curation",
        [
            f"{drops.height:,} rows dropped, each with its reason in curation/drops.parquet.",
            f"The largest of {overlap.height} overlaps between train rows and evaluation rows:",
        ],
        tables=[pairs, reasons],
    )


def rejected(layout: Layout) -> Section:
    """Records that are no examples, by reason."""
    rejects = read_parquet(layout.curation / "rejects.parquet")
    note = (
        f"{rejects['rows'].sum():,} records were no valid examples; each is in "
        "examples/<task>/rejects.parquet with its row."
    )
    return Section("Rejected records", [note], tables=[rejects] if rejects.height else [])


def training(
    layout: Layout, settings: ReportSettings, frames: Mapping[str, pl.DataFrame]
) -> Section:
    """Losses of all trainings, in all and by task."""
    by_task = frames["loss_by_task"]
    ranked = figures.worst_first(by_task)
    shown = ranked[:_CURVES]
    shown += [task for task in ranked[_CURVES:] if task == settings.target]
    some = (
        f"the {_CURVES} tasks with the highest loss at the end" if ranked[_CURVES:] else "the tasks"
    )
    also = ", and the target" if len(shown) > _CURVES else ""
    notes = [
        f"Mean training loss of each training: {terms(layout.model(settings.trainings[0]))}.",
        f"Below it: {some}, the highest first{also}; all on one scale. Losses of tasks with more "
        "choices, or longer targets, start higher. plots/loss_by_task.csv has all tasks.",
    ]
    return Section(
        "Training",
        notes,
        [
            charts.svg(charts.curves(frames["losses"], title="training loss")),
            sparks(by_task, tasks=shown, trainings=settings.trainings),
        ],
    )


def terms(model: Path) -> str:
    """Word what a training's loss is the sum of; a term that is always 0 is none."""
    log = _csv(model / "log.csv")
    found = [words for name, words in _TERMS.items() if name in log.columns and any(log[name])]
    return "the loss " + " and that ".join(found or ["of nothing"])


def licences(settings: ReportSettings) -> Section:
    """Under which licence each task's data came."""
    rows = sorted(settings.licences.items())
    return Section(
        "Licences of the data",
        tables=[pl.DataFrame(rows, schema=["task", "licence"], orient="row")],
    )


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
