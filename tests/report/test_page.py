"""The page is one file, escapes what it shows, and formats numbers alike."""

import re

import polars as pl
from markupsafe import Markup

from pipeline.report.page import Section, page, table


def test_names_are_escaped():
    text = page("a <b>", [Section("x & y", notes=["<script>"])])
    assert "<title>a &lt;b&gt;</title>" in text
    assert '<h2 id="x-y">x &amp; y</h2>' in text
    assert '<a href="#x-y">x &amp; y</a>' in text
    assert "<script>" not in text


def test_a_table_formats_numbers_and_nulls():
    frame = pl.DataFrame({"task_name": ["a<"], "rows": [12345], "share": [0.12345], "no": [None]})
    found = table(frame)
    assert found.head == [("task name", False), ("rows", True), ("share", True), ("no", False)]
    assert found.rows == [["a<", "12,345", "0.123", "-"]]
    text = page("t", [Section("s", tables=[frame])])
    assert '<td>a&lt;</td><td class="number">12,345</td>' in text


def test_drawings_are_put_in_as_they_are_and_plain_text_is_not_a_drawing():
    text = page("t", [Section("s", figures=[Markup("<svg/>"), "<img>"])])
    assert 'tabindex="0" aria-label="drawing: s"><svg/></div>' in text
    assert "&lt;img&gt;" in text


def test_the_first_of_several_panels_is_open():
    text = page("t", [Section("All <of> them", tabs=[Section("one"), Section("two", ["words"])])])
    assert '<input type="radio" name="all-of-them" id="all-of-them-0" checked>' in text
    assert re.search(
        r'<label for="all-of-them-1">two</label>\s*<div class="panel">\s*<h3>two</h3>', text
    )
    assert text.count(" checked>") == 1
    assert "<legend>All &lt;of&gt; them: choose one</legend>" in text


def test_a_folded_table_opens_under_its_words():
    text = page("t", [Section("s", folded=[("a & b", pl.DataFrame({"x": [1]}))])])
    assert "<details><summary>a &amp; b</summary>" in text


def test_the_page_needs_nothing_else():
    text = page("t", [Section("s", tabs=[Section("one")])])
    assert "<script" not in text
    assert re.findall(r"(?:src|href)=\"(?!#)", text) == []
    assert "@import" not in text
    assert "url(" not in text
