"""Charts as Vega-Lite specifications, and their rendering to SVG.

Each function takes a small frame of named columns and returns a specification; `svg` draws it without
a browser or a network. Knows no file and computes no figure.
"""

import hashlib
import json
import re
from typing import Any

import polars as pl

Spec = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_VERSION = "5.21"
_CELL = 18
"""Pixels of one cell or bar, which keeps labels legible at a hundred tasks."""
_LABEL = 400
"""Most pixels of a label, room for the names of a pair of tasks."""
_THEME = {
    "view": {"stroke": None},
    "axis": {
        "gridColor": "#8a93a5",
        "gridOpacity": 0.28,
        "domainColor": "#8a93a5",
        "tickColor": "#8a93a5",
    },
}
"""Lines that are seen on a light and on a dark page; the page's style sheet colours the words."""


def grouped_bars(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one horizontal bar for each pair of category and series.

    Args:
        frame: Columns `of` (category, one row of bars each), `by` (series), `value`.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the lengths.
        title: Above the chart.
    """
    categories = frame[of].unique(maintain_order=True).to_list()
    series = frame[by].unique(maintain_order=True).to_list()
    return _spec(
        frame,
        title,
        mark={"type": "bar"},
        width=520,
        height=_CELL * len(categories) * max(1, len(series) // 2 + 1),
        encoding={
            "y": {
                "field": of,
                "type": "nominal",
                "sort": categories,
                "title": None,
                "axis": {"labelLimit": _LABEL},
            },
            "yOffset": {"field": by, "sort": series},
            "x": {"field": value, "type": "quantitative"},
            "color": {"field": by, "type": "nominal", "sort": series},
        },
    )


def dots(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one row of dots for each category, one dot a series: many tasks on one page.

    Args:
        frame: Columns `of`, `by`, `value`; null values are left out.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the positions.
        title: Above the chart.
    """
    categories = frame[of].unique(maintain_order=True).to_list()
    series = frame[by].unique(maintain_order=True).to_list()
    return _spec(
        frame.filter(pl.col(value).is_not_null()),
        title,
        mark={"type": "point", "filled": True, "size": 60, "opacity": 0.85},
        width=520,
        height=_CELL * len(categories),
        encoding={
            "y": {
                "field": of,
                "type": "nominal",
                "sort": categories,
                "title": None,
                "axis": {"grid": True, "labelLimit": _LABEL},
            },
            "x": {"field": value, "type": "quantitative"},
            # one domain for both, so that Vega merges the two legends
            "color": {"field": by, "type": "nominal", "scale": {"domain": series}},
            "shape": {"field": by, "type": "nominal", "scale": {"domain": series}},
        },
    )


def curves(frame: pl.DataFrame, *, title: str) -> Spec:
    """Draw losses over steps.

    Args:
        frame: `step`, `loss`, `which` (the training).
        title: Above the chart.
    """
    return _spec(
        frame,
        title,
        mark={"type": "line", "interpolate": "monotone"},
        width=520,
        height=260,
        encoding={
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "loss", "type": "quantitative", "scale": {"zero": False}},
            "color": {"field": "which", "type": "nominal"},
        },
    )


def race(frame: pl.DataFrame, *, title: str) -> Spec:
    """Draw the held-out loss of every arm of a race with its error bar, and mark the winner.

    Args:
        frame: `k`, `loss`, `low`, `high`, `winner` (bool), one row an arm, in the sequence of k.
        title: Above the chart.
    """
    x = {"field": "k", "type": "ordinal", "title": "complements (k)", "axis": {"labelAngle": 0}}
    y = {"type": "quantitative", "scale": {"zero": False}, "title": "held-out loss of the target"}
    outcome = {
        "field": "winner",
        "type": "nominal",
        "title": "arm",
        "scale": {"domain": ["taken", "not taken"], "range": ["#d1600a", "#4c78a8"]},
    }
    named = frame.with_columns(
        pl.when("winner").then(pl.lit("taken")).otherwise(pl.lit("not taken")).alias("winner")
    )
    bars = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": outcome},
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y | {"field": "loss"},
            "color": outcome,
            "shape": outcome
            | {"scale": {"domain": ["taken", "not taken"], "range": ["diamond", "circle"]}},
        },
    }
    return _spec(named, title, width=max(200, 60 * frame.height), height=220, layer=[bars, points])


def scatter(frame: pl.DataFrame, *, x: str, y: str, by: str, title: str) -> Spec:
    """Draw one small point a row, with lines through 0; the last of two series stands out.

    Args:
        frame: Columns `x`, `y` (numbers) and `by` (what a point is).
        x: Column to the right.
        y: Column upwards.
        by: Column of colour and shape.
        title: Above the chart.
    """
    series = frame[by].unique(maintain_order=True).sort(descending=True).to_list()
    colours = {"domain": series, "range": ["#d1600a", "#8a93a5"]}
    kind = {"field": by, "type": "nominal", "title": None}
    room = {"scale": {"padding": 8}}
    points = {
        "mark": {"type": "point", "filled": True, "size": 28, "opacity": 0.7, "aria": False},
        "encoding": {
            "x": {"field": x, "type": "quantitative", "title": x} | room,
            "y": {"field": y, "type": "quantitative", "title": y} | room,
            "color": kind | {"scale": colours},
            "shape": kind | {"scale": {"domain": series, "range": ["diamond", "circle"]}},
        },
    }
    zero = {"mark": {"type": "rule", "color": "#8a93a5", "strokeDash": [4, 3]}}
    lines = [zero | {"encoding": {axis: {"datum": 0}}} for axis in ("x", "y")]
    return _spec(frame, title, width=420, height=320, layer=[*lines, points])


def _spec(frame: pl.DataFrame, title: str, **parts: Any) -> Spec:
    return {
        "$schema": _SCHEMA,
        "title": title,
        "data": {"values": frame.to_dicts()},
        "background": None,
        "config": _THEME,
        **parts,
    }


def svg(spec: Spec) -> str:
    """Draw a specification as SVG text, the same for the same specification.

    Vega numbers the gradients and clips of a process one after the other; here they are renamed after
    the chart, so that charts stand on one page and their bytes do not depend on what was drawn before.
    """
    import vl_convert

    text = str(vl_convert.vegalite_to_svg(spec, vl_version=_VERSION))
    tag = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    names = dict.fromkeys(re.findall(r'id="([^"]+)"', text))
    for i, name in enumerate(names):
        text = re.sub(rf'(id="|url\(#){re.escape(name)}(?=["\)])', rf"\g<1>{tag}-{i}", text)
    return text
