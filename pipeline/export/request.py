"""What is to be exported, and which files it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline.config.mixture import View
from pipeline.mixing.order import Draw

Format = Literal["parquet", "datasets", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a task's records came from, for those who get the export."""

    licence: str
    homepage: str = ""
    citation: str = ""
    revision: str | None = None
    """Commit of a hub dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Positions `first` to `last - 1` of the order, and the file that they go to."""

    index: int
    first: int
    last: int
    file: str
    """Relative to the export's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One export: everything that decides its bytes, and where its inputs lie."""

    name: str
    which: str
    view: View
    format: Format
    shard_rows: int
    """Positions of the order in each file, the last one apart (> 0)."""
    positions: int
    algorithm: str
    """Of the order."""
    order_sha256: str
    text_sha256: Mapping[str, str]
    """By task: hash of the rendered text."""
    writer: str
    """Library and version that write the files: another one may write other bytes."""
    draws: Sequence[Draw]
    """The tasks that are drawn, in name order."""
    sources: Mapping[str, Source]
    order: Path
    rendered: Path
    """Folder of the tasks' rendered text."""

    def recipe(self) -> dict[str, Any]:
        """Return what must be the same for two exports to be the same bytes."""
        return {
            "version": VERSION,
            "name": self.name,
            "which": self.which,
            "view": self.view,
            "format": self.format,
            "shard_rows": self.shard_rows,
            "positions": self.positions,
            "order": {"algorithm": self.algorithm, "sha256": self.order_sha256},
            "text_sha256": dict(sorted(self.text_sha256.items())),
            "writer": self.writer,
        }

    def shards(self) -> list[Shard]:
        """Return the files of the export, in order."""
        count = -(-self.positions // self.shard_rows)
        stem, suffix = _NAMES[self.format]
        return [
            Shard(
                index=i,
                first=i * self.shard_rows,
                last=min((i + 1) * self.shard_rows, self.positions),
                file=f"{stem}-{i:05d}-of-{count:05d}.{suffix}",
            )
            for i in range(count)
        ]


_NAMES = {
    "parquet": ("data/train", "parquet"),
    "datasets": ("train/data", "arrow"),
    "jsonl": ("data/train", "jsonl"),
}
"""Stem and suffix of a format's files."""
