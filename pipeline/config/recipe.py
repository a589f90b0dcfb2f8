"""What people wrote, merged and split by stage. Pure: reads and writes no file."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config.load import check
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import ModelParams, Params
from pipeline.config.settings import (
    CurateSettings,
    EvaluateSettings,
    PlanSettings,
    RelateSettings,
    ReportSettings,
    TailorSettings,
    TokenizerSettings,
    TokenizeSettings,
    TrainSettings,
)
from pipeline.config.settings_file import Settings
from pipeline.config.task_card import TaskCard
from pipeline.schema import prefix_token


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
    head: dict[str, Any] = {"name": card.name, "seed": params.seed}
    tasks = {"tasks": tuple(sorted(card.tasks))}
    families = {"families": {task: cards[task].family for task in sorted(card.tasks)}}
    tokenizer = {"model": _tokenizer_model(params.model), "model_sha256": model_sha256}
    licences = {task: cards[task].licence for task in sorted(card.tasks)}
    return {
        "curate": CurateSettings(**head, **tasks, limits=card.limits, curate=params.curate),
        "tokenizer": TokenizerSettings(**head, **tasks, **tokenizer),
        "tokenize": TokenizeSettings(
            **head,
            **tasks,
            tokenize=params.tokenize,
            prefixes={task: prefix_token(task) for task in tasks["tasks"]},
        ),
        "plan": PlanSettings(
            **head, tasks=dict(sorted(card.tasks.items())), sampling=card.sampling
        ),
        "train": TrainSettings(
            **head, model=params.model, train=params.train, init=card.tailor.init
        ),
        "relate": RelateSettings(**head, **tasks, **families, relate=params.relate),
        "tailor": TailorSettings(**head, **families, card=card),
        "evaluate": EvaluateSettings(
            **head,
            **tasks,
            **families,
            target=card.tailor.target,
            evaluate=params.evaluate,
            max_tokens=params.tokenize.max_tokens,
        ),
        "report": ReportSettings(**head, **families, card=card, licences=licences),
    }


def _tokenizer_model(model: ModelParams) -> ModelParams:
    """Return what of the model the tokenizer depends on, so that its size re-runs no tokenising."""
    return ModelParams(source=model.source, revision=model.revision, vocabulary=model.vocabulary)
