"""The plan of a project: exact where its tokens exist and are its own, else estimated from what is known.

Commands show it or compare it; nothing is printed here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.config.resolved import NormalizeSource
from pipeline.config.strategies.base import Prompts
from pipeline.contract.files import read_json
from pipeline.contract.tokens import read_tokens
from pipeline.curation.roles import select_target
from pipeline.layout import COMPASS
from pipeline.mixing.estimate import stored_tokens_per_row, supervised_per_row, tokens_per_row
from pipeline.mixing.lengths import MeanLengths
from pipeline.mixing.plan import Plan, make_plan
from pipeline.project import Project
from pipeline.resolution import prompts_with_sources, used
from pipeline.stages.plan import exact_plan

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


def settings_on_disk(path: Path) -> dict[str, Any] | None:
    """Return a file that `resolve` wrote; None where there is none."""
    return dict(read_json(path)) if path.exists() else None


def tokens_are_current(project: Project) -> bool:
    """Whether the tokens that exist were made from the project as it is written now."""
    there = (project.layout.tokens("train") / "manifest.json").exists()
    return there and is_built_from(project, settings_on_disk)


def is_built_from(
    project: Project,
    recorded: Callable[[Path], Mapping[str, Any] | None],
    stages: Sequence[str] = UPSTREAM,
) -> bool:
    """Whether stages with these recorded settings ran on a project, whatever the code was.

    Args:
        project: What people wrote.
        recorded: Returns the content of a file of `resolve`; None where it is not known.
        stages: Those that count; left out, those that decide the tokens.
    """
    layout = project.layout
    sources = {task: recorded(layout.source(task)) for task in project.cards}
    tokenizer = recorded(layout.settings("tokenizer"))
    if tokenizer is None or any(
        source is None or source.get("card") != _as_json(used(project.cards[task]))
        for task, source in sources.items()
    ):
        return False
    try:
        models = {task: NormalizeSource.model_validate(sources[task]) for task in project.prompts}
    except ValidationError:  # another version of the code wrote it
        return False
    wanted = project.settings(
        model_sha256=tokenizer.get("model_sha256"),
        prompts=prompts_with_sources(project.prompts, models),
    )
    found = {stage: recorded(layout.settings(stage)) for stage in stages}
    return all(
        value is not None and {**value, "code": {}} == _as_json(wanted[stage])
        for stage, value in found.items()
    )


def _as_json(model: BaseModel) -> Any:
    return json.loads(model.model_dump_json())


def plan_exactly(project: Project) -> Plan:
    """Return the plan of a mixture's own tasks, from the tokens that exist.

    Raises:
        MixtureError: The mixture cannot be drawn.
        ArtefactError: The tokens are missing or damaged.
    """
    card = project.card
    return exact_plan(
        read_tokens(project.layout.tokens("train")),
        card,
        name=card.name,
        which=COMPASS,
        seed=project.params.seed,
        batch=project.params.train.batch,
        target=card.tailor.target,
    )


def guesses(project: Project) -> dict[str, Guess]:
    """Return what is known of each task that is drawn, by name."""
    return {task: guess(project, task) for task in sorted(project.card.drawn().tasks)}


def unknown_sizes(project: Project, known: Mapping[str, Guess]) -> list[str]:
    """Return the tasks of which too little is known to plan the mixture."""
    rows_only = project.card.sampling.unit == "rows"
    return [
        task
        for task, found in known.items()
        if found.rows is None or (found.tokens_per_row is None and not rows_only)
    ]


def guess(project: Project, task: str) -> Guess:
    """Return what is known of a task: from its examples, else from its card."""
    folder = project.layout.examples(task)
    if (folder / "origin.json").exists():
        import polars as pl

        rows = int(read_json(folder / "origin.json")["splits"]["train"]["kept"])
        sample = pl.scan_parquet(folder / "train.parquet").head(SAMPLE_ROWS).collect()
        return Guess(
            rows=train_rows(rows, project) * prompts_of(project, task).rows,
            tokens_per_row=tokens_per_row(
                sample, max_tokens=project.params.tokenize.max_tokens, view=project.card.view
            ),
            supervised_per_row=supervised_per_row(sample, view=project.card.view),
            stored_per_row=stored_tokens_per_row(sample),
        )
    source = project.cards[task].source
    if source.kind != "suite":
        return Guess(rows=None)
    return Guess(rows=train_rows(source.rows, project) * prompts_of(project, task).rows)


def train_rows(rows: int, project: Project) -> int:
    """Return how many of a task's rows train, after `select` is cut off and up to the limit."""
    left = rows - select_target(rows, project.params.curate)
    limit = project.card.limits.train
    return left if limit is None else min(left, limit)


def estimated_plan(project: Project, known: Mapping[str, Guess]) -> Plan:
    """Plan from known or guessed sizes, of which none is unknown.

    Tokens and disk stay unknown where a task's text was never seen.
    """
    sizes = {task: found.rows for task, found in known.items() if found.rows is not None}
    lengths = MeanLengths(
        sizes,
        {task: found.tokens_per_row for task, found in known.items()},
        {task: found.supervised_per_row for task, found in known.items()},
        {task: prompts_of(project, task) for task in known},
    )
    plan = make_plan(
        project.card,
        lengths,
        name=project.card.name,
        which=COMPASS,
        seed=project.params.seed,
        batch=project.params.train.batch,
    )
    stored = [
        None if found.stored_per_row is None else round(4 * found.stored_per_row * sizes[task])
        for task, found in known.items()
    ]
    known_bytes = [value for value in stored if value is not None]
    whole = len(known_bytes) == len(stored)
    return replace(plan, shard_bytes=sum(known_bytes) if whole else None)


def prompts_of(project: Project, task: str) -> Prompts:
    """Return through how many prompts a task's rows are made."""
    entry = project.prompts.get(task)
    count = len(entry.prompts) if entry else 1
    return Prompts(count, count if entry and entry.draw == "all" else 1)
