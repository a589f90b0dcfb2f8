"""Experiment trackers behind one small interface; log.csv is written with or without one.

A tracker that is not installed is no error: a line says so, and the training goes on.
"""

import sys
from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.training.run import Track


class Tracker(Protocol):
    """Told of a training's figures as they come."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Take up the figures of one step."""

    def close(self) -> None:
        """Flush what is held back."""


class NoTracker:
    """Keeps nothing."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class DvcliveTracker:
    """Writes to a DVCLive folder, from which `dvc exp show` and `dvc plots show` read.

    Args:
        live: A `dvclive.Live`.
    """

    def __init__(self, live: Any) -> None:
        self._live = live

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Log every figure at `step`."""
        self._live.step = step
        for name, value in figures.items():
            self._live.log_metric(name, value)
        self._live.make_summary()

    def close(self) -> None:
        """End the DVCLive run."""
        self._live.end()


def open_tracker(track: Track | None, *, first: bool, resumed: bool) -> Tracker:
    """Return the tracker that a run asks for; only the first rank has one.

    Args:
        track: From run.json; None is no tracker.
        first: Whether this is rank 0.
        resumed: Whether the run goes on from a checkpoint, and its folder is to be kept.
    """
    if track is None or not first:
        return NoTracker()
    try:
        from dvclive import Live
    except ImportError:
        print("dvclive is not installed: figures go to log.csv alone", file=sys.stderr)
        return NoTracker()
    live = Live(
        track.folder,
        save_dvc_exp=False,
        dvcyaml=None,
        report=None,
        monitor_system=False,
        resume=resumed,
    )
    return DvcliveTracker(live)
