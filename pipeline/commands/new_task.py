"""`taskloom new-task NAME`: look at files or at a hub dataset, guess what they mean, write a card.

The card passes `taskloom check`; whether its guess is right is for a person to see, so the first rows
are printed as the model will read them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.commands.guess import guess_fields
from pipeline.config.catalog import names
from pipeline.config.load import check, load, write_yaml
from pipeline.config.params import Params
from pipeline.config.source import HubSource
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError, SourceError
from pipeline.layout import CARDS, PARAMS
from pipeline.schema import SPLITS
from pipeline.sources.dispatch import ROW, read_split

_ALIASES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_ROWS = 500


def main(arguments: Sequence[str]) -> None:
    """Write the card and say what to look at."""
    options = _parser().parse_args(arguments)
    path = CARDS / f"{options.name}.yaml"
    if options.name in names(CARDS) and not options.force:
        raise ConfigError("exists already", where=str(path), remedy="give --force to replace it")
    data_dir = Path(load(Params, PARAMS).data_dir)
    card = guess_card(options, data_dir=data_dir)
    check(TaskCard, card, where=str(path))
    write_yaml(
        card, path, comment="Guessed by `taskloom new-task`: check form, fields and classes."
    )
    print(f"wrote {path}: form '{card['fields']['form']}'")
    print(
        f"Next: taskloom show {options.name}; then add `{options.name}: {{}}` to a mixture's tasks"
    )


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


def guess_card(options: argparse.Namespace, *, data_dir: Path) -> dict[str, Any]:
    """Return the mapping of a card for a source.

    Raises:
        SourceError: The source cannot be read, or its columns not be guessed.
        ConfigError: The name is no name of a task.
    """
    source, splits = (
        ({"kind": "hub", "id": options.source}, {split: split for split in SPLITS})
        if options.hub
        else files_source(Path(options.source), data_dir=data_dir)
    )
    if options.config:
        source["config"] = options.config
    head: dict[str, Any] = {"task": options.name, "family": options.family, "source": source}
    tail: dict[str, Any] = {"licence": options.licence, "verified": False}
    draft = {"form": "text_to_text", "target": "unknown"}
    card = check(TaskCard, {**head, "splits": splits, "fields": draft, **tail}, where=options.name)
    revision = None
    if isinstance(card.source, HubSource):
        from pipeline.sources.hub import resolve_revision

        revision = source["revision"] = resolve_revision(card.source)
    records = read_split(card, "train", data_dir=data_dir, revision=revision, seed=0)
    fields = guess_fields(records.frame.drop(ROW).head(_ROWS))
    return {**head, "splits": splits, "fields": fields, **tail}


def files_source(path: Path, *, data_dir: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the `source` and `splits` of a file or a folder of files.

    Raises:
        SourceError: It is not there, not below `data_dir`, or has no train file.
    """
    located = path if path.exists() else data_dir / path
    if not located.exists():
        raise SourceError("there is no such file or folder", where=str(path))
    if not located.resolve().is_relative_to(data_dir.resolve()):
        raise SourceError(
            f"lies outside data_dir '{data_dir}'",
            where=str(path),
            remedy=f"move it there, or set data_dir in {PARAMS}",
        )
    folder = located if located.is_dir() else located.parent
    relative = folder.resolve().relative_to(data_dir.resolve()).as_posix()
    files = [located] if located.is_file() else sorted(p for p in folder.iterdir() if p.is_file())
    splits = {"train": located.name} if located.is_file() else _splits(files)
    if "train" not in splits:
        raise SourceError(
            f"no train file among {', '.join(file.name for file in files) or 'nothing'}",
            where=str(path),
            expected="a file whose name starts with 'train'",
        )
    return {"kind": "files", "folder": relative}, splits


def _splits(files: Sequence[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for split, aliases in _ALIASES.items():
        for file in files:
            stem = file.name.lower().split(".")[0]
            if split not in found and any(stem.startswith(alias) for alias in aliases):
                found[split] = file.name
    return found
