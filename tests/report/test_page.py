"""The page is one file, escapes what it shows, and formats numbers alike."""

import polars as pl

from pipeline.report.page import Section, page, table


def test_names_are_escaped():
    text = page("a <b>", [Section("x & y", notes=["<script>"])])
    assert "<title>a &lt;b&gt;</title>" in text
    assert "<h2>x &amp; y</h2>" in text
    assert "<script>" not in text


def test_a_table_formats_numbers_and_nulls():
    frame = pl.DataFrame({"task_name": ["a<"], "rows": [12345], "share": [0.12345], "no": [None]})
    text = table(frame)
    assert "<th>task name</th>" in text
    assert (
        '<td>a&lt;</td><td class="number">12,345</td><td class="number">0.123</td><td>-</td>'
        in text
    )


def test_figures_are_put_in_as_they_are():
    assert '<div class="figure"><svg/></div>' in page("t", [Section("s", figures=["<svg/>"])])
