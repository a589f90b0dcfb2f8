"""What the stage `evaluate` writes: figures as JSON and tables, from answers and baselines.

Knows answers and figures by model and task; reads and writes no file, runs no model.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pipeline.config.settings import EvaluateSettings
from pipeline.metrics.answers import Answers, figures
from pipeline.metrics.prompts import over_prompts

if TYPE_CHECKING:
    from pipeline.training.view import JudgedTask

BASELINES = ("chance", "majority", "choice_only")
Figures = dict[str, float]
Answered = Mapping[str, Sequence["JudgedTask"]]
"""Answers by task, in name order; one a prompt in the text view, else one."""


def model_figures(answered: Answered, settings: EvaluateSettings) -> dict[str, Figures]:
    """Return the figures of one model by task: over its prompts, where it has any."""
    return {
        task: over_prompts([part_figures(part, settings) for part in parts], rows=_rows(parts))
        if parts[0].prompt
        else part_figures(parts[0], settings)
        for task, parts in answered.items()
    }


def part_figures(part: "JudgedTask", settings: EvaluateSettings) -> Figures:
    """Return the figures of one model on one task, through one prompt."""
    found = figures(
        part.answers,
        fixed_classes=part.form == "classification",
        bins=settings.evaluate.bins,
        threshold=part.threshold,
    )
    return found | part.figures


def _rows(parts: Sequence["JudgedTask"]) -> int:
    """Return how many rows of known label, or of free text, some prompt of a task asked for."""
    known = [part.answers.source[part.answers.known] for part in parts]
    free = [int(part.figures["rows"]) for part in parts if "rows" in part.figures]
    return max([len(np.unique(np.concatenate(known))), *free])


def metrics(
    models: Mapping[str, Mapping[str, Figures]],
    baselines: Mapping[str, Figures],
    target: str,
    *,
    held_out: Collection[str] = (),
) -> dict[str, Any]:
    """Return metrics.json: each model's figures by task, means over tasks, the target's accuracy.

    Means are over the tasks that were drawn; those of held-out tasks stand beside them.
    """
    result: dict[str, Any] = {"target": target}
    if held_out:
        result["held_out"] = sorted(held_out)
    for which, tasks in models.items():
        result[which] = {"accuracy_macro": _mean(tasks, "accuracy", without=held_out)}
        if held_out:
            mean = _mean(tasks, "accuracy", of=held_out)
            result[which]["accuracy_macro_held_out"] = mean
        result[which] |= {"tasks": dict(tasks)}
        result[which]["accuracy_target"] = tasks.get(target, {}).get("accuracy")
    result["baselines"] = {name: _mean(baselines, name, without=held_out) for name in BASELINES}
    if held_out:
        means = {name: _mean(baselines, name, of=held_out) for name in BASELINES}
        result["baselines_held_out"] = means
    return result


def _mean(
    tasks: Mapping[str, Figures],
    key: str,
    *,
    of: Collection[str] | None = None,
    without: Collection[str] = (),
) -> float | None:
    values = [
        figures[key]
        for task, figures in tasks.items()
        if key in figures and task not in without and (of is None or task in of)
    ]
    return round(sum(values) / len(values), 6) if values else None


def per_task(
    models: Mapping[str, Mapping[str, Figures]],
    baselines: Mapping[str, Figures],
    answered: Answered,
    families: Mapping[str, str],
    *,
    held_out: Collection[str] = (),
) -> pl.DataFrame:
    """Return one row a task: what it is, the baselines' accuracy, the models' figures."""
    rows = []
    for name, parts in answered.items():
        row: dict[str, Any] = {
            "task": name,
            "family": families[name],
            "rows": next(iter(models.values()))[name]["rows"],
            "choices": _mean_choices(parts),
        }
        row |= {key: baselines[name].get(key) for key in BASELINES}
        row |= {which: models[which][name].get("accuracy") for which in models}
        for figure in ("macro_f1", "ece"):
            row |= {f"{which}_{figure}": models[which][name].get(figure) for which in models}
        row["held_out"] = name in held_out
        if parts[0].prompt:
            row["prompts"] = len(parts)
            row |= {f"{which}_iqr": models[which][name].get("accuracy_iqr") for which in models}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _mean_choices(parts: Sequence["JudgedTask"]) -> float | None:
    rows = sum(len(part.answers.predicted) for part in parts)
    options = sum(int(part.answers.offsets[-1]) for part in parts)
    return round(options / rows, 2) if rows else None


_PER_PROMPT = ("rows", "accuracy", "accuracy_sum", "accuracy_mean", "exact_match")


def per_prompt(answered: Mapping[str, Answered], settings: EvaluateSettings) -> pl.DataFrame:
    """Return one row a model, task and prompt of the text view, with the figures of that prompt."""
    rows = []
    for which, part in _parts(answered):
        if part.prompt:
            found = part_figures(part, settings)
            told = {
                "model": which,
                "task": part.task,
                "held_out": part.task in settings.held_out,
                "prompt": part.prompt.id,
                "name": part.prompt.name,
            }
            rows.append(told | {name: found.get(name) for name in _PER_PROMPT})
    return pl.DataFrame(rows, infer_schema_length=None)


def predictions(answered: Mapping[str, Answered]) -> pl.DataFrame:
    """Return one row a model, task and report row; `label` is null where hidden.

    In multi-label rows `label` is the predicted choice if that is gold, else the first gold. In the text
    view there is one row a prompt, whose id is in the column `prompt`.
    """
    tables = []
    for which, part in _parts(answered):
        named = {"model": which, "task": part.task}
        named |= {"prompt": part.prompt.id} if part.prompt else {}
        columns = [pl.lit(value).alias(key) for key, value in named.items()]
        tables.append(_predictions(part.answers).select(*columns, pl.all()))
    return pl.concat(tables)


def _parts(answered: Mapping[str, Answered]) -> Iterator[tuple[str, "JudgedTask"]]:
    for which, tasks in answered.items():
        for parts in tasks.values():
            yield from ((which, part) for part in parts)


def _predictions(found: Answers) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": found.source.astype(np.uint32),
            "label": found.label.astype(np.int32),
            "predicted": found.predicted.astype(np.int32),
            "probability": np.round(found.confidence, 6),
            "choices": np.diff(found.offsets).astype(np.int32),
        }
    ).with_columns(pl.col("label").replace(-1, None))
