"""Figures of a task over its prompts: the median and the spread.

As in T0 (Sanh et al. 2022): each prompt gives a figure over all rows; the task gets the median over its
prompts and the interquartile range. Quantiles are linear: of n sorted values the one with index
q · (n - 1), interpolated between two values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SPREAD = ("accuracy", "accuracy_sum", "accuracy_mean")
"""Figures whose spread over prompts is told too."""

DEFINITION = (
    "A task's figures are medians over its prompts, each over all rows; `_q25` and `_q75` are the "
    "quartiles over prompts, linear between sorted values, and `_iqr` is their difference."
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the figures of several prompts lie."""

    median: float
    q25: float
    q75: float

    @property
    def iqr(self) -> float:
        """Interquartile range: that of the middle half; 0 for one prompt."""
        return self.q75 - self.q25


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of at least one figure."""
    q25, median, q75 = np.quantile(np.array(values, dtype=np.float64), [0.25, 0.5, 0.75]).tolist()
    return Spread(median, q25, q75)


def over_prompts(figures: Sequence[Mapping[str, float]], *, rows: int) -> dict[str, float]:
    """Return the figures of a task from those of its prompts.

    Args:
        figures: Of each prompt, `rows` and those that mean something for it.
        rows: Rows of the task that any of them asked for.

    Returns:
        `rows`, `prompts` (their number), the median of each other figure over the prompts that have it,
        and of those in `SPREAD` also `_q25`, `_q75` and `_iqr`; rounded to six digits. Of a single prompt
        its own figures alone.
    """
    result: dict[str, float] = {"rows": rows, "prompts": len(figures)}
    for name in sorted({name for one in figures for name in one} - {"rows"}):
        values = [one[name] for one in figures if name in one]
        found = spread(values)
        result[name] = round(found.median, 6)
        if name in SPREAD and len(figures) > 1:
            result[f"{name}_q25"] = round(found.q25, 6)
            result[f"{name}_q75"] = round(found.q75, 6)
            result[f"{name}_iqr"] = round(found.iqr, 6)
    return result
