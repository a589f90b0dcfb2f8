"""`taskloom plan`: what a mixture will hold, in rows, epochs, tokens, disk and time.

Exact where the mixture's tokens exist and were made from the present cards and parameters: a new weight
needs no run to be planned. Else an estimate, labelled so.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import ModelParams
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings_file import read
from pipeline.contract.files import read_json
from pipeline.layout import COMPASS
from pipeline.mixing.corpus import read_corpus
from pipeline.mixing.estimate import (
    stored_tokens_per_row,
    supervised_per_row,
    tokens_per_row,
    training_seconds,
)
from pipeline.mixing.lengths import MeanLengths
from pipeline.mixing.plan import Plan, from_json, make_plan
from pipeline.mixing.rates import Prompts
from pipeline.mixing.table import (
    UNKNOWN,
    count,
    duration,
    plan_tables,
    sampling_line,
    size,
    text_table,
)
from pipeline.project import Project, active, read_project
from pipeline.resolution import prompts_with_sources, used

SAMPLE_ROWS = 2000
UPSTREAM = ("curate", "tokenizer", "tokenize")
"""Stages whose settings decide the tokens."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What is known of a task before it is tokenised; null = unknown."""

    rows: int | None
    tokens_per_row: float | None = None
    supervised_per_row: float | None = None
    stored_per_row: float | None = None


def main(arguments: Sequence[str]) -> None:
    """Print the plan of a mixture, of the active one by default.

    Raises:
        PipelineError: A card or params.yaml is wrong, or the mixture cannot be drawn.
    """
    parser = argparse.ArgumentParser(prog="taskloom plan", description=__doc__)
    parser.add_argument("name", nargs="?", help="a mixture; left out, the active one")
    recipe = read_project(parser.parse_args(arguments).name or active())
    lines = exact_lines if tokens_are_current(recipe) else estimate_lines
    print("\n".join(lines(recipe)))


def tokens_are_current(recipe: Project) -> bool:
    """Whether the tokens that exist were made from the present cards and parameters."""
    layout = recipe.layout
    path = layout.settings("tokenizer")
    if not (layout.tokens("train") / "manifest.json").exists() or not path.exists():
        return False
    sources = _present_sources(recipe)
    wanted = recipe.settings(
        model_sha256=read_json(path).get("model_sha256"),
        prompts=prompts_with_sources(recipe.prompts, sources),
    )
    for stage in UPSTREAM:
        there = layout.settings(stage)
        if not there.exists() or _said(read_json(there)) != _said(wanted[stage].model_dump()):
            return False
    return all(_source_is_current(recipe, task) for task in recipe.cards)


