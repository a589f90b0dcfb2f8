"""Stage `resolve`: all that people write, checked and split into what each stage needs.

Reads:   mixtures/NAME.yaml, mixtures/tasks/, mixtures/prompts/, mixtures/revisions.lock, params.yaml,
         `data_dir`, `prompts_dir`
Writes:  data/NAME/settings/<stage>.json and data/NAME/sources/<task>.json, and into
         mixtures/revisions.lock the commit of each hub card that names none. Removes the examples
         of tasks that left the mixture, so that no later stage can see them.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from pipeline.config.catalog import check_view, load_tasks
from pipeline.config.load import load, read_yaml, write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.recipe import merged, overridden, settings
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings import TaskPrompts
from pipeline.config.settings_file import Settings
from pipeline.config.source import HubSource
from pipeline.config.task_card import TaskCard
from pipeline.config.task_prompts import load_task_prompts
from pipeline.contract.files import sha256
from pipeline.errors import ConfigError
from pipeline.layout import CARDS, MIXTURES, PARAMS, PROMPTS, REVISIONS, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.sources.dispatch import source_files
from pipeline.sources.package import package_folder

NORMALIZE_CODE = (
    "pipeline/config/__init__.py",
    "pipeline/config/forms",
    "pipeline/config/load.py",
    "pipeline/config/resolved.py",
    "pipeline/config/safe_yaml.py",
    "pipeline/config/settings_file.py",
    "pipeline/config/source.py",
    "pipeline/config/strict.py",
    "pipeline/config/task_card.py",
    "pipeline/errors.py",
    "pipeline/normalize",
    "pipeline/schema.py",
    "pipeline/seeds.py",
    "pipeline/sources",
    "pipeline/stages/__init__.py",
    "pipeline/layout.py",
    "pipeline/stages/normalize.py",
    "pipeline/publish.py",
    "pipeline/contract",
    "pipeline/tables.py",
    "pipeline/templates/__init__.py",
    "pipeline/templates/draws.py",
    "pipeline/templates/forms.py",
    "pipeline/templates/paths.py",
    "pipeline/templates/texts.py",
    "pipeline/templates/vector/__init__.py",
    "pipeline/templates/vector/basics.py",
    "pipeline/templates/vector/builder.py",
    "pipeline/templates/vector/kernels.py",
    "pipeline/templates/vector/program.py",
    "pipeline/templates/vector/shapes.py",
    "pipeline/templates/vector/values.py",
)
"""The import closure of the stage `normalize`; a test compares it with the real one."""

SUITE_CODE = "pipeline/sources/suite"
"""The part of it that only tasks of the embedded suite depend on."""


def main(arguments: Sequence[str]) -> None:
    """Resolve the active mixture, whose name DVC passes."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "resolve"):
        path = MIXTURES / f"{name}.yaml"
        card, where = load(MixtureCard, path), str(path)
        if card.name != name:
            raise ConfigError(f"name: is '{card.name}'", where=where, expected=f"'{name}'")
        written = load(Params, PARAMS)
        params = merged(written, card.params, where=where)
        for line in overridden(written, card.params):
            print(f"mixture '{name}' sets {line}")
        cards = load_tasks(CARDS, card.tasks, where=where)
        check_view(card, cards, where=where)
        told = load_task_prompts(card, params, PROMPTS, where=where)
        sources = resolved_sources(name, cards, params)
        parts = settings(
            card,
            cards,
            params,
            model_sha256=model_hash(params.model.source),
            prompts=with_sources(told, sources),
        )
        _publish(layout, parts, sources)


