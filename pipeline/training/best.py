"""Looks at the `select` rows while a training runs, and which of them was the best.

A look draws nothing, so that it changes no step. Plain numbers, so that a checkpoint can carry them.
Knows figures; knows no model and no file.
"""

import csv
import io
from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("step", "accuracy_macro")


@dataclass(slots=True)
class Looks:
    """What was seen so far.

    Attributes:
        every: Steps between two looks; None = at the end only.
        wants_best: Whether the best model is the result.
        rows: Step and macro accuracy of each look; None where no `select` row has a label.
        best_step: Step of the best model so far; None = no look had a figure yet.
        best: What was seen then, as `View.select` returns it.
    """

    every: int | None
    wants_best: bool
    rows: list[tuple[int, float | None]] = field(default_factory=list)
    best_step: int | None = None
    best: dict[str, Any] = field(default_factory=dict)

    def due(self, step: int) -> bool:
        """Return whether the model is looked at after `step` steps, short of the last."""
        return self.every is not None and step % self.every == 0

    def take(self, step: int, seen: dict[str, Any]) -> bool:
        """Take up a look and return whether it is the best so far, the earliest of equals."""
        macro = seen["accuracy_macro"]
        self.rows.append((step, macro))
        if not self.wants_best or macro is None:
            return False
        if self.best_step is not None and macro <= self.best["accuracy_macro"]:
            return False
        self.best_step, self.best = step, seen
        return True

    def csv(self) -> str:
        """Return select.csv: the macro accuracy of each look, with nine digits; empty = unknown."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for step, macro in self.rows:
            writer.writerow([step, "" if macro is None else f"{macro:.9g}"])
        return text.getvalue()

    def state(self) -> dict[str, Any]:
        """Return all of it as plain JSON, which keeps every float exactly."""
        return {"rows": self.rows, "best_step": self.best_step, "best": self.best}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self.rows = [(step, macro) for step, macro in state["rows"]]
        self.best_step, self.best = state["best_step"], state["best"]


def looks(*, best: bool, select_every: int | None, checkpoint_every: int) -> Looks:
    """Return the looks of a run; without `select_every` the best is sought among the checkpoints."""
    every = checkpoint_every if best and select_every is None else select_every
    return Looks(every, best)
