"""Sums by task over stretches of a training, few enough for a checkpoint however long it runs.

When there are twice as many stretches as are kept, every two neighbours become one. Merging depends on
the number of lines only, so that a resumed run has the stretches of a run that was never stopped.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.contract.ragged import Floats

KEPT = 64
"""Stretches that neighbours are merged to; there are never more than twice as many."""


class Stretches:
    """Sums of a training, one array of figures by task for every stretch of steps."""

    def __init__(self) -> None:
        self._lines = 1
        self._ends: list[int] = []
        self._sums: list[Floats] = []
        self._filled = 0
        """Lines in the last stretch."""

    def add(self, step: int, sums: Floats) -> None:
        """Take up one line of the log.

        Args:
            step: The line's last one.
            sums: Figures by task over the line's steps; taken over, not copied.
        """
        if self._ends and self._filled < self._lines:
            self._ends[-1], self._sums[-1] = step, self._sums[-1] + sums
            self._filled += 1
            return
        if len(self._ends) == 2 * KEPT:
            self._ends = self._ends[1::2]
            self._sums = [a + b for a, b in zip(self._sums[::2], self._sums[1::2], strict=True)]
            self._lines *= 2
        self._ends.append(step)
        self._sums.append(sums)
        self._filled = 1

    def closed(self) -> Iterator[tuple[int, Floats]]:
        """Return the last step and the sums of every stretch; the last may be shorter than the others."""
        return zip(self._ends, self._sums, strict=True)

    def state(self) -> dict[str, Any]:
        """Return all of it as plain JSON, which keeps every float exactly."""
        sums = [values.tolist() for values in self._sums]
        return {"lines": self._lines, "filled": self._filled, "ends": self._ends, "sums": sums}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self._lines, self._filled = state["lines"], state["filled"]
        self._ends = list(state["ends"])
        self._sums = [np.array(rows, dtype=np.float64).reshape(-1, 3) for rows in state["sums"]]
