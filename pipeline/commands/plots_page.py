"""`taskloom plots-page`: write the page that `dvc plots show` needs to draw without a network."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.contract.files import whole_file

PAGE = Path(".dvc/plots.html")
"""Where `plots.html_template` in `.dvc/config` looks; made by `make setup`, not tracked."""


def main(arguments: Sequence[str]) -> None:
    """Write the page."""
    argparse.ArgumentParser(prog="taskloom plots-page", description=__doc__).parse_args(arguments)
    from pipeline.report.charts import plots_page

    with whole_file(PAGE) as temporary:
        temporary.write_text(plots_page(), encoding="utf-8")
