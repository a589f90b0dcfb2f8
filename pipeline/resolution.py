"""What `resolve` writes of a project: each stage's settings, each task's source, with their code.

The stage `resolve` writes it; `taskloom why` and `plan` hold it against what is there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.base_model import TOKENIZER, file_hashes, local_folder
from pipeline.code_identity import code_of
from pipeline.config.load import read_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.recipe import recipe
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings import PlanSettings, RelateSettings, TaskPrompts
from pipeline.config.settings_file import Settings
from pipeline.config.source import HubSource
from pipeline.config.strategies.registry import STRATEGIES
from pipeline.config.task_card import TaskCard
from pipeline.contract.files import sha256
from pipeline.layout import REVISIONS
from pipeline.project import Project
from pipeline.relationships.rules import scorer_modules
from pipeline.sources.dispatch import source_files
from pipeline.tailoring.extend import STRATEGY

TRAINER = "pipeline.training.__main__"
"""What the stage `train` starts as a process of its own, which no import shows."""
NORMALIZE = "pipeline.stages.normalize"
OF_KIND = {"suite": "pipeline.sources.suite", "hub": "pipeline.sources.hub"}
"""Code that only tasks of one kind of source depend on."""
CHECKED = "The stage `resolve` has checked every name in the cards.\n"


@dataclass(frozen=True, slots=True)
class Resolved:
    """All files that `resolve` writes.

    Attributes:
        settings: Of each stage, by its name; of trainings `train/<training>`.
        sources: Of each task, by its name.
        recipe: Tasks and proportions of the whole mixture.
        base: Which model trainings start from, with the hashes of its files.
    """

    settings: Mapping[str, Settings]
    sources: Mapping[str, NormalizeSource]
    recipe: Mapping[str, Any]
    base: Mapping[str, Any]

    def files(self, project: Project) -> dict[Path, str]:
        """Return the text of every file, by its path."""
        layout = project.layout
        models: dict[Path, Settings] = {
            layout.settings(stage): model for stage, model in self.settings.items()
        }
        models |= {layout.source(task): model for task, model in self.sources.items()}
        texts = {path: settings_text(model) for path, model in models.items()}
        texts[layout.recipe("all")] = _json_text(self.recipe)
        texts[layout.base] = _json_text(self.base)
        texts[layout.checked] = CHECKED
        return texts


def resolve_project(
    project: Project, revisions: Mapping[str, str], *, tasks: Iterable[str] | None = None
) -> Resolved:
    """Return what `resolve` would write of a project now.

    Args:
        project: Read and checked.
        revisions: Commit of each hub task, by its name.
        tasks: Tasks whose sources are resolved; left out, all.

    Raises:
        SourceError: Raw files are missing.
        ConfigError: A local model has no tokenizer.
    """
    wanted = sorted(project.cards if tasks is None else tasks)
    sources = resolve_sources(project, wanted, revisions)
    base = base_model(project)
    settings = project.settings(
        model_sha256=base["files"].get(TOKENIZER),
        prompts=prompts_with_sources(project.prompts, sources),
    )
    return Resolved(
        {name: _with_code(name, model, project.card) for name, model in settings.items()},
        sources,
        recipe(project.card),
        base,
    )


def _with_code(name: str, model: Settings, card: MixtureCard) -> Settings:
    stage, _, training = name.partition("/")
    roots = [f"pipeline.stages.{stage}"]
    if stage == "train":
        roots.append(TRAINER)
    if isinstance(model, RelateSettings):
        roots += scorer_modules(model.relate.scorers)
    if isinstance(model, PlanSettings):
        tailored = card.trainings[training].recipe == "tailored"
        strategies = {STRATEGY} if tailored else card.strategies()
        roots += sorted(type(STRATEGIES[name]).__module__ for name in strategies)
    return model.model_copy(update={"code": code_of(roots)})


def resolve_sources(
    project: Project, tasks: Iterable[str], revisions: Mapping[str, str]
) -> dict[str, NormalizeSource]:
    """Return each task's card with the hashes of its raw files, its commit and its code."""
    params = project.params
    data_dir = Path(params.data_dir)
    result = {}
    # A setting that a source does not use stays out of its file: it would re-run the task.
    for task in tqdm(list(tasks), desc="hash sources", delay=2, leave=False):
        card = project.cards[task]
        suite = card.source.kind == "suite"
        result[task] = NormalizeSource(
            name=project.card.name,
            seed=params.seed if suite else 0,
            card=used(card),
            data_dir=params.data_dir if card.source.kind == "files" else "",
            files={
                relative: sha256(path)
                for relative, path in sorted(source_files(card, data_dir=data_dir).items())
            },
            revision=revisions.get(task),
            code=normalize_code(card),
        )
    return result


def used(card: TaskCard) -> TaskCard:
    """Return a card without the words that no stage reads, so that an edit of them runs nothing."""
    return card.model_copy(update={"description": "", "note": "", "verified": True})


def normalize_code(card: TaskCard) -> dict[str, str]:
    """Return the code that a task's examples depend on: of its form and its kind of source alone."""
    form = card.fields.form
    others = tuple(module for kind, module in OF_KIND.items() if kind != card.source.kind)
    roots = [NORMALIZE, f"pipeline.normalize.{form}", f"pipeline.config.forms.{form}"]
    return code_of(roots, without=others)


def prompts_with_sources(
    prompts: Mapping[str, TaskPrompts], sources: Mapping[str, NormalizeSource]
) -> dict[str, TaskPrompts]:
    """Return the prompts of each task with the hash of its resolved source, where one sees records.

    A task without a resolved source has no hash.
    """
    result = {}
    for task, entry in prompts.items():
        if task in sources and any(prompt.sees == "record" for prompt in entry.prompts):
            digest = hashlib.sha256(settings_text(sources[task]).encode()).hexdigest()
            entry = entry.model_copy(update={"source_sha256": digest})
        result[task] = entry
    return result


def base_model(project: Project) -> dict[str, Any]:
    """Return which model trainings start from: its source, commit, and the hashes of local files."""
    model = project.params.model
    folder = local_folder(model.source)
    return {
        "source": model.source,
        "revision": model.revision,
        "files": {} if folder is None else file_hashes(folder),
    }


def recorded_revisions(root: Path = Path()) -> dict[str, str]:
    """Return the commits of hub datasets that mixtures/revisions.lock records, by their id."""
    path = root / REVISIONS
    recorded = read_yaml(path) if path.exists() else {}
    return dict(recorded.get("revisions") or {})


def known_revisions(cards: Mapping[str, TaskCard], *, root: Path = Path()) -> dict[str, str]:
    """Return the commit of every hub task of which a card or the lock names one; asks no hub."""
    recorded = recorded_revisions(root)
    commits = {
        task: card.source.revision or recorded.get(card.source.id)
        for task, card in cards.items()
        if isinstance(card.source, HubSource)
    }
    return {task: commit for task, commit in commits.items() if commit is not None}


def settings_text(model: Settings) -> str:
    """Return what a file of settings holds."""
    return model.model_dump_json(indent=2) + "\n"


def _json_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
