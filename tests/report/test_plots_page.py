"""The page for `dvc plots show` draws without a network."""

import re

from pipeline.report.plots_page import plots_page


def test_the_page_holds_vega_and_loads_nothing():
    page = plots_page()
    assert page.count("{plot_divs}") == 1
    assert "window.vegaEmbed=" in page
    assert re.findall(r"<(?:script|link)[^>]*(?:src|href)=", page) == []
