"""Files of unknown layout: which belong to which split, and which stand side by side."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.commands.guess_format import ALIASES, Layout, bare_cell, look_at
from pipeline.errors import SourceError
from pipeline.schema import SPLITS

_ASIDE = re.compile(
    r"(readme|licen[cs]e|citation|changelog|manifest|schema|mapping|labels?_?names?|label_map|classes)",
    re.IGNORECASE,
)
_NAMES_OF_CLASSES = re.compile(
    r"^(mapping|label_?names?|label_?map|classes|class_?names?|labels)\.", re.I
)
_DATA = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".txt", ".parquet", ".arrow", ".feather",
         ".xml", ".gz")  # fmt: skip
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def guess_layout(folder: Path, files: Sequence[Path], *, below: str) -> Layout:
    """Guess how the files of a folder are read.

    Args:
        folder: Where they lie.
        files: Those to look at, at least one.
        below: The folder's path below `data_dir`.

    Raises:
        SourceError: No file can be a train split.
    """
    data = [path for path in files if path.suffix.lower() in _DATA and not _ASIDE.match(path.name)]
    layout = Layout({"kind": "files", "folder": below}, {})
    groups = _by_split(folder, data)
    if not groups.get("train") and len(data) == 1:
        return _one_file(layout, data[0])
    if "train" not in groups:
        shown = ", ".join(path.relative_to(folder).as_posix() for path in files) or "nothing"
        raise SourceError(
            f"no train file among {shown}",
            where=str(folder),
            expected="a file whose name holds 'train', or one file alone",
        )
    for split in SPLITS:
        if split in groups:
            layout.splits[split] = _names_of(folder, groups[split], layout)
    first = groups["train"][0]
    pairs = layout.splits["train"]
    if isinstance(pairs, dict):
        _look_at_pairs(layout, folder, pairs)
    else:
        layout.source |= look_at(first, layout)
    aside = [path.name for path in files if _NAMES_OF_CLASSES.match(path.name)]
    layout.classes_file = aside[0] if len(aside) == 1 else None
    return layout


def _by_split(folder: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Group files by the word of their path that names a split."""
    found: dict[str, list[Path]] = {}
    for path in sorted(files):
        words = re.split(r"[\W_]+|(?<=[a-z])(?=\d)", path.relative_to(folder).as_posix().lower())
        for split, aliases in ALIASES.items():
            if any(word in aliases for word in words):
                found.setdefault(split, []).append(path)
                break
    return found


def _names_of(folder: Path, paths: Sequence[Path], layout: Layout) -> Any:
    """Return what the card names for one split: a file, a list, a glob of folders, or files by alias."""
    names = [path.relative_to(folder).as_posix() for path in paths]
    if len(names) == 1:
        return names[0]
    by_role: dict[str, list[str]] = {}
    for name in names:
        by_role.setdefault(_role(name), []).append(name)
    in_folders = all("/" in name for name in names)
    if in_folders:
        layout.source["from_path"] = "(?P<topic>[^/]+)/"
        by_role = {role: [f"*/{found[0].rsplit('/', 1)[1]}"] for role, found in by_role.items()}
    if len(by_role) == 1 or any(len(found) > 1 for found in by_role.values()):
        return names if not in_folders else next(iter(by_role.values()))[0]
    suffixes = {name.rsplit(".", 1)[-1] for found in by_role.values() for name in found}
    if len(by_role) == 2 and len(suffixes) == 2 and set(by_role) == {""}:
        return names
    return {role or f"part{i}": found[0] for i, (role, found) in enumerate(sorted(by_role.items()))}


def _role(name: str) -> str:
    """Return what a file's name says beside its split: `text` of `train.text.txt`."""
    stem = name.rsplit("/", 1)[-1].lower().removesuffix(".gz")
    words = re.split(r"[\W_]+", stem)
    known = {alias for aliases in ALIASES.values() for alias in aliases}
    rest = [
        word for word in words[:-1] if word not in known and not word.isdigit() and word != "of"
    ]
    role = "_".join(rest)
    return role if role or f".{words[-1]}" in _DATA else words[-1]


def _one_file(layout: Layout, path: Path) -> Layout:
    """Guess the splits inside of the only file."""
    layout.source |= look_at(path, layout)
    keys = layout.source.pop("split_keys", None)
    if keys:
        layout.splits = dict.fromkeys(keys, path.name)
        layout.source["records"] = {split: f"{key}[]" for split, key in keys.items()}
        return layout
    layout.splits = dict.fromkeys(_SHARES, path.name)
    layout.source["split_by"] = {"shares": dict(_SHARES)}
    layout.notes.append(
        "one file and no splits: 80 % train, 10 % validation, 10 % test by the hash of each record; set "
        "split_by.column if a column tells the split, split_by.group if rows share a text"
    )
    return layout


def _look_at_pairs(layout: Layout, folder: Path, pairs: dict[str, str]) -> None:
    """Look at files that stand side by side: their columns, and the key that joins them."""
    columns: dict[str, list[str]] = {}
    heads: dict[str, list[str]] = {}
    for alias, name in pairs.items():
        path = next(iter(sorted(folder.glob(name))))
        found = look_at(path, Layout({}, {}))
        if "columns" in found and path.suffix != ".txt":
            columns[alias] = found["columns"]
        elif path.suffix in (".csv", ".tsv"):
            line = path.read_text("utf-8-sig", "replace").split("\n", 1)[0]
            heads[alias] = [
                bare_cell(cell) for cell in line.split("," if path.suffix == ".csv" else "\t")
            ]
    key = next((name for head in heads.values() for name in head if name.lower() == "id"), None)
    if columns and key is not None:
        columns = {
            alias: [key if n == "id" else n for n in names] for alias, names in columns.items()
        }
        if all(key in names for names in columns.values()):
            layout.source["key"] = key
    if columns:
        layout.source["columns"] = columns
