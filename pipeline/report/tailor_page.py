"""The page's section on Tailor: what it took for its target, what it refused, and why."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipeline.report import charts, figures
from pipeline.report.page import Section

MOST_OPEN = 20
"""Candidates of Tailor that are listed openly; of more, those that were refused are folded up."""
_COLUMNS = (
    "task", "family", "score", "rank", "decision", "rows", "epochs", "inside_null", "negative_rows",
    "leaked", "rise_without", "predicted_gain", "reason",
)  # fmt: skip


def tailored(why: Mapping[str, Any]) -> Section:
    """Return what Tailor took and refused, and why (why.json)."""
    notes = [
        f"Target '{why['target']}', scorer '{why['scorer']}', selection '{why['selection']}'. "
        f"{why['rows_placed']:,} rows of complements, {why['target_rows']:,} of the target.",
        *why["warnings"],
    ]
    if why.get("null_band") is not None:
        notes.append(f"95 % of random vectors correlate less than {why['null_band']:.3f} in size.")
    drawings = []
    if why.get("race"):
        notes += _race_notes(why)
        frame = figures.race(why["race"])
        drawings.append(charts.svg(charts.race(frame, title=f"race for '{why['target']}'")))
    else:
        notes.append(
            "There was no race over k: the best scores were taken, so no loss was compared."
        )
    table, taken = decisions(why), pl.col("decision") == "taken"
    if table.height <= MOST_OPEN:
        return Section("What Tailor chose", notes, drawings, [table])
    refused = table.filter(~taken)
    if refused.height == table.height:
        notes.append("No task was taken: the target is trained on alone.")
    words = f"The {refused.height} tasks that were refused, and why"
    tables = [table.filter(taken)] if refused.height < table.height else []
    return Section("What Tailor chose", notes, drawings, tables, [(words, refused)])


def _race_notes(why: Mapping[str, Any]) -> list[str]:
    notes = [
        "The race: small models are trained on the target and the first k candidates, k = 0 always among "
        "them, and asked held-out rows of the target. A bar is one standard error of the difference to "
        "the best arm; the smallest arm that is no further behind than that, or 0.005 nats a row, wins.",
    ]
    if why.get("rises"):
        notes.append(
            "Backward check: each winner is left out once; 'rise without' is by how much the loss rose."
        )
    off = [name for name, on in why.get("parts", {}).items() if not on]
    return [*notes, f"Turned off: {', '.join(off)}."] if off else notes


def decisions(why: Mapping[str, Any]) -> pl.DataFrame:
    """Return one row a candidate: what was decided, the guard's evidence, the reason last.

    Columns without a single value are left out.
    """
    guard, rises = why.get("guard") or {}, why.get("rises") or {}
    predicted = why.get("predicted") or {}
    rows = []
    for entry in why["tasks"]:
        task, signs = entry["task"], guard.get(entry["task"], {})
        evidence = {
            "negative_rows": signs.get("negative_rows"),
            "leaked": signs.get("leaked"),
            "rise_without": rises.get(task),
            "predicted_gain": predicted.get(task),
        }
        rows.append(entry | evidence)
    keys = [key for key in _COLUMNS if any(row.get(key) is not None for row in rows)]
    data = [[row.get(key) for key in keys] for row in rows]
    return pl.DataFrame(data, schema=keys, orient="row", infer_schema_length=None).fill_nan(None)
