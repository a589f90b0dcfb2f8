"""Differences of two recipes in words people understand, or as plain values for tools. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.comparison.changes import ABSENT, Change, shown, worded
from pipeline.comparison.recipes import SECTIONS, Difference, Figures, Side

_ONE_LINE = ("tasks added", "tasks removed", "tasks that change")
_OF_A_CARD = "cards that change"


def told(a: Side, b: Side, found: Sequence[Difference]) -> Iterator[str]:
    """Yield the lines that a person reads."""
    yield f"{a.title} -> {b.title}"
    yield from _about_figures(a, b)
    for side in (a, b):
        yield from (f"note on {side.title}: {note}" for note in side.notes)
    if not found:
        yield ""
        yield "no difference"
    for section in SECTIONS:
        mine = [difference for difference in found if difference.section == section]
        if mine:
            yield ""
            yield section if not mine[0].subject else f"{section} ({len(mine)})"
        for difference in mine:
            yield from _told(difference)


def _about_figures(a: Side, b: Side) -> Iterator[str]:
    for name, side in (("before", a), ("after", b)):
        yield f"figures {name}: {_source(side.figures)}"


def _source(figures: Figures | None) -> str:
    if figures is None:
        return "unknown"
    return f"{'exact' if figures.exact else 'ESTIMATE'}, {figures.note}"


def _told(difference: Difference) -> Iterator[str]:
    if difference.section in _ONE_LINE:
        parts = [_of_task(change) for change in difference.changes]
        yield f"  {difference.subject}: {'; '.join(_in_order(parts))}".rstrip(": ")
        return
    indent = "  "
    if difference.section == _OF_A_CARD:
        yield f"  {difference.subject}"
        indent = "    "
    for change in difference.changes:
        yield f"{indent}{_with_percent(change)}"


_FIGURES = ("share", "rows drawn", "of rows", "epochs", "tokens")
_FIRST = ("weight", "count", *_FIGURES)


def _in_order(parts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the words of keys, the known ones in their own order and before any other."""
    rank = {key: i for i, key in enumerate(_FIRST)}
    return [words for _, words in sorted(parts, key=lambda part: rank.get(part[0], len(_FIRST)))]


def _of_task(change: Change) -> tuple[str, str]:
    key, one_side = change.key, change.before is ABSENT or change.after is ABSENT
    if key == "share":
        before, after = _percent(change.before), _percent(change.after)
        words = f"share {_sides(change, before, after)}"
        if not one_side:
            words += f" ({100 * (change.after - change.before):+.2f} points)"
        return key, words
    if key == "epochs":
        before, after = _decimal(change.before), _decimal(change.after)
    else:
        before, after = _count(change.before), _count(change.after)
    return key, f"{key} {_sides(change, before, after)}"


def _sides(change: Change, before: str, after: str) -> str:
    """Word both sides, or the only one of a figure, where a task is new or gone."""
    if change.key in _FIGURES and change.before is ABSENT:
        return after
    if change.key in _FIGURES and change.after is ABSENT:
        return before
    return f"{before} -> {after}"


def _percent(value: Any) -> str:
    return shown(value) if value is ABSENT else f"{100 * value:.2f} %"


def _decimal(value: Any) -> str:
    return shown(value) if value is ABSENT else f"{value:.2f}"


def _count(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else shown(value)


def _with_percent(change: Change) -> str:
    """Word a change; of a total also by how much it grew."""
    if change.key not in ("rows drawn", "tokens"):
        return worded(change)
    words = f"{change.key}: {_count(change.before)} -> {_count(change.after)}"
    if change.before and change.after:
        words += f" ({100 * (change.after / change.before - 1):+.1f} %)"
    return words


def json_value(a: Side, b: Side, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the same as plain values."""
    return {
        "before": _side(a),
        "after": _side(b),
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


def _side(side: Side) -> dict[str, Any]:
    figures = side.figures
    kind = "unknown" if figures is None else "exact" if figures.exact else "estimate"
    return {"title": side.title, "figures": kind, "notes": list(side.notes)}
