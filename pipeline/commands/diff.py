"""`taskloom diff A B`: what differs between two mixtures, or between two revisions of one.

A and B are each the name of a mixture (its card as it is now), `NAME@REVISION`, or a Git revision, which
means the active mixture. Without B, A is compared with the same mixture as it is now; without both, the
last commit is compared with the files as they are now. Figures are exact where tokens or a plan of just
this mixture exist. Otherwise they are estimates, and labelled so.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.catalog import names
from pipeline.config.load import read_yaml
from pipeline.config.recipe import recipe
from pipeline.errors import ConfigError, PipelineError, unknown_name, visible
from pipeline.layout import CARDS, COMPASS, MIXTURES, NAME_PATTERN, PARAMS
from pipeline.mixing.plan import from_json
from pipeline.planning import (
    UPSTREAM,
    estimated_plan,
    guesses,
    is_built_from,
    plan_exactly,
    tokens_are_current,
    unknown_sizes,
)
from pipeline.project import Project, active, read_project
from pipeline.provenance.changes import flat
from pipeline.provenance.git import commit_of, extract
from pipeline.provenance.recipe_lines import json_value, lines
from pipeline.provenance.recipes import Figures, Side, differences
from pipeline.provenance.records import (
    FOLDER,
    LOCK,
    parse_lock,
    recorded_content,
    recorded_files,
)
from pipeline.resolution import known_revisions

_WHERE = "taskloom diff"
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """A mixture at one state of the files, as a person named it."""

    title: str
    name: str
    commit: str | None = None
    """None = the files as they stand now."""


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
        print(visible("\n".join(lines(a, b, found))))


def named(text: str) -> Named:
    """Return what `NAME`, `NAME@REVISION` or `REVISION` means.

    Raises:
        ConfigError: There is no such mixture and no such revision.
    """
    known = names(MIXTURES)
    if text in known:
        return Named(text, text)
    name, at, revision = text.partition("@")
    if at and re.fullmatch(NAME_PATTERN, name) and revision:
        commit = commit_of(revision)
        if commit is None:
            raise ConfigError(
                f"there is no Git revision '{revision}'",
                where=_WHERE,
                expected="a commit, branch or tag of this project's repository, for example HEAD~1",
            )
        return Named(text, name, commit)
    commit = commit_of(text)
    if commit is not None:
        return Named(f"{active()}@{text}", active(), commit)
    what, remedy = unknown_name("mixture or Git revision", text, known)
    raise ConfigError(what, where=_WHERE, remedy=remedy)


@dataclass(frozen=True, slots=True)
class State:
    """The files of one side, read."""

    named: Named
    root: Path
    """Folder with the files."""
    project: Project | None
    """None where something is wrong in them."""
    notes: list[str] = field(default_factory=list)
    """What could not be read or compared."""


def sides(before: Named, after: Named) -> tuple[Side, Side]:
    """Read both sides, in the same way.

    Both are compared as they were written where one cannot be read in full, and by estimates where
    only one has exact figures.
    """
    with tempfile.TemporaryDirectory(prefix="taskloom-") as folder:
        states = [read_state(one, Path(folder, str(i))) for i, one in enumerate((before, after))]
        figures = [figures_of(state) for state in states]
        if {found and found.exact for found in figures} == {True, False}:
            figures = [
                figures_of(state, estimate=True) if found and found.exact else found
                for state, found in zip(states, figures, strict=True)
            ]
        as_written = any(state.project is None for state in states)
        a, b = (
            Side(
                title=state.named.title,
                figures=found,
                notes=tuple(dict.fromkeys(state.notes)),
                **values(state, as_written=as_written),
            )
            for state, found in zip(states, figures, strict=True)
        )
        return a, b


def read_state(named: Named, folder: Path) -> State:
    """Read one side.

    Args:
        named: The mixture, and the commit, if it is one.
        folder: Where a commit's files are laid out.

    Raises:
        ConfigError: There is no card of that mixture.
    """
    root = Path()
    if named.commit is not None:
        root = folder
        extract(named.commit, [str(MIXTURES), str(PARAMS), LOCK], root)
    known = names(root / MIXTURES) if (root / MIXTURES).is_dir() else []
    if named.name not in known:
        what, remedy = unknown_name("mixture", named.name, known)
        raise ConfigError(what, where=named.title, remedy=remedy)
    try:
        return State(named, root, read_project(named.name, root=root))
    except ConfigError as error:
        first = str(error).splitlines()[0].replace(f"{root}/", "")
        note = f"compared as it is written, since this version refuses it: {first}"
        return State(named, root, None, [note])


def values(state: State, *, as_written: bool) -> Values:
    """Return `mixture`, `cards` and `params` of a `Side`.

    Args:
        state: The files.
        as_written: Whether defaults stay away, and what is missing is left out.
    """
    root, project = state.root, state.project
    if project is None or as_written:
        mixture = read_yaml(root / MIXTURES / f"{state.named.name}.yaml")
        paths = {task: root / CARDS / f"{task}.yaml" for task in mixture.get("tasks") or {}}
        cards = {task: read_yaml(path) for task, path in paths.items() if path.exists()}
        params = read_yaml(root / PARAMS) if (root / PARAMS).exists() else {}
        both = flat(params) | flat(mixture.get("params") or {})
        return {"mixture": mixture, "cards": cards, "params": both}
    mixture = project.card.model_dump(mode="json")
    mixture["tasks"] = {
        task: entry.model_dump(mode="json", exclude_defaults=True)
        for task, entry in project.card.tasks.items()
    }
    revisions = known_revisions(project.cards, root=root)
    cards = {task: card.model_dump(mode="json") for task, card in project.cards.items()}
    for task, commit in revisions.items():
        cards[task]["source"]["revision"] = commit
    return {"mixture": mixture, "cards": cards, "params": project.params.model_dump(mode="json")}


def figures_of(state: State, *, estimate: bool = False) -> Figures | None:
    """Return what comes of a mixture: exact where its tokens or its plan exist, otherwise an estimate.

    None where sizes are unknown, or the mixture cannot be drawn; a note then says so.

    Args:
        state: The side.
        estimate: Whether figures are estimated even where exact ones are to be had.
    """
    project = state.project
    if project is None:
        return None
    try:
        if not estimate and tokens_are_current(project):
            plan, note = plan_exactly(project), "from the tokens that exist"
            return Figures(exact=True, note=note, plan=plan)
        recorded = None if estimate else _recorded_plan(state, project)
        return recorded or _estimate(state, project, beside_another=estimate)
    except PipelineError as error:
        state.notes.append(error.what)
        return None


def _estimate(state: State, project: Project, *, beside_another: bool) -> Figures | None:
    known = guesses(project)
    unknown = unknown_sizes(project, known)
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        state.notes.append(f"the size of {', '.join(unknown[:3])}{more} is unknown")
        return None
    note = "its tokens do not exist or are out of date"
    if beside_another:
        note = "to compare it with the other side, of which nothing exact is known"
    return Figures(exact=False, note=note, plan=estimated_plan(project, known))


def _recorded_plan(state: State, project: Project) -> Figures | None:
    """Return the plan that a commit's dvc.lock records, where it was made from the commit's recipe."""
    lock = state.root / LOCK
    if state.named.commit is None or not lock.exists():
        return None
    layout = project.layout
    digests: dict[str, str] = {}
    for record in parse_lock(lock.read_text("utf-8")).values():
        for path, digest in {**record.deps, **record.outs}.items():
            if digest[-4:] != FOLDER or path == layout.recipe("all").parent.as_posix():
                digests |= recorded_files(path, digest) or {}

    def recorded(path: Path) -> Any:
        content = recorded_content(path.as_posix(), digests.get(path.as_posix(), ""))
        return None if content is None else json.loads(content)

    plan = recorded(layout.plan(COMPASS))
    same = recorded(layout.recipe("all")) == recipe(project.card)
    if (
        plan is None
        or not same
        or not is_built_from(project, recorded, (*UPSTREAM, f"plan/{COMPASS}"))
    ):
        return None
    note = "the plan that its dvc.lock records"
    return Figures(exact=True, note=note, plan=from_json(plan, where=str(layout.plan(COMPASS))))
