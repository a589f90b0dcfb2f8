"""Kinds of training: what of a model is trained, and what of it is exported.

A kind is a class and an entry in `KINDS`. It acts between two moments: the model is built, and the
optimizer is not made yet.
"""

from pathlib import Path
from typing import Any, Protocol

from torch import nn

from pipeline.training.view import View


class Kind(Protocol):
    """What a training does with the model of its view."""

    def prepare(self, view: View[Any]) -> dict[str, nn.Parameter]:
        """Change the model in place, on the CPU, and return the parameters to train.

        Called once, before a checkpoint is loaded: the names of all weights are fixed afterwards.

        Args:
            view: With the model as it was built or loaded.

        Returns:
            Parameters by name, in a fixed order, float32.
        """

    def save(self, view: View[Any], out: Path) -> None:
        """Write the trained model to a folder."""


class Whole:
    """All weights that some loss depends on are trained, and the whole model is exported."""

    def prepare(self, view: View[Any]) -> dict[str, nn.Parameter]:
        """Return the view's own parameters; the model stays as it is."""
        return view.parameters()

    def save(self, view: View[Any], out: Path) -> None:
        """Write a plain `transformers` folder."""
        view.save(out)


KINDS: dict[str, Kind] = {"whole": Whole()}
