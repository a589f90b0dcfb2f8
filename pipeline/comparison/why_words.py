"""The causes of a stale artefact in words, or as plain values for tools. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.comparison.causes import Cause
from pipeline.comparison.changes import ABSENT, Change, worded

_MOST_CHANGES = 12
"""Keys or files told of one cause; the JSON has them all."""

_FILES = ("code", "raw bytes", "changed on disk")


def told(artefact: str, stage: str, causes: Sequence[Cause]) -> Iterator[str]:
    """Yield the lines that a person reads.

    Args:
        artefact: What was asked about.
        stage: Which makes it.
        causes: What changed; nothing where it is up to date.
    """
    if not causes:
        yield f"{artefact} (stage {stage}): up to date"
        yield "  nothing that it depends on has changed since it was built"
        return
    things = "one thing has" if len(causes) == 1 else f"{len(causes)} things have"
    yield f"{artefact} (stage {stage}): out of date, {things} changed since it was built"
    for cause in causes:
        yield from _told(cause)


def _told(cause: Cause) -> Iterator[str]:
    note = f" ({cause.note})" if cause.note else ""
    changes = cause.changes
    if [change.key for change in changes] == [cause.what]:
        yield f"  {cause.kind}: {_file(changes[0])}{note}"
        changes = ()
    else:
        yield f"  {cause.kind}: {cause.what}{note}"
    for change in changes[:_MOST_CHANGES]:
        yield f"    {_file(change) if cause.kind in _FILES else worded(change)}"
    if len(changes) > _MOST_CHANGES:
        yield f"    and {len(changes) - _MOST_CHANGES} more"
    if len(cause.chain) > 1:
        yield f"    reaches it through {' -> '.join(cause.chain)}"


def _file(change: Change) -> str:
    """Word one file; its hashes say nothing to a person."""
    key = change.key.removeprefix("files.")
    if change.before is ABSENT:
        return f"{key} is new"
    return f"{key} is gone" if change.after is ABSENT else f"{key} was edited"


def json_value(artefact: str, stage: str, causes: Sequence[Cause]) -> dict[str, Any]:
    """Return the same as plain values."""
    return {
        "artefact": artefact,
        "stage": stage,
        "up_to_date": not causes,
        "causes": [
            {
                "kind": cause.kind,
                "what": cause.what,
                "note": cause.note,
                "chain": list(cause.chain),
                "changes": [change.json() for change in cause.changes],
            }
            for cause in causes
        ],
    }
