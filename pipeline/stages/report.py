"""Stage `report`: the plots' tables and one HTML page that works offline.

Reads:   settings, curation, plans, mixes, scores, tailored, evaluation, and both models' logs
Writes:  data/NAME/report/report.html, data/NAME/report/plots/*.csv
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.settings import ReportSettings
from pipeline.config.settings_file import read
from pipeline.report import charts, figures
from pipeline.report.page import Section, page
from pipeline.stages.layout import PASSES, Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import read_json, read_parquet, require

_OVERLAPS = 30
"""Most pairs of tasks that the page lists; overlap.parquet has them all."""


def main(arguments: Sequence[str]) -> None:
    """Report on a mixture."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "report"):
        settings = read(ReportSettings, layout.settings("report"))
        tasks = figures.by_family(settings.families)
        frames = plots(layout, tasks, scorer=settings.card.tailor.scorer)
        with new_folder(layout.report) as folder:
            (folder / "plots").mkdir()
            for plot, frame in frames.items():
                frame.write_csv(folder / "plots" / f"{plot}.csv", float_precision=6)
            text = page(f"taskloom: mixture '{name}'", sections(layout, settings, frames))
            (folder / "report.html").write_text(text, encoding="utf-8")
    print(f"open {layout.report / 'report.html'}")


def plots(layout: Layout, tasks: Sequence[str], *, scorer: str) -> dict[str, pl.DataFrame]:
    """Return the frame of every plot, by its name."""
    per_task = _csv(layout.evaluation / "per_task.csv")
    scores = read_parquet(layout.scores / f"{scorer}.parquet")
    logs = {which: _csv(layout.model(which) / "log.csv") for which in PASSES}
    audits = {which: read_json(layout.mix(which) / "audit.json") for which in PASSES}
    return {
        "relationships": figures.relationships(scores, tasks),
        "composition": figures.composition(audits),
        "losses": figures.losses(logs),
        "accuracy": figures.accuracy(per_task, tasks),
    }


def _csv(path: Path) -> pl.DataFrame:
    require(path)
    return pl.read_csv(path)


def sections(
    layout: Layout, settings: ReportSettings, frames: Mapping[str, pl.DataFrame]
) -> list[Section]:
    """Return the page's sections, the result first."""
    metrics = read_json(layout.evaluation / "metrics.json")
    why = read_json(layout.tailored / "why.json")
    return [
        results(layout, metrics, frames["accuracy"]),
        tailored(why),
        relationships(layout, settings, frames["relationships"]),
        composition(layout, frames["composition"]),
        curation(layout),
        Section(
            "Training",
            ["Mean training loss of each pass, choice and masked-language-model loss together."],
            [charts.svg(charts.curves(frames["losses"], title="training loss"))],
        ),
        licences(settings),
    ]


def results(layout: Layout, metrics: Mapping[str, Any], accuracy: pl.DataFrame) -> Section:
    """Accuracy on the report rows, per task and in the mean."""
    target = metrics["target"]
    means = {which: metrics[which]["accuracy_macro"] for which in PASSES} | metrics["baselines"]
    words = ", ".join(f"{name} {value:.3f}" for name, value in means.items() if value is not None)
    return Section(
        "Accuracy on the report rows",
        [
            f"Mean over tasks: {words}.",
            f"Target '{target}': compass {_figure(metrics['compass']['accuracy_target'])}, "
            f"tailored {_figure(metrics['tailored']['accuracy_target'])}. One seed: a difference of "
            "a few points is within the noise of a single run.",
            "choice_only sees the choices and never the question: a task that it answers well has "
            "surface cues.",
        ],
        [
            charts.svg(
                charts.dots(accuracy, of="task", by="series", value="accuracy", title="accuracy")
            )
        ],
        [_csv(layout.evaluation / "per_task.csv")],
    )


def tailored(why: Mapping[str, Any]) -> Section:
    """What Tailor took and refused, and why."""
    band = why.get("null_band")
    notes = [
        f"Target '{why['target']}', scorer '{why['scorer']}', at most {why['k']} complements above "
        f"{why['min_score']}. {why['rows_placed']} rows of complements beside {why['target_rows']} "
        "of the target.",
        *why["warnings"],
    ]
    if band is not None:
        notes.append(f"95 % of random vectors correlate less than {band:.3f} in size.")
    columns = [
        "task",
        "family",
        "score",
        "rank",
        "decision",
        "rows",
        "epochs",
        "inside_null",
        "reason",
    ]
    rows = [{column: entry[column] for column in columns} for entry in why["tasks"]]
    table = pl.DataFrame(rows, schema=columns, infer_schema_length=None)
    return Section("What Tailor chose", notes, tables=[table])


def relationships(layout: Layout, settings: ReportSettings, scores: pl.DataFrame) -> Section:
    """The heatmap, with how it stands against chance."""
    tasks = figures.by_family(settings.families)
    scorer = settings.card.tailor.scorer
    facts = read_json(layout.scores / f"{scorer}.json")
    direction = (
        "A column's task is the source, a row's the target."
        if facts.get("directional")
        else "It is symmetric: it says nothing of who helps whom."
    )
    return Section(
        "Relationships",
        [
            f"Scores of the scorer '{scorer}', which Tailor chose by, families side by side. {direction} "
            "Whether they agree with transfer is a question to measure, not to assume.",
            *facts.get("provenance", {}).get("warnings", []),
        ],
        [charts.svg(charts.heatmap(scores, tasks=tasks, title=f"scores of '{scorer}'"))],
    )


def composition(layout: Layout, shares: pl.DataFrame) -> Section:
    """What was asked of each mixture and what its order holds."""
    drawings, tables = [], []
    for which in PASSES:
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


def licences(settings: ReportSettings) -> Section:
    """Under which licence each task's data came."""
    rows = sorted(settings.licences.items())
    return Section(
        "Licences of the data",
        tables=[pl.DataFrame(rows, schema=["task", "licence"], orient="row")],
    )


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