def resolved_sources(
    name: str, cards: Mapping[str, TaskCard], params: Params
) -> dict[str, NormalizeSource]:
    """Pin down every card's files or commit; resolve and record commits that are not pinned yet."""
    code = code_hash(NORMALIZE_CODE, without=SUITE_CODE)
    suite_code = code_hash(NORMALIZE_CODE)
    data_dir = Path(params.data_dir)
    revisions = resolved_revisions(cards)
    sources = {}
    # A setting that a source does not use stays out of its file: it would re-run the task.
    for task, card in tqdm(sorted(cards.items()), desc="hash sources", delay=2, leave=False):
        files = source_files(card, data_dir=data_dir)
        sources[task] = NormalizeSource(
            name=name,
            seed=params.seed if card.source.kind == "suite" else 0,
            card=card,
            data_dir=params.data_dir if card.source.kind == "files" else "",
            files={relative: sha256(path) for relative, path in sorted(files.items())},
            revision=revisions.get(task),
            code=suite_code if card.source.kind == "suite" else code,
        )
    return sources


def with_sources(
    prompts: Mapping[str, TaskPrompts], sources: Mapping[str, NormalizeSource]
) -> dict[str, TaskPrompts]:
    """Return the prompts of each task with the hash of its resolved source, where one sees records.

    A task without a resolved source has no hash.
    """
    result = {}
    for task, entry in prompts.items():
        if task in sources and any(prompt.sees == "record" for prompt in entry.prompts):
            digest = hashlib.sha256(written(sources[task]).encode()).hexdigest()
            entry = entry.model_copy(update={"source_sha256": digest})
        result[task] = entry
    return result


def written(model: Settings) -> str:
    """Return what a file of settings holds."""
    return model.model_dump_json(indent=2) + "\n"


def resolved_revisions(cards: Mapping[str, TaskCard]) -> dict[str, str]:
    """Return the commit of every hub card: its own, the recorded one, or today's, now recorded."""
    from pipeline.sources.hub import resolve_revision

    recorded = read_yaml(REVISIONS) if REVISIONS.exists() else {}
    known: dict[str, str] = dict(recorded.get("revisions") or {})
    result = {}
    for task, card in sorted(cards.items()):
        if not isinstance(card.source, HubSource):
            continue
        commit = card.source.revision or known.get(card.source.id)
        if commit is None:
            commit = known[card.source.id] = resolve_revision(card.source)
        result[task] = commit
    if known != (recorded.get("revisions") or {}):
        comment = (
            "Commits of hub datasets whose cards name none. Delete a line to take a newer one."
        )
        write_yaml({"revisions": dict(sorted(known.items()))}, REVISIONS, comment=comment)
    return result


def code_hash(paths: Sequence[str], *, without: str = "") -> str:
    """Return one SHA-256 over the names and bytes of all files at and below `paths`.

    Args:
        paths: Files and folders.
        without: A folder below them that does not count.
    """
    digest = hashlib.sha256()
    for path in paths:
        root = Path(path)
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for file in files:
            counts = file.is_file() and "__pycache__" not in file.parts
            if counts and not (without and file.is_relative_to(without)):
                digest.update(f"{file.as_posix()} {sha256(file)}\n".encode())
    return digest.hexdigest()


def model_hash(source: str) -> str | None:
    """Return the SHA-256 of a local or packaged model's tokenizer; None for `small` and the hub."""
    if source.startswith("package:"):
        package, _, folder = source.removeprefix("package:").partition("/")
        path = package_folder(package, folder)
    elif source.startswith((".", "/")):
        path = Path(source)
    else:
        return None
    tokenizer = path / "tokenizer.json"
    if not tokenizer.exists():
        raise ConfigError(
            f"model.source: '{source}' has no tokenizer.json",
            where=str(PARAMS),
            expected="a folder as `save_pretrained` writes it",
        )
    return sha256(tokenizer)


def _publish(
    layout: Layout, parts: Mapping[str, Settings], sources: Mapping[str, NormalizeSource]
) -> None:
    for folder, models in (("settings", parts), ("sources", sources)):
        with new_folder(layout.data / folder) as temporary:
            for name, model in sorted(models.items()):
                (temporary / f"{name}.json").write_text(written(model), encoding="utf-8")
    examples = layout.examples("")
    for stale in sorted(examples.glob("*")) if examples.is_dir() else []:
        if stale.name not in sources and stale.is_dir():
            shutil.rmtree(stale)
