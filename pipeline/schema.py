"""The Arrow schemas of every table that a stage writes, and their version.

After `normalize` every row is an *example* of `EXAMPLE`; no later code knows a dataset's column names.
This module knows no file and no task.
"""

from typing import Literal

import pyarrow as pa

VERSION = 1
"""Version of `EXAMPLE`; a change of column, type or meaning raises it."""

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Role = Literal["train", "select", "report"]
ROLES: tuple[Role, ...] = ("train", "select", "report")
"""What rows are for: fitting, choosing (models, tasks, steps), and the final figure."""

_NAME = pa.dictionary(pa.int32(), pa.string())

EXAMPLE = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),  # task/split/row, stable
        pa.field("task", _NAME, nullable=False),
        pa.field("form", _NAME, nullable=False),
        pa.field("context", pa.string(), nullable=False),  # may be empty
        pa.field("question", pa.string(), nullable=False),  # may be empty
        pa.field("choices", pa.list_(pa.string()), nullable=False),  # empty for text_to_text, span
        pa.field("label", pa.int32()),  # index into choices; null = hidden or not of this form
        pa.field("target", pa.string()),  # the gold text; null = hidden
        pa.field("labels", pa.list_(pa.int32())),  # gold set of multi_label, else null
        pa.field("prefix", _NAME, nullable=False),  # "[task: NAME]"
        pa.field("content_hash", pa.binary(16), nullable=False),  # XXH3-128 of the content
    ],
    metadata={"schema": "taskloom.example", "version": str(VERSION)},
)

REJECT = pa.schema(
    [
        pa.field("split", _NAME, nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # 0-based among the split's records
        pa.field("reason", _NAME, nullable=False),  # a short slug, for counting
        pa.field("detail", pa.string(), nullable=False),  # the offending value, shortened
    ],
    metadata={"schema": "taskloom.reject", "version": str(VERSION)},
)

DROP = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("task", _NAME, nullable=False),
        pa.field("role", _NAME, nullable=False),
        pa.field("reason", _NAME, nullable=False),
        pa.field("detail", pa.string(), nullable=False),  # for overlaps: the other example's id
    ],
    metadata={"schema": "taskloom.drop", "version": str(VERSION)},
)

SCORE = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("score", pa.float64()),  # higher = more help; null = not measured
        pa.field("se", pa.float64()),  # standard error; null = unknown
    ],
    metadata={"schema": "taskloom.score", "version": str(VERSION)},
)


def prefix_token(task: str) -> str:
    """Return the vocabulary token that stands for `task` in front of every input."""
    return f"[task: {task}]"
