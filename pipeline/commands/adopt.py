"""`taskloom adopt`: copy the tailored mixture of the active one into `mixtures/`, to be edited."""

import argparse
from collections.abc import Sequence

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.contract.files import require, whole_file
from pipeline.errors import ConfigError
from pipeline.layout import MIXTURES, TAILORED, Layout
from pipeline.project import active


def main(arguments: Sequence[str]) -> None:
    """Copy the card under its own name.

    Raises:
        ConfigError: A mixture of that name exists and `--force` was not given.
    """
    parser = argparse.ArgumentParser(prog="taskloom adopt", description=__doc__)
    parser.add_argument("--force", action="store_true", help="replace a mixture of that name")
    options = parser.parse_args(arguments)
    source = Layout(active()).recipe(TAILORED)
    require(source)
    card = load(MixtureCard, source)
    target = MIXTURES / f"{card.name}.yaml"
    if target.exists() and not options.force:
        raise ConfigError("exists already", where=str(target), remedy="give --force to replace it")
    with whole_file(target) as temporary:
        temporary.write_bytes(source.read_bytes())
    print(f"wrote {target}. Next: taskloom use {card.name}")
