"""From a task card to its records: the one entry of `pipeline.sources`.

Knows the kinds of source and nothing of forms, fields or labels.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.config.source import FilesSource, HubSource, PackageSource, SuiteSource
from pipeline.config.task_card import SplitSource, TaskCard
from pipeline.errors import SourceError, unknown_name
from pipeline.schema import Split
from pipeline.sources.assemble import Locate, chained, read_table
from pipeline.sources.locate import files_in, folder_in
from pipeline.sources.package import package_root
from pipeline.sources.records import REJECTS, ROW, Records, numbered
from pipeline.sources.unfold import parse_path, unfold

__all__ = ["REJECTS", "ROW", "Records", "read_split", "source_files"]


def read_split(
    card: TaskCard, split: Split, *, data_dir: Path, revision: str | None, seed: int
) -> Records:
    """Read the records of one split of a task.

    Args:
        card: The task.
        split: Which of its splits.
        data_dir: Folder that a `files` source lies in; others ignore it.
        revision: Commit of a `hub` source; others ignore it.
        seed: Of a `suite` source; others ignore it.

    Returns:
        Its records and rejects; at least one record is readable.

    Raises:
        SourceError: The card has no such split, or its source cannot be read as a whole.
    """
    if split not in card.splits:
        what, remedy = unknown_name("split", split, card.splits)
        raise SourceError(what, where=card.task, remedy=remedy)
    source, names, where = card.source, card.splits[split], f"{card.task}/{split}"
    if isinstance(source, FilesSource | PackageSource):
        return read_table(source, names, _locator(source, data_dir)[1], where=where)
    if isinstance(source, HubSource):
        return _hub(source, names, revision, where)
    from pipeline.sources.suite import read_suite

    frame = read_suite(source, task=card.task, split=split, seed=seed)
    return numbered(frame, where=where)


def source_files(card: TaskCard, *, data_dir: Path) -> dict[str, Path]:
    """Return every file that a card names, globs expanded.

    Args:
        card: The task.
        data_dir: Folder that a `files` source lies in.

    Returns:
        By path relative to `data_dir` (or to the package's folder), in the order of these paths; empty
        for `hub` and `suite`.

    Raises:
        SourceError: A file is missing, or its name leads upwards.
    """
    if isinstance(card.source, HubSource | SuiteSource):
        return {}
    root, locate = _locator(card.source, data_dir)
    paths = [
        path for split in card.splits.values() for name in _names(split) for path in locate(name)
    ]
    files = {path.relative_to(root).as_posix(): path for path in paths}
    return dict(sorted(files.items()))


def _names(split: SplitSource) -> Iterator[str]:
    if isinstance(split, str):
        yield split
    else:
        yield from split.values() if isinstance(split, dict) else split


def _locator(source: FilesSource | PackageSource, data_dir: Path) -> tuple[Path, Locate]:
    if isinstance(source, FilesSource):
        root, remedy = data_dir, "set `data_dir` in params.yaml to the folder that holds all data"
    else:
        root, remedy = package_root(source.package), f"install '{source.package}' again"
    folder = folder_in(root, source.folder, remedy=remedy)
    return root, lambda name: files_in(folder, name)


def _hub(source: HubSource, names: SplitSource, revision: str | None, where: str) -> Records:
    from pipeline.sources.hub import read_hub

    if isinstance(names, dict):
        raise SourceError(
            "a split of a hub source cannot be read side by side",
            where=where,
            expected="the name of one of its splits, or a list of names",
        )
    parts = []
    for name in (names,) if isinstance(names, str) else names:
        records = numbered(read_hub(source, name, revision), where=where)
        if source.records is not None:
            records = unfold(records, parse_path(source.records, where=where), where=where)
        parts.append(records)
    return chained(parts, where=where)
