"""A mixture as a lazy frame of text, in training order.

Manifests are read at once, rows when the frame is collected.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from pipeline.contract.files import read_json, require
from pipeline.contract.order import Draw
from pipeline.errors import ArtefactError, unknown_name
from pipeline.tables import read_parquet

COLUMNS = (
    "position", "task", "epoch", "example_id", "context", "question", "choices", "label", "text",
)  # fmt: skip


def mixture_frame(data_folder: Path, *, which: str) -> pl.LazyFrame:
    """Return the rendered train rows of a mixture in training order.

    Args:
        data_folder: Everything of one mixture but its models.
        which: The training, by name.

    Returns:
        One row a position: `position` u32, `task` str, `epoch` u8, `example_id`, `context`,
        `question`, `choices`, `label` (null = hidden) and `text`, one string per choice. Text is read
        when the frame is collected.

    Raises:
        ArtefactError: There is no such training, or its order or a task's text is missing.
    """
    folder = data_folder / "mixes" / which
    if not folder.is_dir():
        there = [path.name for path in folder.parent.glob("*") if path.is_dir()]
        what, remedy = unknown_name("training", which, there)
        raise ArtefactError(what, where=str(folder.parent), remedy=remedy)
    manifest = read_json(folder / "manifest.json")
    draws = [Draw(**entry) for entry in manifest["tasks"]]
    require(folder / "order.arrow")
    order = pl.scan_ipc(folder / "order.arrow")
    return training_rows(order, draws, data_folder / "rendered")


def training_rows(order: pl.LazyFrame, draws: Sequence[Draw], rendered: Path) -> pl.LazyFrame:
    """Return the text of an order's rows; see `mixture_frame`.

    Args:
        order: Columns of `order.ORDER`, from position 0 on.
        draws: Where each task's rows lie.
        rendered: Folder of the tasks' text.
    """
    paths = {rendered / f"{draw.task}.parquet": draw for draw in draws if draw.quota}
    for path in paths:
        require(path)
    return (
        order.with_row_index("position")
        .with_columns(pl.col("position").cast(pl.UInt32))
        .join(_task_rows(paths), on="row", how="left", maintain_order="left")
        .select(COLUMNS)
    )


def _task_rows(paths: Mapping[Path, Draw]) -> pl.LazyFrame:
    """Return the tasks' train rows, keyed by mixture row; one scan, since 1,000 would starve polars."""
    places = pl.LazyFrame(
        {
            "path": list(map(str, paths)),
            "task": [draw.task for draw in paths.values()],
            "start": pl.Series([draw.start for draw in paths.values()], dtype=pl.UInt32),
        }
    )
    return (
        pl.scan_parquet(list(paths), include_file_paths="path")
        .filter(pl.col("role").cast(pl.String) == "train")
        .join(places, on="path", how="left")
        .select((pl.col("row") + pl.col("start")).alias("row"), "task", *COLUMNS[3:])
    )


def preview(
    order: pl.DataFrame, draws: Sequence[Draw], rendered: Path, *, rows: int
) -> pl.DataFrame:
    """Return the first rows of an order as text, reading the tasks that occur in them only.

    Raises:
        ArtefactError: A row of the order has no text.
    """
    head = order.head(rows)
    present = [
        draw
        for draw in draws
        if head["row"].is_between(draw.start, draw.start + draw.rows, closed="left").any()
    ]
    with collecting(*(rendered / f"{draw.task}.parquet" for draw in present)):
        frame = training_rows(head.lazy(), present, rendered).collect()
    missing = frame["example_id"].null_count()
    if missing:
        raise ArtefactError(
            f"has no text for {missing} of the first {frame.height} rows of the order",
            where=str(rendered),
            remedy="delete the folder and run `dvc repro tokenize`",
        )
    return frame


@contextmanager
def collecting(*paths: Path) -> Iterator[None]:
    """Word the error of a damaged file where several are read at once, by a lazy frame.

    Args:
        *paths: The Parquet and Arrow files that the block reads.

    Raises:
        ArtefactError: One of them cannot be read; names it. Any other error passes as it is.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, OSError):
        for path in paths:
            if path.suffix == ".parquet":
                read_parquet(path)
            else:
                _probe_arrow(path)
        raise


def _probe_arrow(path: Path) -> None:
    require(path)
    try:
        pl.scan_ipc(path).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ArtefactError(
            f"not a readable Arrow file: {error}",
            where=str(path),
            remedy="delete it and run `dvc repro` again",
        ) from error
