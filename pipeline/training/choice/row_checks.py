"""Whether the rows of a token shard are sound, before a training relies on it.

Knows the arrays; opens no file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ArtefactError
from pipeline.training.artefacts import REMEDY
from pipeline.training.ragged import Ints, segment_of

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
        ArtefactError: Another number of rows, offsets outside the tokens, a label outside its row's
            choices, or a sequence that is too long.
    """
    where = str(path)
    if len(rows) != entry["rows"]:
        raise ArtefactError(
            f"holds {len(rows)} rows", where=where, expected=f"{entry['rows']}", remedy=REMEDY
        )
    _check_offsets(rows, where)
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


def _check_offsets(rows: "Rows", where: str) -> None:
    """Offsets rise, and end where the tokens end: reading them is never checked again."""
    for name in ("context", "question", "choices", "golds"):
        part = getattr(rows, name)
        _check_rising(part.offsets, len(part.values), f"{name} of {len(part.values)} tokens", where)
    _check_rising(rows.choice_offsets, len(rows.choices), "choices", where)


def _check_rising(offsets: Ints, end: int, what: str, where: str) -> None:
    rising = len(offsets) > 0 and int(np.diff(offsets).min(initial=0)) >= 0
    if not rising or int(offsets[0]) != 0 or int(offsets[-1]) > end:
        raise ArtefactError(
            f"has offsets outside the {what}",
            where=where,
            expected="offsets that rise from 0",
            remedy=REMEDY,
        )
