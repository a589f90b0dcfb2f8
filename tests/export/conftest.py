"""A mixture of three tasks made by hand: rendered text, an order, and the request to export it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.order import ORDER
from pipeline.export.request import Request, Source
from pipeline.mixing.order import Draw
from pipeline.rendering.choice_view import RENDERED
from pipeline.tables import write_parquet

SIZES = {"apples": 7, "pears": 5, "plums": 3}


def rendered_rows(task: str, rows: int) -> pl.DataFrame:
    """Rows of all roles: select before train, so that a role must be looked at; plums are multi-label."""
    roles = ["select"] * 2 + ["train"] * rows
    numbers = [*range(2), *range(rows)]
    many = task == "plums"
    return pl.DataFrame(
        {
            "example_id": [f"{task}/train/{10 * n}" for n in numbers],
            "role": roles,
            "row": pl.Series(numbers, dtype=pl.UInt32),
            "context": [f"the {task} no. {n}" if n % 3 else "" for n in numbers],
            "question": ["which _ ?" if n % 2 else "" for n in numbers],
            "choices": [["red", "green"]] * len(numbers),
            "label": pl.Series([None if many else n % 2 for n in numbers], dtype=pl.Int32),
            "labels": pl.Series([[0, 1] if many else None] * len(numbers), dtype=pl.List(pl.Int32)),
            # one row of each task is hidden
            "target": [None if n == 1 else ("red, green" if many else "red") for n in numbers],
            "prefix": [f"[task: {task}]"] * len(numbers),
            "text": [["x", "y"]] * len(numbers),
        }
    )


def make_request(root: Path, *, positions: int = 23, **changes) -> Request:
    """Write the inputs below `root` and return a request for Parquet."""
    starts = np.cumsum([0, *SIZES.values()])
    draws = [
        Draw(task=task, start=int(start), rows=rows, quota=rows)
        for (task, rows), start in zip(SIZES.items(), starts, strict=False)
    ]
    rendered = root / "rendered"
    for task, rows in SIZES.items():
        write_parquet(rendered_rows(task, rows), rendered / f"{task}.parquet", RENDERED)
    rows = np.random.default_rng(3).integers(0, sum(SIZES.values()), positions).astype(np.uint32)
    epochs = np.arange(positions, dtype=np.uint8) % 3
    order = root / "order.arrow"
    write_arrow(pa.table([pa.array(rows), pa.array(epochs)], schema=ORDER), order)
    request = Request(
        name="fruit",
        which="compass",
        view="choice",
        format="parquet",
        shard_rows=10,
        positions=positions,
        algorithm="shuffled-2",
        order_sha256=sha256(order),
        text_sha256={task: sha256(rendered / f"{task}.parquet") for task in SIZES},
        writer="pyarrow 1",
        draws=draws,
        sources={task: Source(licence="CC0-1.0") for task in SIZES},
        order=order,
        rendered=rendered,
    )
    return replace(request, **changes)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """23 positions in shards of 10."""
    return make_request(tmp_path / "inputs")


def expected_rows(request: Request) -> list[tuple]:
    """Task, own row and epoch of every position, counted by hand."""
    order = pl.scan_ipc(request.order).collect()
    result = []
    for row, epoch in order.rows():
        draw = next(d for d in request.draws if d.start <= row < d.start + d.rows)
        result.append((draw.task, row - draw.start, epoch))
    return result
