"""Cards and records small enough to read, and one call from columns to examples and rejects."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipeline.config.task_card import TaskCard
from pipeline.normalize.dispatch import Normalized, normalize

UNREAD = {"row": pl.Int64, "reason": pl.String, "detail": pl.String}


@pytest.fixture
def make_card() -> Callable[..., TaskCard]:
    """A card with the given fields; `hidden` names splits without labels; any share may be rejects."""

    def make(
        fields: dict[str, Any], hidden: tuple[str, ...] = (), max_rejects: float = 1.0
    ) -> TaskCard:
        written = TaskCard.model_validate(
            {
                "task": "toy", "family": "toy", "licence": "CC0-1.0", "hidden": hidden,
                "source": {"kind": "files", "folder": "toy"},
                "splits": {"train": "a.jsonl", "validation": "b.jsonl", "test": "c.jsonl"},
                "fields": fields, "max_rejects": max_rejects,
            }
        )  # fmt: skip
        return TaskCard.model_validate_json(written.model_dump_json())  # as a stage reads it

    return make


@pytest.fixture
def run(make_card: Callable[..., TaskCard]) -> Callable[..., Normalized]:
    """Normalise a frame or columns; `good` appends rows of a frame so that no fault is systematic."""

    def go(
        fields: dict[str, Any], columns: dict[str, Any] | pl.DataFrame, *,
        split: str = "train", hidden: tuple[str, ...] = (), unread: list[Any] | None = None,
        max_rejects: float = 1.0,
    ) -> Normalized:  # fmt: skip
        frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns)
        numbered = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("__row__"))
        refused = pl.DataFrame(unread or [], schema=UNREAD, orient="row")
        return normalize(numbered, refused, make_card(fields, hidden, max_rejects), split)

    return go


@pytest.fixture
def reasons() -> Callable[[Normalized], dict[int, tuple[str, str]]]:
    """Reason and detail of each rejected row."""
    return lambda made: {
        row: (reason, detail) for _, row, reason, detail in made.rejects.iter_rows()
    }
