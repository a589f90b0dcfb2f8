"""`taskloom show NAME`: print rows of a task, or of a mixture in training order, as a model reads them.

A task's rows come from the furthest that the active mixture has got with it: rendered text, curated
rows, examples, or, before anything is built, the first records of its card.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import polars as pl

from pipeline import mixture_frame
from pipeline.config.catalog import load_task, names
from pipeline.config.task_card import TaskCard
from pipeline.contract.files import read_json
from pipeline.errors import ArtefactError, ConfigError, unknown_name, visible
from pipeline.layout import CARDS, COMPASS, MIXTURES, Layout
from pipeline.mixing.frame import collecting
from pipeline.project import active, read_project, require_order
from pipeline.rendering.choice_view import choice_view
from pipeline.resolution import known_revisions
from pipeline.schema import ROLES, Split, prefix_token
from pipeline.tables import read_parquet

_TSV = ("task", "example_id", "context", "question", "choices", "label", "labels", "target")
_MOST_CHOICES = 10
"""Choices printed of one row; the gold ones always are among them."""
_MOST_LINES = 12
"""Lines printed of one text."""
_SPARE_RECORDS = 50
"""Records read beyond those wanted, since some may be rejects."""


class Shown(NamedTuple):
    """Rows to print.

    Attributes:
        title: What they are and where they come from.
        rows: At least `prefix` and the columns of a TSV; a mixture's also have `position`, `epoch`.
    """

    title: str
    rows: pl.DataFrame


def main(arguments: Sequence[str]) -> None:
    """Print rows.

    Raises:
        ConfigError: There is no such task or mixture, or an option does not go with it.
        ArtefactError: The mixture has no order yet.
    """
    options = _parser().parse_args(arguments)
    if options.rows < 1:
        raise ConfigError(f"--rows: is {options.rows}", where="taskloom show", expected="1 or more")
    tasks, mixtures = names(CARDS), names(MIXTURES)
    if options.name in tasks:
        if options.which is not None:
            raise ConfigError(
                f"--training goes with a mixture; '{options.name}' is a task", where="taskloom show"
            )
        shown = task_rows(options.name, options.role, options.rows)
    elif options.name in mixtures:
        if options.role != "train":
            raise ConfigError(
                f"--role: is '{options.role}', but a mixture has train rows only",
                where="taskloom show",
                remedy=f"show one of its tasks: taskloom show TASK --role {options.role}",
            )
        shown = mixture_rows(options.name, options.which or COMPASS, options.rows)
    else:
        what, remedy = unknown_name("task or mixture", options.name, [*tasks, *mixtures])
        raise ConfigError(what, where="taskloom show", remedy=remedy)
    if options.tsv:
        text = tsv(shown.rows)
        print(visible(text) if sys.stdout.isatty() else text, end="")
        return
    for line in lines(shown, width=min(shutil.get_terminal_size((100, 24)).columns, 120)):
        print(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom show", description=__doc__)
    parser.add_argument("name", help="a task or a mixture")
    parser.add_argument("--rows", type=int, default=5, help="how many (5)")
    parser.add_argument("--role", choices=ROLES, default="train", help="of a task (train)")
    parser.add_argument("--training", dest="which", help=f"of a mixture ({COMPASS})")
    parser.add_argument("--tsv", action="store_true", help="tab-separated, one row a line")
    return parser


def task_rows(task: str, role: str, count: int) -> Shown:
    """Return the first rows of one task, from the latest stage of the active mixture that has them."""
    layout = Layout(active())
    rendered, curated = layout.rendered(task), layout.curated(task, role)
    if rendered.exists():
        rows = pl.scan_parquet(rendered).filter(pl.col("role").cast(pl.String) == role)
        with collecting(rendered):
            return _of_task(task, role, rendered, rows.head(count).collect())
    if curated.exists():
        return _of_task(task, role, curated, read_parquet(curated).head(count))
    if role == "select":
        raise ArtefactError(
            f"task '{task}' has no rows of role '{role}' before it is curated",
            where=str(curated),
            remedy="run `dvc repro curate`, or show another role",
        )
    card = load_task(CARDS / f"{task}.yaml")
    split = split_of(card, role)
    examples = layout.examples(task) / f"{split}.parquet"
    if examples.exists():
        return _of_task(task, f"{split} split", examples, read_parquet(examples).head(count))
    place = CARDS / f"{task}.yaml"
    return _of_task(task, f"{split} split", place, first_examples(card, split, count))


def split_of(card: TaskCard, role: str) -> Split:
    """Return the split whose rows serve as `train` or, before curation as a guess, as `report`.

    Raises:
        ConfigError: The task has no labelled split for the role.
    """
    wanted: tuple[Split, ...] = ("train",) if role == "train" else ("test", "validation")
    for split in wanted:
        if split in card.splits and split not in card.hidden:
            return split
    raise ConfigError(
        f"splits: task '{card.task}' has no labelled {' or '.join(wanted)}",
        where=str(CARDS / f"{card.task}.yaml"),
    )


def first_examples(card: TaskCard, split: Split, count: int) -> pl.DataFrame:
    """Read and normalise the first records of a split, straight from the card's source.

    Raises:
        SourceError: The source cannot be read.
        DataError: Hardly any of these records makes an example.
    """
    from pipeline.normalize.dispatch import normalize
    from pipeline.sources.dispatch import read_split, with_class_names

    params = read_project(active()).params
    card = with_class_names(card, data_dir=Path(params.data_dir))
    card = card.model_copy(update={"max_rejects": 1.0})  # the first rows are few
    records = read_split(
        card,
        split,
        data_dir=Path(params.data_dir),
        revision=known_revisions({card.task: card}).get(card.task),
        seed=params.seed,
    )
    head = records.frame.head(count + _SPARE_RECORDS)
    return normalize(head, records.rejects.clear(), card, split).examples.head(count)


def mixture_rows(name: str, which: str, count: int) -> Shown:
    """Return the first rows of a mixture in training order.

    Raises:
        ArtefactError: Its order is not built.
    """
    layout, folder = Layout(name), require_order(name, which)
    texts = [
        layout.rendered(entry["task"]) for entry in read_json(folder / "manifest.json")["tasks"]
    ]
    with collecting(folder / "order.arrow", *filter(Path.exists, texts)):
        rows = mixture_frame(name, which=which).head(count).collect()
    golds = [
        pl.scan_parquet(layout.rendered(task))
        .filter(pl.col("example_id").is_in(part["example_id"].implode()))
        .select("example_id", "labels", "target", pl.col("prefix").cast(pl.String))
        .collect()
        for (task,), part in sorted(rows.partition_by("task", as_dict=True).items())
    ]
    rows = rows.join(pl.concat(golds), on="example_id", how="left", maintain_order="left")
    return Shown(f"mixture {name}, {which}, in training order: {folder}", rows)


def _of_task(task: str, part: str, place: Path, rows: pl.DataFrame) -> Shown:
    known = rows.with_columns(task=pl.lit(task), prefix=pl.lit(prefix_token(task)))
    if not rows.height:
        return Shown(f"task {task}, {part}: no rows in {place}", known)
    return Shown(f"task {task}, {part}: {place}", known)


def tsv(rows: pl.DataFrame) -> str:
    """Return rows as tab-separated values with a header; lists as JSON, quotes where needed."""
    columns = [name for name in ("position", "epoch", *_TSV) if name in rows.columns]
    lists = [name for name in ("choices", "labels") if name in columns]
    plain = rows.select(columns).with_columns(
        pl.Series(name, [_json(value) for value in rows[name].to_list()], dtype=pl.String)
        for name in lists
    )
    return plain.write_csv(separator="\t")


def _json(value: list[Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def lines(shown: Shown, *, width: int) -> Iterator[str]:
    """Yield the lines that a person reads: per row its id, its texts, its choices, gold ones starred."""
    yield shown.title
    rows = shown.rows
    views = choice_view(rows, where=shown.title) if _all_have_choices(rows) else rows
    for row in views.iter_rows(named=True):
        yield ""
        when = f"  position {row['position']}, epoch {row['epoch']}" if "position" in row else ""
        yield visible(f"{row['example_id']}{when}")
        yield from _field("input", f"{row['prefix']} {row['context']}".strip(), width)
        if row["question"]:
            yield from _field("question", row["question"], width)
        yield from _answers(row, width)


def _all_have_choices(rows: pl.DataFrame) -> bool:
    return rows.height > 0 and bool((rows["choices"].list.len() > 0).all())


def _answers(row: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the choices as a model reads them, or the target of a row that has none."""
    options = row.get("options") or row["choices"]
    if not options:
        yield from _field("target", row["target"] or "(hidden)", width)
        return
    golds = row["labels"] if row["labels"] is not None else [row["label"]]
    shown = set(golds) | set(range(_MOST_CHOICES))
    for i, option in enumerate(options):
        if i in shown:
            yield from _field(f"{'*' if i in golds else ' '} {i}", option, width)
    left = len(options) - sum(i in shown for i in range(len(options)))
    if left:
        yield from _field("", f"and {left} more choices", width)
    if golds == [None]:
        yield from _field("label", "(hidden)", width)


def _field(name: str, text: str, width: int) -> Iterator[str]:
    """Yield a text, wrapped and cut, beside its name."""
    margin = 12
    parts = wrap(
        visible(text), max(width - margin, 20), max_lines=_MOST_LINES, placeholder=" [...]"
    ) or [""]
    for i, line in enumerate(parts):
        yield f"  {name if i == 0 else '':<{margin - 2}}{line}".rstrip()
