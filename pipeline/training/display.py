"""What a person sees of a training: a bar on a terminal, a plain line now and then in a log.

Knows steps and figures; knows no model. Nothing here changes a number.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TextIO

from tqdm import tqdm

from pipeline.training.launch import TERMINAL

_FIRST_S = 10.0
_PERIOD_S = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A training after a step."""

    step: int
    tokens: float
    """Read by the model since the training began, over all ranks, resumed steps included."""
    padding: float
    """Share of the cells that were padding, in [0, 1]."""
    line: Mapping[str, float] | None
    """The log's newest line, if this step wrote one."""


class Display(Protocol):
    """Shows how far a training is."""

    def show(self, standing: Standing) -> None:
        """Take up one more step."""

    def close(self) -> None:
        """End what is shown."""


class NoDisplay:
    """Shows nothing."""

    def show(self, standing: Standing) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Bar:
    """One line of a terminal, drawn over and over.

    Args:
        steps: Of the whole run.
        start: Where it stands now.
    """

    def __init__(self, *, steps: int, start: Standing) -> None:
        self._began = time.monotonic()
        self._start = start
        self._bar = tqdm(
            total=steps, initial=start.step, desc="train", unit="step", delay=2, leave=False
        )

    def show(self, standing: Standing) -> None:
        """Move the bar; its figures change with the log's."""
        self._bar.update()
        if standing.line is None:
            return
        speed = _speed(standing, self._start, time.monotonic() - self._began)
        figures = {"loss": f"{standing.line['loss']:.4f}", "tokens/s": f"{speed:,.0f}"}
        figures["padding"] = f"{standing.padding:.1%}"
        self._bar.set_postfix(figures, refresh=False)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


class Lines:
    """Whole lines: one after some seconds, then one a minute, and a last one if there was any.

    Args:
        steps: Of the whole run.
        start: Where it stands now.
        stream: Takes the lines.
        clock: Seconds, from any zero.
    """

    def __init__(
        self,
        *,
        steps: int,
        start: Standing,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self._start, self._stream, self._clock = steps, start, stream, clock
        self._began = clock()
        self._next = self._began + _FIRST_S
        self._loss: float | None = None
        self._said = False

    def show(self, standing: Standing) -> None:
        """Print a line if it is time for one, or if this was the last step and some were printed."""
        if standing.line is not None:
            self._loss = standing.line["loss"]
        now = self._clock()
        last = standing.step == self._steps
        if now < self._next and not (last and self._said):
            return
        self._said, self._next = True, now + _PERIOD_S
        print(self._worded(standing, now - self._began), file=self._stream, flush=True)

    def _worded(self, standing: Standing, seconds: float) -> str:
        done, left = standing.step - self._start.step, self._steps - standing.step
        parts = [f"train: step {standing.step} of {self._steps}"]
        if self._loss is not None:
            parts.append(f"loss {self._loss:.4f}")
        parts.append(f"{_speed(standing, self._start, seconds):,.0f} tokens/s")
        parts.append(f"padding {standing.padding:.1%}")
        parts.append(f"{_span(seconds / done * left)} left" if left else f"took {_span(seconds)}")
        return ", ".join(parts)

    def close(self) -> None:
        """Do nothing: every line was whole."""


def display(*, first: bool, steps: int, start: Standing) -> Display:
    """Return what shows a training: nothing but on the first rank; a bar where there is a terminal."""
    if not first:
        return NoDisplay()
    if sys.stderr.isatty() or os.environ.get(TERMINAL):
        return Bar(steps=steps, start=start)
    return Lines(steps=steps, start=start, stream=sys.stderr)


def _speed(standing: Standing, start: Standing, seconds: float) -> float:
    return (standing.tokens - start.tokens) / max(1e-9, seconds)


def _span(seconds: float) -> str:
    """Word a time: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
