"""Charts draw without a browser, deterministically, with every label."""

import polars as pl
import pytest

from pipeline.report import charts

PAIRS = pl.DataFrame({"source": ["a", "b"], "target": ["b", "a"], "score": [0.5, -0.25]})
BARS = pl.DataFrame(
    {"task": ["x", "x", "y", "y"], "which": ["asked", "got"] * 2, "share": [0.5, 0.5, 0.5, 0.4]}
)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (charts.heatmap(PAIRS, tasks=["a", "b"], title="T"), [">a<", ">b<", ">T<"]),
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


def test_colors_are_centred_on_zero():
    spec = charts.heatmap(PAIRS, tasks=["a", "b"], title="T")
    assert spec["encoding"]["color"]["scale"]["domain"] == [-0.5, 0.5]


def test_a_picture_is_a_png():
    spec = charts.heatmap(PAIRS, tasks=["a", "b"], title="T")
    assert charts.png(spec)[:8] == b"\x89PNG\r\n\x1a\n"
