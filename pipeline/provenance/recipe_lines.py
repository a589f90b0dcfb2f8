"""The differences of two mixtures in words, or as plain values for tools."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.provenance.changes import ABSENT, Change, shown
from pipeline.provenance.recipes import SECTIONS, Difference, Figures, Side


def lines(a: Side, b: Side, found: Sequence[Difference]) -> Iterator[str]:
    """Yield the lines that a person reads."""
    yield f"{a.title} -> {b.title}"
    for name, side in (("before", a), ("after", b)):
        yield f"figures {name}: {_origin(side.figures)}"
    for side in (a, b):
        yield from (f"note on {side.title}: {note}" for note in side.notes)
    if not found:
        yield from ("", "no difference")
    for section in SECTIONS:
        mine = [difference for difference in found if difference.section == section]
        if mine:
            yield from ("", f"{section} ({len(mine)})" if mine[0].subject else section)
        for difference in mine:
            yield from _difference_lines(difference)


def _origin(figures: Figures | None) -> str:
    if figures is None:
        return "unknown"
    return f"{'exact' if figures.exact else 'ESTIMATE'}, {figures.note}"


_FIGURES = ("share", "rows drawn", "of rows", "epochs", "tokens")
_ORDER = ("weight", "count", *_FIGURES)
"""Keys of a task in the order in which they are printed; all others follow."""


def _difference_lines(difference: Difference) -> Iterator[str]:
    if difference.section in ("tasks added", "tasks removed", "tasks that change"):
        rank = {key: i for i, key in enumerate(_ORDER)}
        ordered = sorted(difference.changes, key=lambda change: rank.get(change.key, len(rank)))
        words = "; ".join(f"{change.key} {_sides(change)}" for change in ordered)
        yield f"  {difference.subject}: {words}".rstrip(": ")
        return
    indent = "  "
    if difference.subject:
        yield f"  {difference.subject}"
        indent = "    "
    for change in difference.changes:
        words = f"{indent}{change.key}: {_sides(change)}"
        if change.key in ("rows drawn", "tokens") and change.before and change.after:
            words += f" ({100 * (change.after / change.before - 1):+.1f} %)"
        yield words


def _sides(change: Change) -> str:
    """Word both sides; of a figure only the one that there is."""
    key, before, after = change.key, change.before, change.after
    old, new = _value(key, before), _value(key, after)
    if key in _FIGURES and ABSENT in (before, after):
        return new if before is ABSENT else old
    if key == "share":
        return f"{old} -> {new} ({100 * (after - before):+.2f} points)"
    return f"{old} -> {new}"


def _value(key: str, value: Any) -> str:
    if value is ABSENT or value is None:
        return shown(value)
    if key == "share":
        return f"{100 * value:.2f} %"
    if key == "epochs":
        return f"{value:.2f}"
    return f"{value:,}" if key in _FIGURES else shown(value)


def json_value(a: Side, b: Side, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the same as plain values."""
    return {
        "before": _side_json(a),
        "after": _side_json(b),
        "differences": [
            {
                "section": difference.section,
                "subject": difference.subject,
                "moved": round(difference.moved, 9),
                "changes": [change.json() for change in difference.changes],
            }
            for difference in found
        ],
    }


def _side_json(side: Side) -> dict[str, Any]:
    figures = side.figures
    kind = "unknown" if figures is None else "exact" if figures.exact else "estimate"
    return {"title": side.title, "figures": kind, "notes": list(side.notes)}
