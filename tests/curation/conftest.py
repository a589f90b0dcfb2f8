"""Examples built by hand: only what a test is about is written out."""

from collections.abc import Sequence

import polars as pl
import pytest
import xxhash

from pipeline.schema import prefix_token


def _frame(
    task: str,
    split: str,
    rows: Sequence[tuple[str, str] | tuple[str, str, int | None]],
    *,
    form: str = "classification",
    choices: Sequence[Sequence[str]] | None = None,
) -> pl.DataFrame:
    """Rows of (context, question[, label]); two choices each unless given."""
    full = [(*row, 0) if len(row) == 2 else row for row in rows]
    offered = choices or [["no", "yes"]] * len(rows)
    golds = [row[2] for row in full]
    content = [
        xxhash.xxh3_128_digest("\x1f".join([row[0], row[1], *options, str(row[2])]).encode())
        for row, options in zip(full, offered, strict=True)
    ]
    return pl.DataFrame(
        {
            "example_id": [f"{task}/{split}/{i}" for i in range(len(full))],
            "task": [task] * len(full),
            "form": [form] * len(full),
            "context": [row[0] for row in full],
            "question": [row[1] for row in full],
            "choices": [list(options) for options in offered],
            "label": golds,
            "target": [
                None if gold is None else options[gold]
                for gold, options in zip(golds, offered, strict=True)
            ],
            "labels": [None] * len(full),
            "prefix": [prefix_token(task)] * len(full),
            "content_hash": content,
        },
        schema={
            "example_id": pl.String,
            "task": pl.Categorical,
            "form": pl.Categorical,
            "context": pl.String,
            "question": pl.String,
            "choices": pl.List(pl.String),
            "label": pl.Int32,
            "target": pl.String,
            "labels": pl.List(pl.Int32),
            "prefix": pl.Categorical,
            "content_hash": pl.Binary,
        },
    )


@pytest.fixture(scope="session")
def examples():
    """Build a frame of examples: `examples(task, split, rows, form=, choices=)`."""
    return _frame
