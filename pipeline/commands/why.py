"""`taskloom why ARTEFACT`: what changed since it was built, down to the key or the file.

Compares what dvc.lock records of the run that made it, and of the runs before that, with what is there
now. What people write is compared with what the stage `resolve` would make of it now, so that an edit
is found before anything runs. Old settings come from DVC's cache. Nothing is changed, and no network is
asked.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.config.catalog import names
from pipeline.config.source import HubSource
from pipeline.errors import ArtefactError, unknown_name, visible
from pipeline.layout import MIXTURES, Layout
from pipeline.project import Project, active, read_project
from pipeline.provenance import records
from pipeline.provenance.causes import RESOLVE, Cause, Evidence, compare, find_causes, overlap
from pipeline.provenance.changes import ABSENT, Change
from pipeline.provenance.records import Record, Status, md5
from pipeline.resolution import known_revisions, resolve_project

_WHERE = "taskloom why"
_MOST_CHANGES = 12
"""Keys or files printed of one cause; the JSON has them all."""
_FILES = ("code", "raw bytes", "model files", "changed on disk")
"""Kinds whose changes are files, or modules, and not values."""


def main(arguments: Sequence[str]) -> None:
    """Say why an artefact is out of date, or that it is not.

    Raises:
        ArtefactError: There is no such artefact.
        PipelineError: A card or params.yaml is wrong, so that it is not known what would be built.
    """
    parser = argparse.ArgumentParser(prog=_WHERE, description=__doc__)
    parser.add_argument("artefact", help="a path (data/NAME/tokens), a stage, or a short name")
    parser.add_argument("--json", action="store_true", help="for tools: one JSON object a stage")
    options = parser.parse_args(arguments)
    layout = Layout(mixture_of(options.artefact))
    status = read_status(layout)
    stages = stages_of(options.artefact, layout, status)
    texts = resolved_texts(read_project(layout.name))
    evidence = Evidence(next(records.locks()), status, texts)
    for stage in stages:
        found = why(stage, layout, evidence)
        if options.json:
            print(json.dumps(json_value(options.artefact, stage, found), ensure_ascii=False))
        else:
            print("\n".join(lines(options.artefact, stage, found)))


def mixture_of(artefact: str) -> str:
    """Return the mixture whose folder a path lies in; the active one where it names none."""
    parts = PurePosixPath(artefact).parts
    inside = len(parts) > 1 and parts[0] in ("data", "models") and parts[1] in names(MIXTURES)
    return parts[1] if inside else active()


def read_status(layout: Layout) -> Status | None:
    """Return what DVC says of a mixture; None where it is not the one in use."""
    if layout.name == active():
        return records.dvc_status()
    print("note: files on disk are not checked, for the mixture is not in use", file=sys.stderr)
    return None


def resolved_texts(project: Project) -> dict[str, str]:
    """Return what `resolve` would write now, by path; hashes the raw files.

    Left out are hub tasks without a commit, for which it would ask the hub.
    """
    revisions = known_revisions(project.cards)
    tasks = [
        task
        for task, card in project.cards.items()
        if not isinstance(card.source, HubSource) or task in revisions
    ]
    files = resolve_project(project, revisions, tasks=tasks).files(project)
    return {path.as_posix(): text for path, text in files.items()}


def stages_of(artefact: str, layout: Layout, status: Status | None) -> list[str]:
    """Return the stages that make an artefact, by their name, by path, or by the end of a path.

    Args:
        artefact: As a person wrote it; `plan` means all stages `plan@...`.
        layout: Of the mixture.
        status: Names the stages that never ran; the others stand in dvc.lock.

    Raises:
        ArtefactError: Nothing is called so.
    """
    outs = {name: set(changed.outs) for name, changed in (status or {}).items()}
    for lock in records.locks():
        own = {name: set(record.outs) for name, record in lock.items() if _is_of(layout, record)}
        outs = {name: outs.get(name, set()) | own.get(name, set()) for name in outs | own}
        found = _made_by(artefact, layout, outs)
        if found:
            return found
    what, remedy = unknown_name("artefact", artefact, outs)
    raise ArtefactError(what, where=_WHERE, remedy=remedy)


def _made_by(artefact: str, layout: Layout, outs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the stages of that name; if there is none, those with such an output."""
    named = sorted(name for name in outs if artefact in (name, name.split("@")[0]))
    for path in (Path(artefact), layout.data / artefact, layout.models / artefact):
        if not named and len(path.parts) > 2:
            named = [n for n in outs if any(overlap(out, path.as_posix()) for out in outs[n])]
    return named


def _is_of(layout: Layout, record: Record) -> bool:
    """Whether a run made something of a mixture."""
    folders = f"{layout.data.as_posix()}/", f"{layout.models.as_posix()}/"
    return any(out.startswith(folders) for out in record.outs)


def why(stage: str, layout: Layout, evidence: Evidence) -> list[Cause]:
    """Return what changed since the outputs of a stage were made, by the newest run that made them."""
    if stage == RESOLVE:
        return list(stale_texts(evidence))
    for lock in records.locks():
        if stage in lock and _is_of(layout, lock[stage]):
            return find_causes(stage, lock, evidence)
    return [Cause("never built", stage, note="`dvc repro` builds it", chain=(stage,))]


def stale_texts(evidence: Evidence) -> Iterator[Cause]:
    """Yield what differs between the files that `resolve` wrote and those that it would write now."""
    for path in map(Path, evidence.texts):
        if path.exists():
            yield from compare(path.as_posix(), md5(path.read_bytes()), evidence.texts)
        else:
            yield Cause("missing", path.as_posix(), note="`dvc repro` brings it back")


def lines(artefact: str, stage: str, causes: Sequence[Cause]) -> Iterator[str]:
    """Yield the lines that a person reads.

    Args:
        artefact: What was asked about.
        stage: Which makes it.
        causes: What changed; nothing where it is up to date.
    """
    if not causes:
        yield f"{artefact} (stage {stage}): up to date"
        yield "  nothing that it depends on has changed since it was built"
        return
    if causes[0].kind == "never built":
        yield f"{artefact} (stage {stage}): never built; {causes[0].note}"
        return
    things = "one thing has" if len(causes) == 1 else f"{len(causes)} things have"
    yield f"{artefact} (stage {stage}): out of date, {things} changed since it was built"
    for cause in causes:
        yield visible(f"  {cause.kind}: {cause.what}{f' ({cause.note})' if cause.note else ''}")
        for change in cause.changes[:_MOST_CHANGES]:
            yield visible(f"    {_file(change) if cause.kind in _FILES else change}")
        if len(cause.changes) > _MOST_CHANGES:
            yield f"    and {len(cause.changes) - _MOST_CHANGES} more"
        if len(cause.chain) > 1:
            yield f"    reaches it through {' -> '.join(cause.chain)}"


def _file(change: Change) -> str:
    """Word one file or module; its hashes say nothing to a person."""
    key = change.key.removeprefix("files.").removeprefix("code.")
    if change.before is ABSENT:
        return f"{key} is new"
    return f"{key} is gone" if change.after is ABSENT else f"{key} was edited"


def json_value(artefact: str, stage: str, causes: Sequence[Cause]) -> dict[str, Any]:
    """Return the same as plain values."""
    found = [asdict(cause) | {"changes": [c.json() for c in cause.changes]} for cause in causes]
    return {"artefact": artefact, "stage": stage, "up_to_date": not causes, "causes": found}
