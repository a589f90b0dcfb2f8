"""Whether the rows of a token shard are sound, before a training relies on it.

Knows the arrays; opens no file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.contract.files import REMEDY
from pipeline.contract.ragged import segment_of
from pipeline.errors import ArtefactError

if TYPE_CHECKING:
    from pipeline.training.choice.shards import Rows


def check_rows(
    rows: "Rows", entry: Mapping[str, object], path: Path, *, max_tokens: int, frame: int
) -> None:
    """Compare a shard with its manifest entry and with itself.

    Args:
        rows: All of the shard.
        entry: The manifest's.
        path: What an error names.
        max_tokens: Longest sequence.
        frame: Tokens of a sequence besides its two texts.

    Raises:
        ArtefactError: Another number of rows, a label outside its row's
            choices, or a sequence that is too long.
    """
    where = str(path)
    if len(rows) != entry["rows"]:
        raise ArtefactError(
            f"holds {len(rows)} rows", where=where, expected=f"{entry['rows']}", remedy=REMEDY
        )
    _check_labels(rows, where)
    context = frame + rows.context.lengths
    longest = max(
        int((np.repeat(context, rows.counts) + rows.choices.lengths).max(initial=0)),
        int((context + rows.question.lengths).max(initial=0)),
    )
    if longest > max_tokens:
        raise ArtefactError(
            f"holds a sequence of {longest} tokens",
            where=where,
            expected=f"at most {max_tokens}, since the trainer cuts nothing",
            remedy=REMEDY,
        )


def _check_labels(rows: "Rows", where: str) -> None:
    counts, sets = rows.counts, rows.golds.lengths
    outside = (rows.golds.values >= np.repeat(counts, sets)) | (rows.golds.values < 0)
    bad = np.append(np.flatnonzero(rows.label >= counts), segment_of(sets)[outside])
    if len(bad):
        raise ArtefactError(
            f"row {bad.min()} has a label outside its choices",
            where=where,
            expected="an index into the row's choices",
            remedy=REMEDY,
        )
