"""Charts as Vega-Lite specifications, and their drawing as SVG without a browser or a network.

Each function takes a small frame of named columns and returns a specification, which `svg` draws.
"""

import hashlib
import json
import re
from typing import Any

import polars as pl
from markupsafe import Markup

Spec = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_VERSION = "5.21"
_CELL = 18
"""Pixels of one cell or bar, which keeps labels legible at a hundred tasks."""
_LABEL = 400
"""Most pixels of a label, room for the names of a pair of tasks."""
_GRAY = "#8a93a5"
"""Of lines: seen on a light and on a dark page. The page's style sheet colours the words."""
_ORANGE = "#d1600a"
"""Of what should stand out."""
_THEME = {
    "view": {"stroke": None},
    "axis": {
        "gridColor": _GRAY, "gridOpacity": 0.28, "domainColor": _GRAY, "tickColor": _GRAY,
    },
}  # fmt: skip
_DOT = {"type": "point", "filled": True}


def grouped_bars(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one horizontal bar for each pair of category and series.

    Args:
        frame: Columns `of` (category, one row of bars each), `by` (series), `value`.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the lengths.
        title: Above the chart.
    """
    series = _values(frame, by)
    encoding = _rows(frame, of, value) | {
        "yOffset": {"field": by, "sort": series},
        "color": {"field": by, "type": "nominal", "sort": series},
    }
    height = _CELL * len(_values(frame, of)) * max(1, len(series) // 2 + 1)
    return _spec(frame, title, mark={"type": "bar"}, height=height, encoding=encoding)


def dots(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one row of dots for each category, one dot a series: many tasks on one page.

    Args:
        frame: Columns `of`, `by`, `value`; null values are left out.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the positions.
        title: Above the chart.
    """
    # one domain for both, so that Vega merges the two legends
    kind = {"field": by, "type": "nominal", "scale": {"domain": _values(frame, by)}}
    return _spec(
        frame.filter(pl.col(value).is_not_null()),
        title,
        mark=_DOT | {"size": 60, "opacity": 0.85},
        height=_CELL * len(_values(frame, of)),
        encoding=_rows(frame, of, value) | {"color": kind, "shape": kind},
    )


def _values(frame: pl.DataFrame, column: str) -> list[Any]:
    return frame[column].unique(maintain_order=True).to_list()


def _rows(frame: pl.DataFrame, of: str, value: str) -> dict[str, Any]:
    """Return the axes of a chart that has one row for each category."""
    axis = {"grid": True, "labelLimit": _LABEL}
    return {
        "y": {
            "field": of, "type": "nominal", "sort": _values(frame, of), "title": None, "axis": axis,
        },
        "x": {"field": value, "type": "quantitative"},
    }  # fmt: skip


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
    look = _two_looks("winner", ["taken", "not taken"], "#4c78a8", title="arm")
    bars = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {
            "x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": look["color"],
        },
    }  # fmt: skip
    points = {
        "mark": _DOT | {"size": 110, "opacity": 1},
        "encoding": {"x": x, "y": y | {"field": "loss"}, **look},
    }
    words = pl.when("winner").then(pl.lit("taken")).otherwise(pl.lit("not taken")).alias("winner")
    wide = max(200, 60 * frame.height)
    return _spec(frame.with_columns(words), title, width=wide, height=220, layer=[bars, points])


def scatter(frame: pl.DataFrame, *, x: str, y: str, by: str, title: str) -> Spec:
    """Draw one small point a row, with lines through 0; the last of two series stands out.

    Args:
        frame: Columns `x`, `y` (numbers) and `by` (what a point is).
        x: Column to the right.
        y: Column upwards.
        by: Column of colour and shape.
        title: Above the chart.
    """
    axis = {"type": "quantitative", "scale": {"padding": 8}}
    points = {
        "mark": _DOT | {"size": 28, "opacity": 0.7, "aria": False},
        "encoding": {
            "x": axis | {"field": x, "title": x},
            "y": axis | {"field": y, "title": y},
            **_two_looks(by, sorted(_values(frame, by), reverse=True), _GRAY),
        },
    }
    zero = {"mark": {"type": "rule", "color": _GRAY, "strokeDash": [4, 3]}}
    lines = [zero | {"encoding": {name: {"datum": 0}}} for name in ("x", "y")]
    return _spec(frame, title, width=420, height=320, layer=[*lines, points])


def _two_looks(
    by: str, series: list[str], other: str, *, title: str | None = None
) -> dict[str, Any]:
    """Return colour and shape of two series; the first is orange and a diamond."""
    kind = {"field": by, "type": "nominal", "title": title}
    return {
        "color": kind | {"scale": {"domain": series, "range": [_ORANGE, other]}},
        "shape": kind | {"scale": {"domain": series, "range": ["diamond", "circle"]}},
    }


def _spec(frame: pl.DataFrame, title: str, *, width: int = 520, **parts: Any) -> Spec:
    return {
        "$schema": _SCHEMA,
        "title": title,
        "data": {"values": frame.to_dicts()},
        "background": None,
        "config": _THEME,
        "width": width,
        **parts,
    }


def svg(spec: Spec) -> Markup:
    """Draw a specification as SVG text, the same for the same specification.

    Vega numbers the gradients and clips of a process one after the other. Here they are renamed after
    the chart, so that charts stand on one page and their bytes do not depend on what was drawn before.
    """
    import vl_convert

    text = str(vl_convert.vegalite_to_svg(spec, vl_version=_VERSION))
    tag = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    names = dict.fromkeys(re.findall(r'id="([^"]+)"', text))
    for i, name in enumerate(names):
        text = re.sub(rf'(id="|url\(#){re.escape(name)}(?=["\)])', rf"\g<1>{tag}-{i}", text)
    return Markup(text)  # noqa: S704 - Vega escapes what comes from data


def plots_page() -> str:
    """Return the page that `dvc plots show` fills, with Vega in it, so that it needs no network.

    DVC replaces `{plot_divs}` and `{refresh_tag}`.
    """
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "</script", "<\\/script"
    )
    return _PLOTS_PAGE.replace("SCRIPT", bundle)


_PLOTS_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{refresh_tag}<title>taskloom plots</title>
<script type="text/javascript">SCRIPT</script>
<style>body{font:15px system-ui,sans-serif;margin:2em}table{border-spacing:15px}</style></head>
<body>{plot_divs}</body></html>
"""
