"""`taskloom use NAME`: switch the active mixture.

Which one is active stands in dvc.yaml, under `vars:`: DVC reads that in every revision, which it cannot
do through a link.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.config.catalog import names
from pipeline.config.load import load, read_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.contract.files import whole_file
from pipeline.errors import ConfigError, unknown_name
from pipeline.layout import MIXTURES, WALK


def main(arguments: Sequence[str]) -> None:
    """Check the mixture's card and make dvc.yaml name it."""
    parser = argparse.ArgumentParser(prog="taskloom use", description=__doc__)
    parser.add_argument("name", nargs="?", help="a mixture; left out, lists them")
    name = parser.parse_args(arguments).name
    if name is None:
        print(listing())
        return
    card = load_mixture(name)
    if active() != name:
        switch(name)
    print(f"active mixture: {name} ({len(card.tasks)} tasks). Next: dvc repro")


def active() -> str:
    """Return the name of the active mixture, which the `vars:` of dvc.yaml name.

    Raises:
        ConfigError: dvc.yaml is missing or names no mixture card.
    """
    files = read_yaml(WALK).get("vars") or [""]
    path = Path(str(files[0]))
    if path.parent != MIXTURES or path.suffix != ".yaml":
        raise ConfigError(
            f"vars: names '{files[0]}' first", where=str(WALK), expected="mixtures/NAME.yaml"
        )
    return path.stem


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


def switch(name: str) -> None:
    """Make the first of the `vars:` in dvc.yaml the card of `name`; the rest stays as it is."""
    text = WALK.read_text(encoding="utf-8")
    current = f"- {MIXTURES / active()}.yaml"
    with whole_file(WALK) as temporary:
        temporary.write_text(text.replace(current, f"- {MIXTURES / name}.yaml", 1), "utf-8")


def listing() -> str:
    """List the mixtures, the active one marked."""
    current = active()
    return "\n".join(f"{'*' if name == current else ' '} {name}" for name in names(MIXTURES))
