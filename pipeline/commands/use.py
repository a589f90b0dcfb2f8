"""`taskloom use NAME`: switch the active mixture.

The first two entries of `vars:` in dvc.yaml say which one it is: its name, and its card, from which DVC
takes the names of tasks and trainings. The name is written here, after it was checked, and not taken
from the card, since DVC makes paths of it before anything else runs.
"""

import argparse
import re
from collections.abc import Sequence

from pipeline.config.catalog import names
from pipeline.contract.files import whole_file
from pipeline.errors import ConfigError
from pipeline.layout import MIXTURES, WALK, check_name
from pipeline.project import active, load_mixture

_VARS = re.compile(r"  - name: .*\n  - mixtures/.*\n")
_VARS_OF = "  - name: {name}\n  - mixtures/{name}.yaml:tasks,trainings\n"


def main(arguments: Sequence[str]) -> None:
    """Check the mixture's card and make dvc.yaml name it."""
    parser = argparse.ArgumentParser(prog="taskloom use", description=__doc__)
    parser.add_argument("name", nargs="?", help="a mixture; left out, lists them")
    name = parser.parse_args(arguments).name
    if name is None:
        print(listing())
        return
    card = load_mixture(check_name("mixture", name))
    switch(name)
    print(f"active mixture: {name} ({len(card.tasks)} tasks). Next: dvc repro")


def switch(name: str) -> None:
    """Make dvc.yaml name a mixture and its card; all else in it stays as it is.

    Raises:
        ConfigError: dvc.yaml does not begin its `vars:` as taskloom writes them.
    """
    text = WALK.read_text(encoding="utf-8")
    changed, count = _VARS.subn(_VARS_OF.format(name=name), text, count=1)
    if not count:
        raise ConfigError(
            "vars: do not begin as `taskloom use` writes them",
            where=str(WALK),
            expected=_VARS_OF.format(name="NAME"),
        )
    with whole_file(WALK) as temporary:
        temporary.write_text(changed, "utf-8")


def listing() -> str:
    """List the mixtures, the active one marked."""
    current = active()
    return "\n".join(f"{'*' if name == current else ' '} {name}" for name in names(MIXTURES))
