"""What people wrote, checked, merged and split by stage: the settings that `resolve` writes.

Each stage depends on its own settings file alone, so that an edit re-runs exactly the stages whose
settings it changes. The models here are the only reader and writer of those files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from pipeline.config.load import check
from pipeline.config.mixture_card import Limits, MixtureCard, MixtureTask, Sampling
from pipeline.config.params import (
    CurateParams,
    EvaluateParams,
    ModelParams,
    Params,
    RelateParams,
    TokenizeParams,
    TrainParams,
)
from pipeline.config.strict import Strict
from pipeline.config.task_card import TaskCard
from pipeline.errors import ArtefactError
from pipeline.schema import prefix_token


class Settings(Strict):
    """What every stage is told."""

    name: str
    """The mixture's name."""
    seed: int


class NormalizeSource(Settings):
    """`sources/<task>.json`: one card and all that its examples depend on."""

    card: TaskCard
    data_dir: str
    files: dict[str, str]
    """SHA-256 of every raw file, by path relative to `data_dir`; empty for hub and suite."""
    revision: str | None
    """Commit on the hub."""
    code: str
    """Hash of the code that reads and normalises."""


class CurateSettings(Settings):
    """`settings/curate.json`."""

    tasks: tuple[str, ...]
    limits: Limits
    curate: CurateParams


class TokenizerSettings(Settings):
    """`settings/tokenizer.json`."""

    tasks: tuple[str, ...]
    model: ModelParams
    model_sha256: str | None = None
    """Hash of a local tokenizer's file."""


class TokenizeSettings(Settings):
    """`settings/tokenize.json`."""

    tasks: tuple[str, ...]
    tokenize: TokenizeParams
    prefixes: dict[str, str]


class PlanSettings(Settings):
    """`settings/plan.json`."""

    tasks: dict[str, MixtureTask]
    sampling: Sampling


class TrainSettings(Settings):
    """`settings/train.json`."""

    model: ModelParams
    train: TrainParams
    init: Literal["base", "compass"]
    """Where the tailored pass starts."""


class RelateSettings(Settings):
    """`settings/relate.json`."""

    tasks: tuple[str, ...]
    families: dict[str, str]
    relate: RelateParams


class TailorSettings(Settings):
    """`settings/tailor.json`."""

    card: MixtureCard
    families: dict[str, str]


class EvaluateSettings(Settings):
    """`settings/evaluate.json`."""

    tasks: tuple[str, ...]
    families: dict[str, str]
    evaluate: EvaluateParams
    max_tokens: int


class ReportSettings(Settings):
    """`settings/report.json`."""

    card: MixtureCard
    families: dict[str, str]
    licences: dict[str, str]


SettingsModel = TypeVar("SettingsModel", bound=Settings)


def read(model: type[SettingsModel], path: Path) -> SettingsModel:
    """Read one settings file.

    Raises:
        ArtefactError: It is missing, not JSON, or of another version of the code.
    """
    remedy = "run `dvc repro resolve`, which writes it"
    if not path.exists():
        raise ArtefactError("does not exist", where=str(path), remedy=remedy)
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ArtefactError(f"{key}: {first['msg']}", where=str(path), remedy=remedy) from None


def merged(params: Params, overrides: Mapping[str, Any], *, where: str) -> Params:
    """Return `params` with a mixture card's overrides laid over it, key by key.

    Raises:
        ConfigError: An override names a key that params.yaml does not have, or breaks a range.
    """
    value = json.loads(params.model_dump_json())
    for section, override in overrides.items():
        if isinstance(override, dict) and isinstance(value.get(section), dict):
            value[section] |= override
        else:
            value[section] = override
    return check(Params, value, where=f"{where}: params")


def overridden(params: Params, overrides: Mapping[str, Any]) -> list[str]:
    """Word each value of params.yaml that a mixture card replaces with another."""
    before = json.loads(params.model_dump_json())
    lines = []
    for section, override in sorted(overrides.items()):
        pairs = override.items() if isinstance(override, dict) else [("", override)]
        for key, value in sorted(pairs):
            old = before[section][key] if key else before[section]
            if old != value:
                lines.append(f"{section}{'.' if key else ''}{key} = {value} (params.yaml: {old})")
    return lines


def settings(
    card: MixtureCard, cards: Mapping[str, TaskCard], params: Params, *, model_sha256: str | None
) -> dict[str, Settings]:
    """Split a checked recipe into each stage's settings, by stage name."""
    tasks = tuple(sorted(card.tasks))
    head: dict[str, Any] = {"name": card.name, "seed": params.seed}
    families = {task: cards[task].family for task in tasks}
    return {
        "curate": CurateSettings(**head, tasks=tasks, limits=card.limits, curate=params.curate),
        "tokenizer": TokenizerSettings(
            **head, tasks=tasks, model=_tokenizer_model(params.model), model_sha256=model_sha256
        ),
        "tokenize": TokenizeSettings(
            **head,
            tasks=tasks,
            tokenize=params.tokenize,
            prefixes={task: prefix_token(task) for task in tasks},
        ),
        "plan": PlanSettings(
            **head, tasks={task: card.tasks[task] for task in tasks}, sampling=card.sampling
        ),
        "train": TrainSettings(
            **head, model=params.model, train=params.train, init=card.tailor.init
        ),
        "relate": RelateSettings(**head, tasks=tasks, families=families, relate=params.relate),
        "tailor": TailorSettings(**head, card=card, families=families),
        "evaluate": EvaluateSettings(
            **head,
            tasks=tasks,
            families=families,
            evaluate=params.evaluate,
            max_tokens=params.tokenize.max_tokens,
        ),
        "report": ReportSettings(
            **head,
            card=card,
            families=families,
            licences={task: cards[task].licence for task in tasks},
        ),
    }


def _tokenizer_model(model: ModelParams) -> ModelParams:
    """Return what of the model the tokenizer depends on, so that its size re-runs no tokenising."""
    return ModelParams(source=model.source, revision=model.revision, vocabulary=model.vocabulary)
