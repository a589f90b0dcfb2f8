"""One file of unknown layout: its encoding, columns, and where its records are."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

ALIASES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development"),
    "test": ("test", "testing", "tst", "eval"),
}
_HEAD = 200


@dataclass
class Layout:
    """A card's source and splits as far as files tell.

    Attributes:
        source: Keys of `source`.
        splits: By split, what the card names.
        doubts: What is not certain.
        notes: What was found and is worth to be said.
        classes_file: A file that names the classes.
    """

    source: dict[str, Any]
    splits: dict[str, Any]
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    classes_file: str | None = None


def look_at(path: Path, layout: Layout) -> dict[str, Any]:
    """Return the keys of the source that a file's content asks for."""
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".gz" or suffix in (".parquet", ".arrow", ".feather"):
        return {}
    data = path.read_bytes()
    if suffix == ".json":
        return _of_json(data)
    if suffix == ".xml":
        return _of_xml(data)
    keys: dict[str, Any] = {}
    text = _decoded(data, keys, layout)
    lines = [line for line in text.split("\n") if line.strip()][:_HEAD]
    if suffix in (".csv", ".tsv", ".tab"):
        return keys | _of_table(lines, "," if suffix == ".csv" else "\t", layout)
    if suffix == ".txt":
        return keys | _of_lines(text, lines, layout)
    return keys


def _decoded(data: bytes, keys: dict[str, Any], layout: Layout) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            keys["encoding"] = "utf-16"
            return data.decode("utf-16").replace("\r\n", "\n")
        keys["encoding"] = "cp1252"
        layout.notes.append(
            "encoding: cp1252, since the bytes are no UTF-8; look at accented letters"
        )
        return data.decode("cp1252", "replace").replace("\r\n", "\n")


def _of_table(lines: Sequence[str], separator: str, layout: Layout) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if separator not in lines[0]:
        others = [s for s in (",", "\t", ";", "|") if all(s in line for line in lines[:20])]
        if others:
            separator = keys["separator"] = others[0]
    cells = [line.split(separator) for line in lines]
    if not has_header(cells):
        keys["columns"] = names_for([[bare_cell(c) for c in row] for row in cells])
        layout.notes.append(f"no header: the columns are called {', '.join(keys['columns'])}")
    return keys


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: short words that no other row has in that place."""
    first, rest = (
        [bare_cell(cell) for cell in rows[0]],
        [row for row in rows[1:] if len(row) == len(rows[0])],
    )
    if not rest or any(len(cell) > 40 or len(cell.split()) > 4 for cell in first):
        return not rest
    if len(set(first)) < len(first):
        return False
    for place, cell in enumerate(first):
        below = [bare_cell(row[place]) for row in rest]
        numbers = sum(_is_number(value) for value in below)
        if _is_number(cell) and numbers > 0.9 * len(below):
            return False
        if cell and cell in below:
            return False
    return True


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def names_for(rows: Sequence[Sequence[str]]) -> list[str]:
    """Name the columns of a table without header by what they hold."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    table = [row for row in rows if len(row) == width]
    names: list[str] = []
    label = _label_place(table, width)
    for place in range(width):
        values = [row[place].strip() for row in table]
        words = sum(len(value.split()) for value in values) / len(values)
        unique = len(set(values)) == len(values)
        if place == label:
            name = "label"
        elif unique and words < 1.5:
            name = "id"
        else:
            name = "text" if words >= 2 else f"{place}_column"
        names.append(name)
    return [
        name if names.count(name) == 1 else f"{name}{names[:i].count(name) + 1}"
        for i, name in enumerate(names)
    ]


def _label_place(table: Sequence[Sequence[str]], width: int) -> int | None:
    """Return the column of few short values that is likeliest the label: numbers first, then the last."""
    found = []
    for place in range(width):
        values = [row[place].strip() for row in table]
        distinct = {value for value in values if value}
        joined = {part for value in distinct for part in re.split(r"[,;|#]", value)}
        few = 2 <= len(distinct) <= max(3, len(values) // 2) or 2 <= len(joined) <= max(
            2, len(values) // 10
        )
        if few and all(len(value.split()) <= 3 for value in distinct) and all(values):
            found.append((all(_is_number(value) for value in joined), place))
    return max(found)[1] if found else None


