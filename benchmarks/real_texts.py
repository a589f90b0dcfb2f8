"""Real texts for benchmarks: raw train files below `data_dir`, else the embed_rows suite."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.catalog import load_tasks, names
from pipeline.config.load import load
from pipeline.config.params import Params
from pipeline.config.resolved import NormalizeSource
from pipeline.stages.normalize import normalize_split

ROOT = Path(__file__).parent.parent
CARDS = ROOT / "mixtures" / "tasks"
_SUFFIXES = {".jsonl", ".tsv", ".csv"}


def data_folder() -> Path:
    """Return `data_dir` of params.yaml."""
    return ROOT / load(Params, ROOT / "params.yaml").data_dir


def real_texts(folder: Path, *, most: int) -> tuple[list[str], str]:
    """Return distinct texts, each at most once, and where they come from.

    Args:
        folder: Raw files, a folder a task.
        most: Most texts; an even choice of all of them.
    """
    files = [path for path in sorted(folder.glob("*/train*")) if path.suffix in _SUFFIXES]
    where = f"{len(files)} raw train files" if files else "the embed_rows suite"
    found = (text for path in files for text in _of_file(path)) if files else _of_suite()
    texts = list(dict.fromkeys(text for text in found if len(text) > 4))
    step = max(1, len(texts) // most)
    return texts[::step][:most], where


def _of_file(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        if path.suffix == ".jsonl":
            for line in file:
                yield from _strings(json.loads(line))
        else:
            mark = "\t" if path.suffix == ".tsv" else ","
            quoting = csv.QUOTE_NONE if path.suffix == ".tsv" else csv.QUOTE_MINIMAL
            for row in csv.reader(file, delimiter=mark, quoting=quoting):
                yield from row


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _of_suite() -> Iterator[str]:
    cards = load_tasks(CARDS, names(CARDS), where="benchmarks")
    for task, card in sorted(cards.items()):
        if card.source.kind == "suite":
            source = NormalizeSource(
                name=task, seed=1, card=card, data_dir="", files={}, revision=None, code=""
            )
            rows = normalize_split(source, "train").examples
            yield from rows.select(pl.col("context", "question").cast(pl.String)).unpivot()["value"]
