"""Prompts together with rows to look at them on: of a file, or a mixture's own."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.recipe import merged
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings_file import read
from pipeline.config.task_prompts import known_prompts
from pipeline.errors import ConfigError, SourceError, unknown_name
from pipeline.layout import MIXTURES, PARAMS, PROMPTS, Layout
from pipeline.project import load_mixture
from pipeline.schema import EXAMPLE
from pipeline.tables import read_parquet
from pipeline.templates.prompt import Prompt, PromptFile

if TYPE_CHECKING:
    from pipeline.templates.lint import Finding

SAMPLE = 200
"""Rows that are looked at where no one says how many."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Prompts of one dataset, and rows as they see them.

    Attributes:
        name: Of the dataset or task.
        prompts: In their file's order.
        rows: A sample; None where there is none.
        classes: Names of the classes in the order of the labels; empty where there are none.
        label: Column of the labels.
    """

    name: str
    prompts: Sequence[Prompt]
    rows: pl.DataFrame | None = None
    classes: Sequence[str] = ()
    label: str = "label"

    def lint(self) -> "list[Finding]":
        """Return what is wrong with the prompts, on the rows where there are some."""
        from pipeline.templates.lint import lint_file, lint_rows, same_texts
        from pipeline.templates.render import PromptRenderer

        found = lint_file(self.prompts)
        if self.rows is None:
            return found
        unreadable = {finding.prompt for finding in found if finding.rule == "syntax"}
        made = {}
        for prompt in self.prompts:
            if prompt.name not in unreadable:
                found += lint_rows(prompt, self.rows, classes=self.classes, label=self.label)
                with PromptRenderer(prompt, self.rows.schema) as renderer:
                    made[prompt.name] = renderer.render(self.rows)
        return found + same_texts(made)


def subjects(options: argparse.Namespace, files: Sequence[PromptFile]) -> list[Subject]:
    """Return what a command is to look at.

    Args:
        options: `dataset`, `rows`, `mixture`, `sample`; of lint also `classes` and `label`.
        files: The prompts, where no mixture is named.

    Raises:
        ConfigError: The options do not go together, or name what is not there.
        SourceError: The rows cannot be read.
        ArtefactError: The mixture has no curated rows.
    """
    if options.sample < 1:
        raise ConfigError(
            f"--sample: is {options.sample}", where="taskloom prompts", expected="1 or more"
        )
    if options.mixture:
        return _of_mixture(options.mixture, options.dataset, options.sample)
    if options.rows is None:
        return [Subject(file.name, file.prompts) for file in files]
    if len(files) != 1:
        raise ConfigError(
            f"--rows: goes with one dataset, {len(files)} match", where="taskloom prompts",
            expected="taskloom prompts COMMAND DATASET --rows FILE",
        )  # fmt: skip
    told = getattr(options, "classes", "").split(",")
    classes = [name.strip() for name in told if name.strip()]
    label = getattr(options, "label", "label")
    rows = _of_file(options.rows, options.sample)
    return [Subject(files[0].name, files[0].prompts, rows, classes, label)]


def _of_file(path: Path, sample: int) -> pl.DataFrame:
    readers: dict[str, Callable[[Path], pl.LazyFrame]] = {
        ".parquet": pl.scan_parquet,
        ".jsonl": pl.scan_ndjson,
        ".csv": pl.scan_csv,
    }
    if path.suffix not in readers or not path.exists():
        raise SourceError("no such file of rows", where=str(path), expected=" or ".join(readers))
    try:
        rows: pl.DataFrame = readers[path.suffix](path).head(sample).collect()
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"cannot be read: {error}", where=str(path)) from error
    return _named(rows)


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    from pipeline.views.prompted import named_as_prompts

    return named_as_prompts(rows)


def _of_mixture(mixture: str, task: str | None, sample: int) -> list[Subject]:
    """Return the prompts of a mixture's tasks, each with curated train rows or their raw records."""
    card = load_mixture(mixture)
    where = str(MIXTURES / f"{mixture}.yaml")
    if task is not None and task not in card.tasks:
        what, remedy = unknown_name("task", task, card.tasks)
        raise ConfigError(what, where=where, remedy=remedy)
    params = merged(load(Params, PARAMS), card.params, where=where)
    found = []
    for name in [task] if task else sorted(card.tasks):
        found += _of_task(card, params, name, sample)
    if not found:
        raise ConfigError(
            "none of the tasks has prompts", where=where, expected=f"some in {PROMPTS}"
        )
    return found


def _of_task(card: MixtureCard, params: Params, task: str, sample: int) -> list[Subject]:
    from pipeline.rendering.prompted import own
    from pipeline.views.prompted import RawRecords

    layout, pool = Layout(card.name), card.tasks[task].pool
    known = known_prompts(task, pool, PROMPTS, Path(params.prompts_dir))
    if not known.own and not known.pool:
        return []
    examples = read_parquet(layout.curated(task, "train"), EXAMPLE).head(sample)
    found = []
    if known.own:
        lists = examples["choices"].unique()
        classes = lists[0].to_list() if len(lists) == 1 else []
        found.append(Subject(task, known.own, own(examples), classes))
    if known.pool:
        records = RawRecords(read(NormalizeSource, layout.source(task)))
        found.append(Subject(f"{task} ({pool})", known.pool, records.of(examples)))
    return found
