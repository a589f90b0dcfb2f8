"""One side of `taskloom diff`: a mixture's recipe at one state of its files, and what comes of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from pipeline.commands.plan import estimated_plan, guess, tokens_are_current
from pipeline.comparison import git
from pipeline.comparison.digests import file_md5, listing_md5, md5
from pipeline.comparison.dvc_files import cache_folder, cached, records
from pipeline.comparison.files import Commit, Files
from pipeline.comparison.recipes import Figures, Side, TaskFigures
from pipeline.config.load import check, parse_yaml
from pipeline.config.mixture_card import MixtureCard, MixtureTask
from pipeline.config.params import Params
from pipeline.config.recipe import merged
from pipeline.config.settings import TaskPrompts
from pipeline.config.source import HubSource
from pipeline.config.task_card import TaskCard
from pipeline.config.task_prompts import load_task_prompts
from pipeline.errors import ConfigError, PipelineError, unknown_name
from pipeline.layout import CARDS, MIXTURES, PARAMS, PROMPTS, REVISIONS
from pipeline.mixing.corpus import read_corpus
from pipeline.project import Project

LOCK = "dvc.lock"

Model = TypeVar("Model", bound=BaseModel)
Values = dict[str, Any]


@dataclass(slots=True)
class Reading:
    """The files of one side, and what there is to say of them."""

    title: str
    name: str
    files: Files
    estimate: bool = False
    """Whether figures are estimated even where exact ones are to be had."""
    notes: list[str] = field(default_factory=list)

    def text(self, path: str) -> str | None:
        """Return a file's text; null where there is none."""
        return self.files.read([path]).get(path)

    def checked(self, model: type[Model], raw: Values, path: str) -> tuple[Values, Model | None]:
        """Return values with defaults filled in, and the model; as written where they do not fit it."""
        try:
            value = check(model, raw, where=path)
        except ConfigError as error:
            self.notes.append(f"compared as written, since this version refuses it: {error.what}")
            return raw, None
        return json.loads(value.model_dump_json()), value


def read_side(title: str, name: str, files: Files, *, estimate: bool = False) -> Side:
    """Read one side.

    Args:
        title: What a person calls it.
        name: Of the mixture.
        files: State of the files.
        estimate: Whether figures are estimated even where exact ones are to be had, so that they can
            be held against another estimate.

    Raises:
        ConfigError: There is no card of that mixture, or a file is no YAML.
    """
    reading = Reading(title, name, files, estimate)
    path = (MIXTURES / f"{name}.yaml").as_posix()
    text = reading.text(path)
    if text is None:
        known = files.names(MIXTURES.as_posix(), ".yaml")
        what, remedy = unknown_name("mixture", name, known)
        raise ConfigError(what, where=title, remedy=remedy)
    mixture, card = reading.checked(MixtureCard, parse_yaml(text, where=f"{title}: {path}"), path)
    params, model = _params(reading, mixture, card)
    cards, models = _cards(reading, mixture)
    found = None
    if card is not None and model is not None and set(models) == set(card.tasks):
        found = figures(
            reading, Project(card, models, model, model, _prompts(reading, card, model))
        )
    return Side(
        title=title,
        mixture=mixture,
        cards=cards,
        params=params,
        figures=found,
        task_defaults=MixtureTask().model_dump(),
        notes=tuple(reading.notes),
    )


def _prompts(reading: Reading, card: MixtureCard, params: Params) -> dict[str, TaskPrompts]:
    """Return the prompts of the working folder, whatever the side: their number decides estimates."""
    try:
        return load_task_prompts(card, params, PROMPTS, where=reading.title)
    except ConfigError as error:
        reading.notes.append(f"compared without prompts: {error}")
        return {}


def _params(
    reading: Reading, mixture: Values, card: MixtureCard | None
) -> tuple[Values, Params | None]:
    """Return params.yaml with the mixture's overrides."""
    path = PARAMS.as_posix()
    text = reading.text(path)
    if text is None:
        reading.notes.append(f"there is no {path}")
        return {}, None
    raw = parse_yaml(text, where=f"{reading.title}: {path}")
    values, model = reading.checked(Params, raw, path)
    if model is None or card is None:
        return _laid_over(values, mixture.get("params") or {}), None
    try:
        model = merged(model, card.params, where=reading.title)
    except ConfigError as error:
        reading.notes.append(error.what)
        return values, None
    return json.loads(model.model_dump_json()), model


def _laid_over(values: Values, overrides: Mapping[str, Any]) -> Values:
    both = {
        key: values[key] | override
        for key, override in overrides.items()
        if isinstance(override, dict) and isinstance(values.get(key), dict)
    }
    return {**values, **overrides, **both}


