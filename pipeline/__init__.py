"""taskloom turns many NLP datasets into one weighted, reproducible training mixture.

Notebooks call `mixture_frame`, the only function of the package itself. Everything else runs through
`python -m pipeline`. Importing this package is fast: it loads no large library.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__version__ = "0.1.0"


def mixture_frame(name: str, *, which: str = "compass", root: str | Path = ".") -> "pl.LazyFrame":
    """Return the rendered rows of a mixture in training order.

    Args:
        name: Name on the mixture card, for example `demo`.
        which: Name of the training whose order it is: one of the card's `trainings`.
        root: Folder of the project.

    Returns:
        One row for each position: `position` u32, `task`, `epoch` u8, and the rendered columns
        (`example_id`, `context`, `question`, `choices`, `label`, `text`). Rows are read when the frame
        is collected.
    """
    from pipeline.mixing.frame import mixture_frame as frame

    return frame(Path(root) / "data" / name, which=which)
