"""Charts draw without a browser, deterministically, with every label."""

import re

import polars as pl
import pytest

from pipeline.report import charts

RACE = pl.DataFrame(
    {
        "k": [0, 2],
        "loss": [0.7, 0.5],
        "low": [0.6, 0.5],
        "high": [0.8, 0.5],
        "winner": [False, True],
    }
)
POINTS = pl.DataFrame({"x": [0.1, -0.2], "y": [0.3, 0.4], "pair": ["other", "target"]})
BARS = pl.DataFrame(
    {"task": ["x", "x", "y", "y"], "which": ["asked", "got"] * 2, "share": [0.5, 0.5, 0.5, 0.4]}
)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (charts.race(RACE, title="T"), [">taken<", ">not taken<", ">complements (k)<", ">T<"]),
        (charts.scatter(POINTS, x="x", y="y", by="pair", title="T"), [">other<", ">target<"]),
        (charts.grouped_bars(BARS, of="task", by="which", value="share", title="T"), [">asked<"]),
        (charts.dots(BARS, of="task", by="which", value="share", title="T"), [">got<", ">y<"]),
        (
            charts.curves(
                pl.DataFrame({"step": [1, 2], "loss": [1.0, 0.5], "which": ["c", "c"]}), title="T"
            ),
            [">loss<"],
        ),
    ],
)
def test_a_chart_draws_its_labels(spec, words):
    drawing = charts.svg(spec)
    assert drawing.startswith("<svg")
    assert [word for word in words if word not in drawing] == []
    assert charts.svg(spec) == drawing


def test_the_winner_s_colour_and_shape_are_its_own():
    drawing = charts.svg(charts.race(RACE, title="T"))
    # its error bar of no length, its point, and its mark in the legend
    assert drawing.count("#d1600a") >= 2
    values = charts.race(RACE, title="T")["data"]["values"]
    assert [row["winner"] for row in values] == ["not taken", "taken"]


def test_a_drawing_has_no_background_of_its_own():
    """So that it fits a light and a dark page."""
    assert "white" not in charts.svg(charts.race(RACE, title="T"))


def test_names_of_tasks_are_no_markup():
    frame = BARS.with_columns(task=pl.lit("<script>"))
    drawing = charts.svg(charts.dots(frame, of="task", by="which", value="share", title="<b>"))
    assert "<script" not in drawing
    assert "<b>" not in drawing
    assert "&lt;script&gt;" in drawing


def test_the_page_of_dvc_plots_holds_vega_and_loads_nothing():
    page = charts.plots_page()
    assert page.count("{plot_divs}") == 1
    assert "window.vegaEmbed=" in page
    assert re.findall(r"<(?:script|link)[^>]*(?:src|href)=", page) == []
