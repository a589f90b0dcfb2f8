"""Small drawings of training loss, one for each task, side by side.

All share both axes, so that heights compare.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.report.markup import fill

_LEFT, _RIGHT, _TOP, _FOOT = 26, 216, 4, 70
"""Pixels of the lines' area; the template draws 220 x 84."""
_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#9d755d", "#72b7b2")
"""Of the trainings, in the sequence in which they are given; used again after the last."""


def sparks(frame: pl.DataFrame, *, tasks: Sequence[str], trainings: Sequence[str]) -> Markup:
    """Return drawings of the loss of each task over steps.

    Args:
        frame: `which`, `task`, `step`, `examples`, `loss`, `accuracy`.
        tasks: Those that are drawn, in this sequence.
        trainings: Values of `which`, one line each.
    """
    shown = frame.filter(pl.col("task").is_in(tasks))
    steps, top = _most(shown, "step"), _most(shown, "loss")
    parts = shown.partition_by("task", as_dict=True)
    drawn = [
        _drawing(task, parts[task,], trainings, steps, top) for task in tasks if (task,) in parts
    ]
    legend = [(name, _colour(i)) for i, name in enumerate(trainings)]
    return fill("sparks.html", tasks=drawn, legend=legend, top=f"{top:.2g}", steps=f"{steps:,.0f}")


def _most(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).max() or 1.0)  # type: ignore[arg-type]


def _colour(i: int) -> str:
    return _COLOURS[i % len(_COLOURS)]


def _drawing(
    task: str, frame: pl.DataFrame, trainings: Sequence[str], steps: float, top: float
) -> dict[str, Any]:
    lines, words = [], []
    for i, which in enumerate(trainings):
        part = frame.filter(pl.col("which") == which)
        if part.height:
            lines.append({"number": i, "colour": _colour(i), "points": _points(part, steps, top)})
            words.append(f"{which}: {_words(part)}")
    return {"name": task, "lines": lines, "words": "; ".join(words)}


def _points(part: pl.DataFrame, steps: float, top: float) -> list[tuple[str, str]]:
    return [
        (
            f"{_LEFT + (_RIGHT - _LEFT) * step / steps:.1f}",
            f"{_FOOT - (_FOOT - _TOP) * loss / top:.1f}",
        )
        for step, loss in zip(part["step"], part["loss"], strict=True)
    ]


def _words(part: pl.DataFrame) -> str:
    first, last = part["loss"][0], part["loss"][-1]
    return (
        f"loss {first:.2f} to {last:.2f}, accuracy {part['accuracy'][-1]:.2f} at the end, "
        f"{part['examples'].sum():,} examples"
    )
