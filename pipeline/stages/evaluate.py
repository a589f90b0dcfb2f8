"""Stage `evaluate`: both models and the baselines on the `report` rows, which nothing else opens.

Reads:   data/NAME/settings/evaluate.json, data/NAME/tokens/report, data/NAME/curated,
         models/NAME/{compass,tailored}
Writes:  data/NAME/evaluation/{metrics.json,per_task.csv,predictions.parquet}

Both models answer all tasks; the tailored one's headline is its target. torch is imported only where
the models answer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from tqdm import tqdm

from pipeline.config.settings import EvaluateSettings
from pipeline.config.settings_file import read
from pipeline.metrics.answers import Answers, figures
from pipeline.metrics.baselines import ChoiceTexts, chance, choice_only, majority
from pipeline.metrics.choices import Ints
from pipeline.stages.layout import PASSES, Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import read_parquet, write_frame, write_json

if TYPE_CHECKING:
    from pipeline.training.judge import Judged

BASELINES = ("chance", "majority", "choice_only")
Figures = dict[str, float]


def main(arguments: Sequence[str]) -> None:
    """Evaluate a mixture's models."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "evaluate"):
        settings = read(EvaluateSettings, layout.settings("evaluate"))
        answered = {which: judge(layout, settings, which) for which in PASSES}
        models = {which: model_figures(found, settings) for which, found in answered.items()}
        baselines = {
            task.task: baseline_figures(
                task.answers,
                read_parquet(layout.curated(task.task, "train")),
                read_parquet(layout.curated(task.task, "report")),
            )
            if len(task.answers.predicted)
            else {}
            for task in tqdm(answered["compass"], desc="baselines", delay=2, leave=False)
        }
        with new_folder(layout.evaluation) as folder:
            result = metrics(models, baselines, settings.target)
            score = answered["compass"][0].score
            write_json(result | ({"score": score} if score else {}), folder / "metrics.json")
            table = per_task(models, baselines, answered["compass"], settings.families)
            table.write_csv(folder / "per_task.csv", float_precision=6)
            write_frame(predictions(answered), folder / "predictions.parquet")


def judge(layout: Layout, settings: EvaluateSettings, which: str) -> list["Judged"]:
    """Return the answers of one model to all tasks."""
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.judge import judged

    budget = settings.evaluate.token_budget
    stream = judged(layout.model(which), layout.tokens("report"), token_budget=budget)
    return list(tqdm(stream, total=len(settings.tasks), desc=which, delay=2, leave=False))


def model_figures(answered: Sequence["Judged"], settings: EvaluateSettings) -> dict[str, Figures]:
    """Return the figures of one model by task."""
    return {
        task.task: figures(
            task.answers,
            fixed_classes=task.form == "classification",
            bins=settings.evaluate.bins,
            threshold=task.threshold,
        )
        | task.figures
        for task in answered
    }


def baseline_figures(answers: Answers, train: pl.DataFrame, report: pl.DataFrame) -> Figures:
    """Return the accuracy of each baseline on the rows that a model answered.

    Args:
        answers: Of any model: say which rows there are and what is gold.
        train: Curated train rows.
        report: Curated report rows.
    """
    counts = np.diff(answers.offsets)
    golds = np.add.reduceat(answers.gold, answers.offsets[:-1], dtype=np.int64)
    known = np.flatnonzero(golds)
    labels = pl.coalesce("label", pl.col("labels").list.first()).fill_null(-1)
    one_gold = train.select(labels.cast(pl.Int64)).to_series().to_numpy()
    every = train.select(pl.coalesce("labels", pl.concat_list("label")).explode())
    often = majority(every.to_series().drop_nulls().cast(pl.Int64).to_numpy(), counts)
    wording = choice_only(_texts(train), one_gold, _texts(report[answers.source]))
    predicted = {"majority": often, "choice_only": often if wording is None else wording}
    found = {"chance": chance(counts[known], golds[known])} | {
        name: _hits(indices, answers, known) for name, indices in predicted.items()
    }
    return {name: round(value, 6) for name, value in found.items() if value is not None}


def _hits(predicted: Ints, answers: Answers, known: Ints) -> float | None:
    hits = answers.gold[answers.offsets[:-1] + predicted][known]
    return float(hits.mean()) if len(known) else None


def _texts(rows: pl.DataFrame) -> ChoiceTexts:
    choices = rows.get_column("choices")
    offsets = np.concatenate(([0], np.cumsum(choices.list.len().to_numpy()))).astype(np.int64)
    flat = choices.explode(empty_as_null=False, keep_nulls=False).cast(pl.String)
    return ChoiceTexts(flat.to_arrow(), offsets)


def metrics(
    models: Mapping[str, Mapping[str, Figures]], baselines: Mapping[str, Figures], target: str
) -> dict[str, Any]:
    """Return metrics.json: each model's figures by task, their mean, and the target's accuracy."""
    result: dict[str, Any] = {"target": target}
    for which, tasks in models.items():
        result[which] = {"accuracy_macro": _mean(tasks, "accuracy"), "tasks": dict(tasks)}
        result[which]["accuracy_target"] = tasks.get(target, {}).get("accuracy")
    result["baselines"] = {name: _mean(baselines, name) for name in BASELINES}
    return result


def _mean(tasks: Mapping[str, Figures], key: str) -> float | None:
    values = [figures[key] for figures in tasks.values() if key in figures]
    return round(sum(values) / len(values), 6) if values else None


def per_task(
    models: Mapping[str, Mapping[str, Figures]],
    baselines: Mapping[str, Figures],
    answered: Sequence["Judged"],
    families: Mapping[str, str],
) -> pl.DataFrame:
    """Return one row a task: what it is, the baselines' accuracy, the models' figures."""
    rows = []
    for task in answered:
        name = task.task
        row: dict[str, Any] = {
            "task": name,
            "family": families[name],
            "rows": models["compass"][name]["rows"],
            "choices": _mean_choices(task.answers),
        }
        row |= {key: baselines[name].get(key) for key in BASELINES}
        row |= {which: models[which][name].get("accuracy") for which in models}
        for figure in ("macro_f1", "ece"):
            row |= {f"{which}_{figure}": models[which][name].get(figure) for which in models}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _mean_choices(answers: Answers) -> float | None:
    rows = len(answers.predicted)
    return round(int(answers.offsets[-1]) / rows, 2) if rows else None


def predictions(answered: Mapping[str, Sequence["Judged"]]) -> pl.DataFrame:
    """Return one row a model, task and report row; `label` is null where hidden.

    In multi-label rows `label` is the predicted choice if that is gold, else the first gold.
    """
    parts = []
    for which, tasks in answered.items():
        for task in tasks:
            found = task.answers
            part = pl.DataFrame(
                {
                    "row": found.source.astype(np.uint32),
                    "label": found.label.astype(np.int32),
                    "predicted": found.predicted.astype(np.int32),
                    "probability": np.round(found.confidence, 6),
                    "choices": np.diff(found.offsets).astype(np.int32),
                }
            ).with_columns(
                pl.col("label").replace(-1, None),
                model=pl.lit(which),
                task=pl.lit(task.task),
            )
            parts.append(part.select("model", "task", pl.exclude("model", "task")))
    return pl.concat(parts)
