"""`taskloom export NAME --to FOLDER`: a mixture in training order, as files for other tools.

Parquet, a folder that `datasets.load_dataset` and `datasets.load_from_disk` read, or prompt/completion
JSONL. Killed at any point, the same command goes on and ends in the same bytes; run once more, it checks
every file against its hash and writes again what is damaged.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from pipeline.config.mixture import View
from pipeline.contract.files import read_json, require, sha256
from pipeline.errors import ArtefactError, ConfigError, visible
from pipeline.export import target
from pipeline.export.request import FORMATS, Format, Request, Source
from pipeline.export.run import Exported, export
from pipeline.layout import COMPASS, Layout
from pipeline.mixing.order import Draw
from pipeline.project import require_order
from pipeline.publish import alone

SHARD_ROWS = 131_072


def main(arguments: Sequence[str]) -> None:
    """Export a mixture.

    Raises:
        ConfigError: There is no such mixture, or an option is out of range.
        ArtefactError: The mixture is not built, an input is damaged, or the folder cannot be used.
    """
    options = _parser().parse_args(arguments)
    if options.shard_rows < 1:
        raise ConfigError(
            f"--shard-rows: is {options.shard_rows}",
            where="taskloom export",
            expected="1 or more",
        )
    folder = Path(options.to)
    request = read_request(
        Layout(options.name), options.which, options.format, shard_rows=options.shard_rows
    )
    target.check(folder, request.recipe())
    lock = target.scratch(folder) / "lock"
    with (
        alone(lock, f"an export to {folder}"),
        tqdm(total=request.positions, desc="export", unit=" rows", delay=2, leave=False) as bar,
    ):
        result = export(request, folder, advance=bar.update)
    print(visible(summary(result, request, folder)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom export", description=__doc__)
    parser.add_argument("name", help="a mixture that is built")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="a new or empty folder")
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument(
        "--training", dest="which", default=COMPASS, help=f"whose order it is ({COMPASS})"
    )
    parser.add_argument(
        "--shard-rows", type=int, default=SHARD_ROWS, help=f"rows of a file ({SHARD_ROWS})"
    )
    return parser


def read_request(layout: Layout, which: str, kind: Format, *, shard_rows: int) -> Request:
    """Read what the mixture's manifests say, and hash its text.

    Raises:
        ArtefactError: The mixture has no order, or a file of it is missing.
    """
    folder = require_order(layout.name, which)
    manifest = read_json(folder / "manifest.json")
    draws = [Draw(**entry) for entry in manifest["tasks"] if entry["quota"]]
    texts = {draw.task: layout.rendered(draw.task) for draw in draws}
    for path in texts.values():
        require(path)
    bar = tqdm(texts.items(), desc="hash text", delay=2, leave=False)
    return Request(
        name=layout.name,
        which=which,
        view=_view(next(iter(texts.values()))),
        format=kind,
        shard_rows=shard_rows,
        positions=manifest["positions"],
        algorithm=manifest["algorithm"],
        order_sha256=manifest["sha256"],
        text_sha256={task: sha256(path) for task, path in bar},
        writer=_writer(kind),
        draws=sorted(draws, key=lambda draw: draw.task),
        sources={draw.task: _source(read_json(layout.source(draw.task))) for draw in draws},
        order=folder / "order.arrow",
        rendered=layout.rendered("").parent,
    )


def _source(resolved: dict[str, Any]) -> Source:
    card = resolved["card"]
    return Source(
        licence=card["licence"],
        homepage=card["homepage"],
        citation=card["citation"],
        revision=resolved["revision"],
    )


def _view(rendered: Path) -> View:
    """Return the view that a task was rendered in, by its columns."""
    try:
        names = pq.read_schema(rendered).names
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(
            f"not a readable Parquet file: {error}",
            where=str(rendered),
            remedy="delete the folder and run `dvc repro tokenize`",
        ) from error
    return "text" if "input" in names else "choice"


def _writer(kind: Format) -> str:
    if kind != "jsonl":
        return f"pyarrow {pa.__version__}"
    import polars as pl

    return f"polars {pl.__version__}"


def summary(result: Exported, request: Request, folder: Path) -> str:
    """Word what was exported, and what a person should know before passing it on."""
    lines = [
        f"{folder}: {result.rows:,} rows of mixture '{request.name}' ({request.which}) in training "
        f"order, {request.format}, {result.shards} files"
    ]
    if result.written < result.shards:
        kept = result.shards - result.written
        lines.append(f"{kept} files were there and whole; {result.written} written now")
    if result.without_target:
        lines.append(f"left out: {result.without_target:,} rows without a target")
    licences = sorted({source.licence for source in request.sources.values()})
    lines.append(f"licences: {', '.join(licences)} (each task's in manifest.json)")
    return "\n".join(lines)
