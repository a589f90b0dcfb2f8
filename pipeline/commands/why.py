"""`taskloom why ARTEFACT`: what changed since it was built, down to the key or the file.

Holds what dvc.lock records of the run that made it, and of every run before that, against what is
there now. What people write is held against what `resolve` would make of it now, so that an edit is
found before anything runs. Old settings come from DVC's cache, old code from Git; where they are gone,
it says so. Changes nothing and asks no network.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.comparison.causes import Cause, Kind, causes, lost, makers_of
from pipeline.comparison.changes import Change
from pipeline.comparison.digests import ignore_lines
from pipeline.comparison.dvc_files import Record, Stage, records, stages
from pipeline.comparison.evidence import Evidence
from pipeline.comparison.why_words import json_value, told
from pipeline.config.catalog import names
from pipeline.config.load import read_yaml
from pipeline.config.params import Params
from pipeline.config.source import HubSource
from pipeline.contract.files import read_json
from pipeline.errors import ArtefactError, unknown_name
from pipeline.layout import COMPASS, MIXTURES, PARAMS, WALK, Layout
from pipeline.mixing.order import NEWEST
from pipeline.project import Project, active, read_project
from pipeline.resolution import known_revisions, resolve_project

LOCK = Path("dvc.lock")
IGNORE = Path(".dvcignore")
RESOLVE = "resolve"
MIXING = "pipeline/mixing"
"""Code that makes orders, as dvc.yaml names it."""

_PARAMETERS = ("seed", "max_tokens", "data_dir", *Params.model_fields)
"""First parts of the keys of settings that come from params.yaml."""


def main(arguments: Sequence[str]) -> None:
    """Say why an artefact is out of date, or that it is not.

    Raises:
        ArtefactError: There is no such artefact, or it was never built.
        PipelineError: A card or params.yaml is wrong, so that nobody can say what would be built.
    """
    parser = argparse.ArgumentParser(prog="taskloom why", description=__doc__)
    parser.add_argument("artefact", help="a path (data/NAME/tokens), a stage, or a short name")
    parser.add_argument("--json", action="store_true", help="for tools: one JSON object a stage")
    options = parser.parse_args(arguments)
    name = mixture_of(options.artefact)
    recipe = read_project(name)
    values = read_yaml(PARAMS) | read_yaml(MIXTURES / f"{name}.yaml")
    known = stages(read_yaml(WALK), values)
    asked = stages_of(options.artefact, known, Layout(name))
    evidence = read_evidence(recipe)
    for stage in asked:
        found = why(stage, known, evidence)
        found = order_version(recipe, found) + found
        if options.json:
            print(json.dumps(json_value(options.artefact, stage, found), ensure_ascii=False))
        else:
            print("\n".join(told(options.artefact, stage, found)))


def mixture_of(artefact: str) -> str:
    """Return the mixture whose folder a path lies in; the active one where it names none."""
    parts = PurePosixPath(artefact).parts
    inside = len(parts) > 1 and parts[0] in ("data", "models") and parts[1] in names(MIXTURES)
    return parts[1] if inside else active()


def stages_of(artefact: str, known: Mapping[str, Stage], layout: Layout) -> list[str]:
    """Return the stages that make an artefact: by their own name, by path, or by a short name.

    Args:
        artefact: As a person wrote it.
        known: All stages.
        layout: Of the mixture.

    Raises:
        ArtefactError: Nothing is called so, or things of several stages are.
    """
    if artefact in known:
        return [artefact]
    path = PurePosixPath(artefact)
    data, models = layout.data.as_posix(), layout.model("x").parent.as_posix()
    for candidate in (path.as_posix(), f"{data}/{artefact}", f"{models}/{artefact}"):
        found = makers_of(candidate, known) if len(PurePosixPath(candidate).parts) > 2 else []
        if found:
            return found
    ends = sorted(
        name for name, stage in known.items() for out in stage.outs if _is_called(out, path.name)
    )
    if len(ends) == 1:
        return ends
    if ends:
        raise ArtefactError(
            f"'{artefact}' is made by several stages",
            where="taskloom why",
            remedy=f"name one of them: {', '.join(ends)}",
        )
    what, remedy = unknown_name("artefact", artefact, known)
    raise ArtefactError(what, where="taskloom why", remedy=remedy)


def _is_called(out: str, name: str) -> bool:
    """Whether an output, or a file in it, has this name."""
    path = Path(out)
    return name in (path.name, path.stem) or (path / name).exists()


def why(stage: str, known: Mapping[str, Stage], evidence: Evidence) -> list[Cause]:
    """Return what changed since the present outputs of a stage were made.

    Raises:
        ArtefactError: There is no record of a run that made them.
    """
    if stage == RESOLVE:
        return evidence.stale_settings()
    record = _record_of(stage, known[stage], evidence)
    own = [replace(cause, chain=(stage,)) for cause in lost(record, evidence)]
    return own + causes(stage, known, record, evidence)


def order_version(recipe: Project, found: Sequence[Cause]) -> list[Cause]:
    """Return that the code names another version of the order, where that is among the causes."""
    code = [cause for cause in found if (cause.kind, cause.what) == ("code", MIXING)]
    path = recipe.layout.plan(COMPASS)
    if not code or not path.exists():
        return []
    there, now = read_json(path).get("order"), NEWEST[recipe.card.sampling.order]
    if there in (None, now):
        return []
    change = Change("order", there, now)
    return [Cause("order algorithm", path.as_posix(), (change,), chain=code[0].chain)]


def _record_of(stage: str, entry: Stage, evidence: Evidence) -> Record:
    """Return the record of the run that made what is there, else of the last run."""
    last = evidence.record(stage)
    if last is not None and set(last.outs) == set(entry.outs):
        return last
    for out in entry.outs:
        digest = evidence.present(out)
        found = evidence.maker(stage, out, digest) if digest else None
        if found is not None:
            return found
    raise ArtefactError(
        f"dvc.lock records no run of stage '{stage}' that made it",
        where=", ".join(entry.outs),
        remedy="run `dvc repro` (after `taskloom use NAME`, where it is another mixture's)",
    )


def read_evidence(recipe: Project) -> Evidence:
    """Read what is recorded, and what `resolve` would write now; hashes the raw files."""
    layout = recipe.layout
    return Evidence(
        lock=records(read_yaml(LOCK)) if LOCK.exists() else {},
        resolved=resolved_texts(recipe),
        resolved_folders=tuple(
            path.parent.as_posix() for path in (layout.settings("x"), layout.source("x"))
        ),
        ignore=ignore_lines(IGNORE.read_text("utf-8")) if IGNORE.exists() else (),
        kind_of=kind_of,
        code_of=lambda path, files: "",
        code_paths=(),
    )


def resolved_texts(recipe: Project) -> dict[str, str]:
    """Return what `resolve` would write now, by path.

    Left out are hub tasks without a commit, for which it would ask the hub.
    """
    revisions = known_revisions(recipe.cards)
    tasks = [
        task
        for task, card in recipe.cards.items()
        if not isinstance(card.source, HubSource) or task in revisions
    ]
    files = resolve_project(recipe, revisions, tasks=tasks).files(recipe)
    return {path.as_posix(): text for path, text in files.items()}


def kind_of(path: str, key: str) -> Kind:
    """Return the kind of cause that a changed key of a resolved file is."""
    top = key.split(".")[0]
    if PurePosixPath(path).parent.name == "sources":
        by_key: dict[str, Kind] = {
            "card": "task card", "files": "raw bytes", "code": "code", "revision": "hub commit",
        }  # fmt: skip
        return by_key.get(top, "parameter")
    if top == "model_sha256":
        return "tokenizer files"
    if top == "prompts":
        return "prompts"
    if top in ("families", "licences", "prefixes"):
        return "task card"
    if {"order", "algorithm"} & set(key.split(".")):
        return "order algorithm"
    return "parameter" if top in _PARAMETERS else "mixture card"