def _said(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON has them, without the code: a plan is made by the present code."""
    said: dict[str, Any] = json.loads(json.dumps(dict(settings)))
    said.pop("code")
    return said


def _present_sources(recipe: Project) -> dict[str, NormalizeSource]:
    """Return the resolved sources that are there, of tasks with prompts."""
    paths = {task: recipe.layout.source(task) for task in recipe.prompts}
    return {task: read(NormalizeSource, path) for task, path in paths.items() if path.exists()}


def _source_is_current(recipe: Project, task: str) -> bool:
    path = recipe.layout.source(task)
    return path.exists() and read_json(path)["card"] == json.loads(
        used(recipe.cards[task]).model_dump_json()
    )


def exact_lines(recipe: Project) -> list[str]:
    """Word the exact plan, and that of the tailored mixture where it exists and is current."""
    from pipeline.stages.plan import exact_plan

    corpus, card = read_corpus(recipe.layout.tokens("train")), recipe.card
    plan = exact_plan(
        corpus,
        card,
        name=card.name,
        which=COMPASS,
        seed=recipe.params.seed,
        batch=recipe.params.train.batch,
        target=card.tailor.target,
    )
    lines = [f"mixture '{plan.name}', exact", "", plan_tables(plan), ""]
    lines += [sampling_line(card.sampling), *notes(plan, card), *outlook(plan, recipe)]
    for training, entry in card.trainings.items():
        path = recipe.layout.plan(training)
        if entry.recipe == "all" or not path.exists():
            continue
        other = from_json(read_json(path), where=str(path))
        if other.tokens_sha256 == corpus.sha256:
            title = f"training '{training}' for '{card.tailor.target}', exact as of the last run"
            lines += ["", title, "", plan_tables(other), "", *outlook(other, recipe)]
    return lines


def estimate_lines(recipe: Project) -> list[str]:
    """Word the estimate, or as much as is known where some sizes are not."""
    guesses = {task: guess(recipe, task) for task in sorted(recipe.card.drawn().tasks)}
    title = f"mixture '{recipe.card.name}', ESTIMATE: its tokens do not exist or are out of date"
    sizes = {task: known.rows for task, known in guesses.items() if known.rows is not None}
    unknown = [task for task in guesses if task not in sizes]
    if recipe.card.sampling.unit != "rows":
        unknown += [t for t in sizes if guesses[t].tokens_per_row is None]
    if unknown:
        body = [(task, count(guesses[task].rows)) for task in guesses]
        tasks, them = ("tasks", "them") if len(unknown) > 1 else ("task", "it")
        note = f"{len(unknown)} {tasks} of unknown size; `taskloom data` normalizes {them}"
        return [title, "", text_table(("task", "train rows"), body), "", note]
    plan = estimated_plan(recipe, guesses, sizes)
    lines = [title, "", plan_tables(plan), "", sampling_line(recipe.card.sampling)]
    return [*lines, *notes(plan, recipe.card), *outlook(plan, recipe)]


def guess(recipe: Project, task: str) -> Guess:
    """Return what is known of a task: from its examples, else from its card."""
    folder = recipe.layout.examples(task)
    if (folder / "origin.json").exists():
        import polars as pl

        rows = int(read_json(folder / "origin.json")["splits"]["train"]["kept"])
        sample = pl.scan_parquet(folder / "train.parquet").head(SAMPLE_ROWS).collect()
        return Guess(
            rows=train_rows(rows, recipe) * made(recipe, task).rows,
            tokens_per_row=tokens_per_row(
                sample, max_tokens=recipe.params.tokenize.max_tokens, view=recipe.card.view
            ),
            supervised_per_row=supervised_per_row(sample, view=recipe.card.view),
            stored_per_row=stored_tokens_per_row(sample),
        )
    source = recipe.cards[task].source
    if source.kind != "suite":
        return Guess(rows=None)
    return Guess(rows=train_rows(source.rows, recipe) * made(recipe, task).rows)


def train_rows(rows: int, recipe: Project) -> int:
    """Return how many of a task's rows train, after `select` is cut off and up to the limit."""
    from pipeline.curation.roles import select_target

    left = rows - select_target(rows, recipe.params.curate)
    limit = recipe.card.limits.train
    return left if limit is None else min(left, limit)


def estimated_plan(recipe: Project, guesses: Mapping[str, Guess], sizes: Mapping[str, int]) -> Plan:
    """Plan from guessed sizes; tokens and disk stay unknown where a task's text was never seen."""
    lengths = MeanLengths(
        sizes,
        {task: known.tokens_per_row for task, known in guesses.items()},
        {task: known.supervised_per_row for task, known in guesses.items()},
        {task: made(recipe, task) for task in guesses},
    )
    plan = make_plan(
        recipe.card,
        lengths,
        name=recipe.card.name,
        which=COMPASS,
        seed=recipe.params.seed,
        batch=recipe.params.train.batch,
    )
    stored = [
        None if known.stored_per_row is None else round(4 * known.stored_per_row * sizes[task])
        for task, known in guesses.items()
    ]
    known_bytes = [value for value in stored if value is not None]
    whole = len(known_bytes) == len(stored)
    return replace(plan, shard_bytes=sum(known_bytes) if whole else None)


def made(recipe: Project, task: str) -> Prompts:
    """Return through how many prompts a task's rows are made."""
    entry = recipe.prompts.get(task)
    count = len(entry.prompts) if entry else 1
    return Prompts(count, count if entry and entry.draw == "all" else 1)


def notes(plan: Plan, card: MixtureCard) -> list[str]:
    """Word what a plan's figures do not show by themselves."""
    lines = [f"'{gone}' has the content of '{kept}' and left" for gone, kept in plan.merged.items()]
    if card.held_out:
        lines.append(f"held out, and never drawn: {', '.join(card.held_out)}")
    if card.sampling.stop == "endless":
        lines.append(f"the mixture has no end; its first {count(plan.positions)} rows are built")
    limit = card.sampling.max_epochs
    over = [task.task for task in plan.tasks if limit and task.quota > limit * task.rows]
    if over and card.sampling.strategy == "unimax":
        lines.append(
            f"the budget is beyond {limit:g} epochs of all tasks together, so that "
            f"{len(over)} of them are repeated more often"
        )
    return lines


def outlook(plan: Plan, recipe: Project) -> list[str]:
    """Word what a plan costs: steps, disk, and roughly the time of training."""
    train = recipe.params.train
    encoder = encoder_size(recipe.params.model)
    seconds = None
    if plan.tokens is not None and encoder is not None:
        layers, width = encoder
        seconds = training_seconds(
            plan.tokens, layers=layers, width=width, threads=train.threads, mlm=train.mlm_weight > 0
        )
    return [
        f"{count(plan.positions)} rows in order {plan.order}: {steps(plan, recipe)}",
        f"disk: {size(plan.disk_bytes)} of tokens and order",
        f"time: roughly {duration(seconds)} of training on {train.threads} CPU threads",
    ]


def steps(plan: Plan, recipe: Project) -> str:
    """Word the optimiser steps of one pass; rough where rows are packed, which the stage `mix` does."""
    batch, text = recipe.params.train.batch, recipe.params.text
    if recipe.card.view == "text" and text.model == "causal" and text.pack_tokens:
        lines = None if plan.tokens is None else -(-plan.tokens // text.pack_tokens)
        known = UNKNOWN if lines is None else count(-(-lines // batch))
        return f"about {known} steps of {batch} packed lines"
    return f"{count(-(-plan.positions // batch))} steps of {batch} rows"


def encoder_size(model: ModelParams) -> tuple[int, int] | None:
    """Return layers and width of the encoder; null where only a hub could tell."""
    if model.source == "small":
        return model.layers, model.width
    if not model.source.startswith(("package:", ".", "/")):
        return None
    from pipeline.base_model import model_folder

    folder = model_folder(model.source, model.revision)
    config = read_json(folder / "config.json") if folder else {}
    layers, width = config.get("num_hidden_layers"), config.get("hidden_size")
    return (int(layers), int(width)) if layers and width else None
