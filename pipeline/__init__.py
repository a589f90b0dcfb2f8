"""taskloom: many NLP datasets into one well-weighted, reproducible training mixture.

Importing this package does no work and pulls in nothing heavy. `mixture_frame` is the one function
that notebooks call; all else goes through `python -m pipeline`.
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
        which: `compass` for the base mixture, `tailored` for the augmented one.
        root: Folder of the project.

    Returns:
        One row a position: `position` u32, `task`, `epoch` u8, and the rendered columns (`example_id`,
        `context`, `question`, `choices`, `label`, `text`). Nothing is read before it is collected.
    """
    from pipeline.mixing.frame import mixture_frame as frame

    return frame(Path(root) / "data" / name, which=which)
