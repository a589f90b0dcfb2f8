"""`taskloom diff A B`: what differs between two mixtures, or between two revisions of one.

A and B are a mixture's name (as its card stands now), `NAME@REVISION`, or a Git revision alone, which
means the active mixture. B left out is the same mixture as it stands now; both left out compare the
last commit with what stands now. Figures are exact where a plan or tokens of just this recipe exist,
else estimates, labelled so.
"""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.commands.diff_sides import read_side
from pipeline.comparison.diff_words import json_value, told
from pipeline.comparison.files import Commit, Files, WorkingTree
from pipeline.comparison.git import commit_of
from pipeline.comparison.recipes import Side, differences
from pipeline.config.catalog import names
from pipeline.errors import ConfigError, unknown_name
from pipeline.layout import MIXTURES, NAME_PATTERN
from pipeline.project import active

_WHERE = "taskloom diff"


@dataclass(frozen=True, slots=True)
class Named:
    """A mixture at one state of the files, as a person named it."""

    title: str
    name: str
    files: Files


def main(arguments: Sequence[str]) -> None:
    """Print the differences.

    Raises:
        ConfigError: A side names no mixture and no revision, or lacks the card.
    """
    parser = argparse.ArgumentParser(prog=_WHERE, description=__doc__)
    parser.add_argument("before", nargs="?", default="HEAD", metavar="A")
    parser.add_argument("after", nargs="?", metavar="B")
    parser.add_argument("--json", action="store_true", help="for tools")
    options = parser.parse_args(arguments)
    before = named(options.before)
    after = named(before.name if options.after is None else options.after)
    a, b = sides(before, after)
    found = differences(a, b)
    if options.json:
        print(json.dumps(json_value(a, b, found), ensure_ascii=False, indent=2))
    else:
        print("\n".join(told(a, b, found)))


def sides(before: Named, after: Named) -> tuple[Side, Side]:
    """Read both sides; where only one has exact figures, both are estimated, to be of one kind."""
    a, b = (read_side(side.title, side.name, side.files) for side in (before, after))
    if a.figures is None or b.figures is None or a.figures.exact == b.figures.exact:
        return a, b
    if a.figures.exact:
        return read_side(before.title, before.name, before.files, estimate=True), b
    return a, read_side(after.title, after.name, after.files, estimate=True)


def named(text: str) -> Named:
    """Return what `NAME`, `NAME@REVISION` or `REVISION` stands for.

    Raises:
        ConfigError: There is no such mixture and no such revision.
    """
    known = names(MIXTURES)
    name, at, revision = text.partition("@")
    if not at and text in known:
        return Named(text, text, WorkingTree())
    if at and re.fullmatch(NAME_PATTERN, name) and revision:
        return Named(text, name, _commit(revision))
    commit = commit_of(text)
    if commit is not None:
        name = active()
        return Named(f"{name}@{text}", name, Commit(commit))
    what, remedy = unknown_name("mixture or Git revision", text, known)
    raise ConfigError(what, where=_WHERE, remedy=remedy)


def _commit(revision: str) -> Commit:
    commit = commit_of(revision)
    if commit is None:
        raise ConfigError(
            f"there is no Git revision '{revision}'",
            where=_WHERE,
            expected="a commit, branch or tag of this project's repository, for example HEAD~1",
        )
    return Commit(commit)
