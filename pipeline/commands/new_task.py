"""`taskloom new-task NAME`: look at files or at a hub dataset, guess what they mean, write a card.

All rows of all splits are read. Where the evidence is not clear, the card says so in its first lines, the
terminal too, and the exit code is 1; two rows are printed as a model will read them.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.commands.guess import guess_fields
from pipeline.commands.guess_format import Layout, look_at
from pipeline.commands.guess_source import guess_layout
from pipeline.commands.guess_stem import Guess
from pipeline.config.catalog import names
from pipeline.config.load import check, load, write_yaml
from pipeline.config.params import Params
from pipeline.config.source import HubSource
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError, SourceError
from pipeline.layout import CARDS, PARAMS
from pipeline.schema import SPLITS
from pipeline.sources.dispatch import REJECTS, read_split, with_class_names

_SHOWN = 200
"""Records that examples are looked for in."""


@dataclass(frozen=True)
class Card:
    """A guessed card.

    Attributes:
        card: The mapping to be written.
        train: Records of the train split.
        doubts: What is not certain.
        notes: What was found and is worth to be said.
        left_out: Columns that are in no field.
    """

    card: dict[str, Any]
    train: pl.DataFrame
    doubts: list[str]
    notes: list[str]
    left_out: list[str]


def main(arguments: Sequence[str]) -> None:
    """Write the card and say what to look at.

    Raises:
        SystemExit: With code 1, after the card is written, where the guess is not certain.
    """
    options = _parser().parse_args(arguments)
    path = CARDS / f"{options.name}.yaml"
    if options.name in names(CARDS) and not options.force:
        raise ConfigError("exists already", where=str(path), remedy="give --force to replace it")
    data_dir = Path(load(Params, PARAMS).data_dir)
    made = guess_card(options, data_dir=data_dir)
    card = check(TaskCard, made.card, where=str(path))
    write_yaml(made.card, path, comment="\n".join(_comment(made.doubts)))
    print(f"wrote {path}: form '{made.card['fields']['form']}'")
    for line in _account(card, made, data_dir):
        print(line)
    print(
        f"Next: taskloom show {options.name}; then add `{options.name}: {{}}` to a mixture's tasks"
    )
    if made.doubts:
        raise SystemExit(1)


def _comment(doubts: Sequence[str]) -> list[str]:
    """Return the lines above a card: what to check, or what is not certain."""
    head = "Guessed by `taskloom new-task`: check form, fields and classes."
    if not doubts:
        return [head]
    return [head, "Not certain:", *(f"- {doubt}" for doubt in doubts)]


def _account(card: TaskCard, made: Card, data_dir: Path) -> Iterator[str]:
    """Yield what was found: notes, columns left out, two rows as a model reads them, doubts."""
    yield from made.notes
    if made.left_out:
        yield f"columns left out: {', '.join(made.left_out)}"
    yield from rendered(card, made.train, data_dir=data_dir)
    for doubt in made.doubts:
        yield f"not certain: {doubt}"


def rendered(card: TaskCard, records: pl.DataFrame, *, data_dir: Path) -> Iterator[str]:
    """Yield two examples of a card, each in a few lines."""
    from pipeline.normalize.dispatch import normalize

    card = with_class_names(card, data_dir=data_dir)
    card = card.model_copy(update={"max_rejects": 1.0})
    unread = pl.DataFrame(schema=REJECTS)
    rows = normalize(records.head(_SHOWN), unread, card, "train").examples
    for row in (
        rows.unique("target", keep="first", maintain_order=True).head(2).iter_rows(named=True)
    ):
        yield "example:"
        for name in ("context", "question"):
            if row[name]:
                yield f"  {name}: {_short(row[name])}"
        if row["choices"]:
            yield f"  choices: {_short(' | '.join(row['choices']))}"
        yield f"  answer: {_short(row['target'] or 'hidden')}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:97] + "..."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom new-task", description=__doc__)
    parser.add_argument("name", help="name of the task: a-z, 0-9 and _")
    parser.add_argument("source", help="a file or folder below data_dir, or a hub id (owner/name)")
    parser.add_argument("--hub", action="store_true", help="the source is a hub id")
    parser.add_argument("--config", help="configuration of the hub dataset")
    parser.add_argument("--family", default="new", help="coarse grouping, for plots and baselines")
    parser.add_argument("--licence", default="unstated", help="licence of the data")
    parser.add_argument("--force", action="store_true", help="replace a card of that name")
    return parser


def guess_card(options: argparse.Namespace, *, data_dir: Path) -> Card:
    """Return the card of a source, with all that is not certain about it.

    Raises:
        SourceError: The source cannot be read, or its columns not be guessed.
        ConfigError: The name is no name of a task.
    """
    if options.hub:
        layout = Layout({"kind": "hub", "id": options.source}, {split: split for split in SPLITS})
        if options.config:
            layout.source["config"] = options.config
    else:
        layout = files_layout(Path(options.source), data_dir=data_dir)
    head: dict[str, Any] = {"task": options.name, "family": options.family, "source": layout.source}
    tail: dict[str, Any] = {"licence": options.licence, "verified": False}
    draft = {"form": "text_to_text", "target": "unknown"}
    value = {**head, "splits": layout.splits, "fields": draft, **tail}
    card = check(TaskCard, value, where=options.name)
    revision = None
    if isinstance(card.source, HubSource):
        from pipeline.sources.hub import resolve_revision

        revision = layout.source["revision"] = resolve_revision(card.source)
    frames = _frames(card, layout, data_dir, revision)
    guess = guess_fields(frames)
    if layout.classes_file is not None and guess.fields.get("form") == "classification":
        _name_classes(guess, layout.classes_file)
    hidden = {"hidden": guess.hidden} if guess.hidden else {}
    made = {**head, "splits": layout.splits, **hidden, "fields": guess.fields, **tail}
    return Card(
        made, frames["train"], [*layout.doubts, *guess.doubts], layout.notes, guess.left_out
    )


def _frames(
    card: TaskCard, layout: Layout, data_dir: Path, revision: str | None
) -> dict[str, pl.DataFrame]:
    """Read every split; one of a hub dataset that is not there leaves the card."""
    frames: dict[str, pl.DataFrame] = {}
    for split in list(card.splits):
        try:
            records = read_split(card, split, data_dir=data_dir, revision=revision, seed=0)
        except SourceError:
            if split == "train" or not isinstance(card.source, HubSource):
                raise
            layout.splits.pop(split)
            continue
        frames[split] = records.frame
    return frames


def _name_classes(guess: Guess, name: str) -> None:
    """Take the names of numbered classes from a file beside the data."""
    if isinstance(guess.fields["classes"], dict):
        guess.fields["classes_file"] = name
        del guess.fields["classes"]
        guess.doubts = [doubt for doubt in guess.doubts if "are numbers" not in doubt]


def files_layout(path: Path, *, data_dir: Path) -> Layout:
    """Return how a file or a folder of files is read.

    Raises:
        SourceError: It is not there, not below `data_dir`, or has no train file.
    """
    located = path if path.exists() else data_dir / path
    if not located.exists():
        raise SourceError("there is no such file or folder", where=str(path))
    inside = Path(os.path.normpath(located.absolute()))
    root = Path(os.path.normpath(data_dir.absolute()))
    if not inside.is_relative_to(root):
        raise SourceError(
            f"lies outside data_dir '{data_dir}'",
            where=str(path),
            remedy=f"move or link it there, or set data_dir in {PARAMS}",
        )
    folder = inside if inside.is_dir() else inside.parent
    below = folder.relative_to(root).as_posix()
    if inside.is_file():
        layout = Layout({"kind": "files", "folder": below}, {"train": inside.name})
        layout.source |= look_at(inside, layout)
        return layout
    files = sorted(p for p in folder.iterdir() if p.is_file())
    if not files:
        files = sorted(p for p in folder.glob("*/*") if p.is_file())
    return guess_layout(folder, files, below=below)