def _cards(reading: Reading, mixture: Values) -> tuple[dict[str, Values], dict[str, TaskCard]]:
    """Return the cards of the mixture's tasks, as values and, where they fit, as models."""
    paths = {task: (CARDS / f"{task}.yaml").as_posix() for task in sorted(mixture["tasks"])}
    texts = reading.files.read([*paths.values(), REVISIONS.as_posix()])
    lacking = [task for task, path in paths.items() if path not in texts]
    if lacking:
        reading.notes.append(f"there is no card of {', '.join(lacking)}")
    lock = texts.get(REVISIONS.as_posix())
    commits = (parse_yaml(lock, where=REVISIONS.name).get("revisions") or {}) if lock else {}
    values, models = {}, {}
    for task, path in paths.items():
        if path in texts:
            raw = parse_yaml(texts[path], where=f"{reading.title}: {path}")
            values[task], model = reading.checked(TaskCard, raw, path)
            if model is not None:
                models[task] = model
            if model is not None and isinstance(model.source, HubSource):
                recorded = model.source.revision or commits.get(model.source.id)
                values[task]["source"]["revision"] = recorded
    return values, models


def figures(reading: Reading, recipe: Project) -> Figures | None:
    """Return what comes of a recipe: exact where its tokens or its plan exist, else an estimate.

    Null where sizes are unknown, or the mixture cannot be drawn; a note then says so.
    """
    try:
        if reading.estimate:
            return _estimated(reading, recipe)
        if tokens_are_current(recipe):
            return _of_tokens(recipe)
        return _recorded(reading) or _estimated(reading, recipe)
    except PipelineError as error:
        reading.notes.append(error.what)
        return None


def _of_tokens(recipe: Project) -> Figures:
    from pipeline.stages.plan import exact_plan

    plan = exact_plan(
        read_corpus(recipe.layout.tokens("train")),
        recipe.card,
        name=recipe.card.name,
        which="compass",
        seed=recipe.params.seed,
        batch=recipe.params.train.batch,
        target=recipe.card.tailor.target,
    )
    return _figures(plan.tasks, exact=True, note="from the tokens that exist")


def _estimated(reading: Reading, recipe: Project) -> Figures | None:
    guesses = {task: guess(recipe, task) for task in sorted(recipe.card.drawn().tasks)}
    sizes = {task: known.rows for task, known in guesses.items() if known.rows is not None}
    unknown = sorted(set(guesses) - set(sizes))
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        reading.notes.append(f"the size of {', '.join(unknown[:3])}{more} is unknown")
        return None
    plan = estimated_plan(recipe, guesses, sizes)
    return _figures(plan.tasks, exact=False, note=_note(reading))


def _note(reading: Reading) -> str:
    if reading.estimate:
        return "to be held against the other side, of which nothing exact is known"
    return "its tokens do not exist or are out of date"


def _recorded(reading: Reading) -> Figures | None:
    """Return the plan that a commit's dvc.lock records, where it was made from the commit's recipe."""
    if not isinstance(reading.files, Commit):
        return None
    text = reading.text(LOCK)
    lock = records(parse_yaml(text, where=LOCK)) if text else {}
    resolve, plan = lock.get("resolve"), lock.get("plan")
    path = f"data/{reading.name}/plans/compass.json"
    if resolve is None or plan is None or path not in plan.outs:
        return None
    for name in (PARAMS.as_posix(), (MIXTURES / f"{reading.name}.yaml").as_posix()):
        if resolve.params.get(name) != parse_yaml(reading.text(name) or "{}", where=name):
            return None
    if resolve.deps.get(CARDS.as_posix()) != _cards_md5(reading.files):
        return None
    content = _content(path, plan.outs[path])
    if content is None:
        return None
    tasks = json.loads(content)["tasks"]
    return _figures(tasks, exact=True, note="the plan that its dvc.lock records")


def _cards_md5(commit: Commit) -> str:
    blobs = git.files_below(commit.sha, CARDS.as_posix())
    contents = git.blobs(blobs.values())
    return listing_md5(
        {Path(name).relative_to(CARDS).as_posix(): md5(contents[b]) for name, b in blobs.items()}
    )


def _content(path: str, digest: str) -> bytes | None:
    there = Path(path)
    if there.is_file() and file_md5(there) == digest:
        return there.read_bytes()
    return cached(cache_folder(Path()), digest)


def _figures(tasks: Any, *, exact: bool, note: str) -> Figures:
    """Return the figures of a plan's tasks, of the model or of its JSON."""
    keys = TaskFigures.__dataclass_fields__
    plain: list[Values] = [task if isinstance(task, dict) else _values(task) for task in tasks]
    return Figures(
        exact=exact,
        note=note,
        tasks={task["task"]: TaskFigures(**{key: task[key] for key in keys}) for task in plain},
    )


def _values(task: Any) -> Values:
    return {key: getattr(task, key) for key in ("task", *TaskFigures.__dataclass_fields__)}
