"""From a task card to its records: the one entry of `pipeline.sources`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.config.forms.base import FixedClasses
from pipeline.config.source import FilesSource, HubSource, PackageSource, SuiteSource
from pipeline.config.task_card import SplitSource, TaskCard
from pipeline.errors import SourceError, unknown_name
from pipeline.schema import Split
from pipeline.sources.assemble import Locate, chained, read_table
from pipeline.sources.class_names import read_classes
from pipeline.sources.locate import files_in, folder_in
from pipeline.sources.package import package_root
from pipeline.sources.records import REJECTS, ROW, Records, numbered
from pipeline.sources.split_rule import of_split
from pipeline.sources.unfold import parse_path, unfold

__all__ = ["REJECTS", "ROW", "Records", "read_split", "source_files", "with_class_names"]


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
    if isinstance(source, SuiteSource):
        from pipeline.sources.suite import read_suite

        return numbered(read_suite(source, task=card.task, split=split, seed=seed), where=where)
    path = source.records[split] if isinstance(source.records, dict) else source.records
    locate: Locate | None = None
    if isinstance(source, HubSource):
        records = _hub(source, names, path, revision, where)
    else:
        locate = _locator(source, data_dir)[1]
        records = read_table(source, names, locate, records=path, where=where)
    if source.split_by is not None:
        records = of_split(records, source.split_by, split, locate, where=where)
    return records


def source_files(card: TaskCard, *, data_dir: Path) -> dict[str, Path]:
    """Return every file that a card names, globs expanded.

    Args:
        card: The task.
        data_dir: Folder that a `files` source lies in.

    Returns:
        By path relative to `data_dir` (or to the package's folder), in the order of these paths; empty
        for `hub` and `suite`.

    Raises:
        SourceError: A file is missing, its name leads upwards, or two splits read it.
    """
    source = card.source
    if isinstance(source, HubSource | SuiteSource):
        return {}
    root, locate = _locator(source, data_dir)
    by_split = {
        split: [path for name in _names(names) for path in locate(name)]
        for split, names in card.splits.items()
    }
    if not source.shares_files:
        _refuse_shared(by_split, card.task)
    paths = [path for found in by_split.values() for path in found]
    ids = source.split_by.ids if source.split_by is not None else None
    paths += [path for name in (ids or {}).values() for path in locate(name)]
    classes = getattr(card.fields, "classes_file", None)
    paths += locate(classes) if classes is not None else []
    files = {path.relative_to(root).as_posix(): path for path in paths}
    return dict(sorted(files.items()))


def _refuse_shared(by_split: Mapping[Split, list[Path]], task: str) -> None:
    """Refuse a file that two splits read, whatever name or link it is named by."""
    seen: dict[Path, Split] = {}
    for split, paths in by_split.items():
        for path in paths:
            other = seen.setdefault(path.resolve(), split)
            if other != split:
                raise SourceError(
                    f"'{path.name}' is read by both {other} and {split}",
                    where=f"{task}: splits",
                    expected="each file in one split, so that nothing is learned and reported on",
                    remedy="narrow the glob, or name the files as a list; for splits inside a file, "
                    "set `split_by`, or `records` by split",
                )


def with_class_names(card: TaskCard, *, data_dir: Path) -> TaskCard:
    """Return a card whose classes are read from its `classes_file`, where it names one.

    Raises:
        SourceError: The file cannot be read.
        ConfigError: The card's own classes differ from the file's.
    """
    fields, source = card.fields, card.source
    if not isinstance(fields, FixedClasses) or isinstance(source, HubSource | SuiteSource):
        return card
    if fields.classes_file is None:
        return card
    (path,) = _locator(source, data_dir)[1](fields.classes_file)
    return card.model_copy(update={"fields": fields.with_classes(read_classes(path))})


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


def _hub(
    source: HubSource, names: SplitSource, path: str | None, revision: str | None, where: str
) -> Records:
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
        if path is not None:
            records = unfold(records, parse_path(path, where=where), where=where)
        parts.append(records)
    return chained(parts, where=where)
