"""`taskloom use NAME`: switch the active mixture, a link that DVC follows."""

import argparse
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

from pipeline.config.catalog import names
from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.errors import ConfigError, unknown_name
from pipeline.stages.layout import ACTIVE, MIXTURES


def main(arguments: Sequence[str]) -> None:
    """Check the mixture's card and point the link at it."""
    parser = argparse.ArgumentParser(prog="taskloom use", description=__doc__)
    parser.add_argument("name", nargs="?", help="a mixture; left out, lists them")
    name = parser.parse_args(arguments).name
    if name is None:
        print(listing())
        return
    card = load_mixture(name)
    if active() != name:
        link(Path(f"{name}.yaml"))
    print(f"active mixture: {name} ({len(card.tasks)} tasks). Next: dvc repro")


def active() -> str:
    """Return the name of the active mixture; empty where there is none."""
    return ACTIVE.resolve().stem if ACTIVE.exists() else ""


def load_mixture(name: str) -> MixtureCard:
    """Load a mixture's card by name.

    Raises:
        ConfigError: There is none of that name, or its `name` is not its file's.
    """
    path = MIXTURES / f"{name}.yaml"
    if name not in names(MIXTURES):
        what, remedy = unknown_name("mixture", name, names(MIXTURES))
        raise ConfigError(what, where=str(MIXTURES), remedy=remedy)
    card = load(MixtureCard, path)
    if card.name != name:
        raise ConfigError(f"name: is '{card.name}'", where=str(path), expected=f"'{name}'")
    return card


def link(target: Path) -> None:
    """Point the active link at `target` (relative to its folder), in one step."""
    temporary = ACTIVE.with_name(f".active.{uuid.uuid4().hex[:8]}")
    temporary.symlink_to(target)
    os.replace(temporary, ACTIVE)


def listing() -> str:
    """List the mixtures, the active one marked."""
    current = active()
    return "\n".join(f"{'*' if name == current else ' '} {name}" for name in names(MIXTURES))