def _of_lines(text: str, lines: Sequence[str], layout: Layout) -> dict[str, Any]:
    block = _block_of(text)
    if block:
        columns = _block_names(text, block)
        layout.notes.append(f"records of {block} lines: {', '.join(columns)}")
        return {"block": True, "columns": columns}
    tabs = {line.count("\t") for line in lines}
    if len(tabs) == 1 and tabs != {0}:
        return {"format": "tsv"} | _of_table(lines, "\t", layout)
    first = Counter(line.split(" ", 1)[0] for line in lines if " " in line)
    few = len(first) <= max(2, min(100, len(lines) // 4))
    if first and few and all(" " in line for line in lines):
        layout.notes.append("each line is a label, a space and a text")
        return {"columns": ["label", "text"], "separator": " "}
    return {}


def _block_of(text: str) -> int:
    """Return the number of lines of a record where blank lines come at equal distances; else 0."""
    lines = text.removesuffix("\n").split("\n")
    blank = [i for i, line in enumerate(lines) if not line.strip()]
    gaps = {after - before for before, after in pairwise(blank)}
    if len(blank) < 3 or len(gaps) != 1 or len(lines) < 12:
        return 0
    (size,) = gaps
    return size if 3 <= size <= 20 else 0


def _block_names(text: str, size: int) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    blocks = [lines[i : i + size] for i in range(0, len(lines) - size + 1, size)]
    names: list[str] = []
    for place in range(size):
        values = [block[place].strip() for block in blocks]
        if not any(values):
            names.append("_")
        elif all(re.fullmatch(r"\(?[A-Ha-h1-9]\)?", value) for value in values):
            names.append("answer")
        elif all(re.match(r"\(?[A-Ha-h][.):]", value) for value in values):
            names.append(f"option_{values[0].lstrip('(')[0].lower()}")
        elif all(value.endswith("?") for value in values):
            names.append("question")
        else:
            names.append("text" if "text" not in names else f"text{place}")
    return names


def _of_json(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8-sig"))
    if isinstance(value, list):
        return _of_arrays(value)
    if not isinstance(value, dict):
        return {}
    keys = {
        split: key for split, aliases in ALIASES.items() for key in value if key.lower() in aliases
    }
    if "train" in keys and all(isinstance(value[key], list) for key in keys.values()):
        return {"split_keys": keys}
    lists = [key for key, inner in value.items() if isinstance(inner, list) and inner]
    if len(lists) == 1:
        return {"records": _deeper(value[lists[0]], f"{lists[0]}[]")}
    if all(isinstance(inner, dict | list) for inner in value.values()):
        return {"records": "{}"}
    nested = [key for key, inner in value.items() if isinstance(inner, dict) and len(inner) > 2]
    return {"records": f"{nested[0]}{{}}"} if len(nested) == 1 else {}


def _of_arrays(value: list[Any]) -> dict[str, Any]:
    """Find lists of objects at one place in arrays: `[1][]`."""
    arrays = [item for item in value if isinstance(item, list)]
    if len(arrays) < len(value) or not arrays:
        return {"records": path} if (path := _deeper(value, "")) else {}
    width = min(map(len, arrays))
    for place in range(width):
        inner = [item[place] for item in arrays]
        if all(isinstance(part, list) and part and isinstance(part[0], dict) for part in inner):
            return {"records": f"[{place}][]"}
    return {}


def _deeper(items: list[Any], path: str) -> str:
    """Follow lists of objects down to the questions: `data[].paragraphs[].qas[]`."""
    objects = [item for item in items if isinstance(item, dict)]
    for key in objects[0] if objects else ():
        inner = [item[key] for item in objects if key in item]
        if key in ("qas", "paragraphs", "questions", "data", "examples") and all(
            isinstance(part, list) and part and isinstance(part[0], dict) for part in inner if part
        ) and any(inner):  # fmt: skip
            longer = f"{path}.{key}[]" if path else f"{key}[]"
            return _deeper([item for part in inner for item in part], longer)
    return path


def _of_xml(data: bytes) -> dict[str, Any]:
    """Take the deepest element that repeats and holds elements for the record."""
    from lxml import etree

    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    counts: Counter[str] = Counter()
    depths: dict[str, int] = {}
    for element in root.iter(etree.Element):
        if isinstance(element.tag, str) and len(element):
            counts[element.tag] += 1
            depths[element.tag] = sum(1 for _ in element.iterancestors())
    repeated = [tag for tag, count in counts.items() if count > 1]
    return {"element": max(repeated, key=lambda tag: depths[tag])} if repeated else {}


def bare_cell(cell: str) -> str:
    """Return a cell without blanks and quotes around it."""
    return cell.strip().strip('"')
