"""Stage `evaluate`: all models and the baselines on the `report` rows, which nothing else opens.

Reads:   data/NAME/settings/evaluate.json, data/NAME/tokens/report, data/NAME/curated,
         models/NAME/<training>
Writes:  data/NAME/evaluation/{metrics.json,per_task.csv,predictions.parquet}, and in the text view
         per_prompt.csv

Every model answers all tasks, held-out ones too. In the text
view a task's figures are medians over its prompts. torch is imported only where the models answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from tqdm import tqdm

from pipeline.config.settings import EvaluateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.layout import Layout
from pipeline.metrics.answers import Answers
from pipeline.metrics.baselines import ChoiceTexts, chance, choice_only, majority
from pipeline.metrics.choices import Ints
from pipeline.metrics.prompts import DEFINITION
from pipeline.publish import new_folder, stage_lock
from pipeline.stages.evaluation_tables import (
    Answered,
    Figures,
    metrics,
    model_figures,
    per_prompt,
    per_task,
    predictions,
)
from pipeline.tables import read_parquet, write_frame

if TYPE_CHECKING:
    from pipeline.training.view import JudgedTask


def main(arguments: Sequence[str]) -> None:
    """Evaluate a mixture's models."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "evaluate"):
        settings = read(EvaluateSettings, layout.settings("evaluate"))
        answered = {which: judge(layout, settings, which) for which in settings.trainings}
        baselines = {
            task: task_baselines(layout, parts)
            for task, parts in tqdm(
                answered[settings.trainings[0]].items(), desc="baselines", delay=2, leave=False
            )
        }
        write_evaluation(layout, settings, answered, baselines)


def judge(layout: Layout, settings: EvaluateSettings, which: str) -> Answered:
    """Return the answers of one model to all tasks."""
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.views import judge_model

    budget = settings.evaluate.token_budget
    stream = judge_model(layout.model(which), layout.tokens("report"), token_budget=budget)
    return by_task(tqdm(stream, desc=which, delay=2, leave=False))


def by_task(stream: Iterable["JudgedTask"]) -> Answered:
    """Put the answers of a task together, those of all its prompts."""
    return {task: list(parts) for task, parts in groupby(stream, key=lambda part: part.task)}


def write_evaluation(
    layout: Layout,
    settings: EvaluateSettings,
    answered: Mapping[str, Answered],
    baselines: Mapping[str, Figures],
) -> None:
    """Write the outputs of the stage.

    Args:
        layout: Of the mixture.
        settings: Of the stage.
        answered: By model.
        baselines: By task.
    """
    models = {which: model_figures(found, settings) for which, found in answered.items()}
    first = next(iter(answered.values()))
    parts = [part for found in first.values() for part in found]
    scores = {part.score for part in parts if part.score}
    prompted = any(part.prompt for part in parts)
    with new_folder(layout.evaluation) as folder:
        result = metrics(models, baselines, settings.target, held_out=settings.held_out)
        said = {"score": min(scores)} if scores else {}
        said |= {"over_prompts": DEFINITION} if prompted else {}
        write_json(result | said, folder / "metrics.json")
        table = per_task(models, baselines, first, settings.families, held_out=settings.held_out)
        table.write_csv(folder / "per_task.csv", float_precision=6)
        write_frame(predictions(answered), folder / "predictions.parquet")
        if prompted:
            lines = per_prompt(answered, settings)
            lines.write_csv(folder / "per_prompt.csv", float_precision=6)


def task_baselines(layout: Layout, parts: Sequence["JudgedTask"]) -> Figures:
    """Return the baselines of one task; none where no row of it has options."""
    if not any(len(part.answers.predicted) for part in parts):
        return {}
    return baseline_figures(
        [part.answers for part in parts],
        read_parquet(layout.curated(parts[0].task, "train")),
        read_parquet(layout.curated(parts[0].task, "report")),
    )


def baseline_figures(
    answers: Sequence[Answers], train: pl.DataFrame, report: pl.DataFrame
) -> Figures:
    """Return the accuracy of each baseline on the rows that a model answered, each row once.

    Args:
        answers: Of any model, one a prompt: say which rows there are, and how many options each had.
        train: Curated train rows; without a label among them there is chance alone.
        report: Curated report rows, which say what is gold.
    """
    counts = np.concatenate([np.diff(one.offsets)[one.known] for one in answers])
    golds = np.concatenate([_golds(one)[one.known] for one in answers])
    found = {"chance": chance(counts, golds)}
    asked = report[np.unique(np.concatenate([one.source[one.known] for one in answers]))]
    labels = pl.coalesce("label", pl.col("labels").list.first()).fill_null(-1)
    one_gold = train.select(labels.cast(pl.Int64)).to_series().to_numpy()
    if (one_gold >= 0).any() and (asked["choices"].list.len() > 0).all():
        every = train.select(pl.coalesce("labels", pl.concat_list("label")).explode())
        usual = every.to_series().drop_nulls().cast(pl.Int64).to_numpy()
        often = majority(usual, asked["choices"].list.len().to_numpy().astype(np.int64))
        wording = choice_only(_texts(train), one_gold, _texts(asked))
        found["majority"] = _hits(often, asked)
        found["choice_only"] = _hits(often if wording is None else wording, asked)
    return {name: round(value, 6) for name, value in found.items() if value is not None}


def _golds(answers: Answers) -> Ints:
    """Return the options of each row that are gold, (R,)."""
    if not len(answers.predicted):
        return np.zeros(0, dtype=np.int64)
    result: Ints = np.add.reduceat(answers.gold, answers.offsets[:-1], dtype=np.int64)
    return result


def _hits(predicted: Ints, rows: pl.DataFrame) -> float | None:
    """Return the share of rows of which a predicted choice is gold."""
    right = rows.select(
        hit=pl.coalesce("labels", pl.concat_list("label")).list.contains(
            pl.Series(predicted, dtype=pl.Int64)
        )
    )["hit"]
    return float(right.cast(pl.Float64).mean()) if rows.height else None  # type: ignore[arg-type]


def _texts(rows: pl.DataFrame) -> ChoiceTexts:
    choices = rows.get_column("choices")
    offsets = np.concatenate(([0], np.cumsum(choices.list.len().to_numpy()))).astype(np.int64)
    flat = choices.explode(empty_as_null=False, keep_nulls=False).cast(pl.String)
    return ChoiceTexts(flat.to_arrow(), offsets)
