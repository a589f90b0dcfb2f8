"""What people wrote, merged and split by stage. Pure: reads and writes no file."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config.load import check
from pipeline.config.mixture_card import Mixture, MixtureCard
from pipeline.config.params import ModelParams, Params
from pipeline.config.settings import (
    CurateSettings,
    EvaluateSettings,
    PackSettings,
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
from pipeline.config.text_rules import text_settings
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
    text = text_settings(card, params)
    prefixes = {"prefixes": {task: prefix_token(task) for task in tasks["tasks"]}}
    licences = {task: cards[task].licence for task in sorted(card.tasks)}
    return {
        "curate": CurateSettings(**head, **tasks, limits=card.limits, curate=params.curate),
        "tokenizer": TokenizerSettings(**head, **tasks, **tokenizer, view=card.view),
        "tokenize": TokenizeSettings(
            **head, **tasks, **prefixes, tokenize=params.tokenize, text=text.tokens
        ),
        "packs": PackSettings(**head, batch=text.batch, text=text.packs),
        "plan": _plan_settings(card, params, head),
        "train": TrainSettings(
            **head,
            model=params.model,
            train=params.train,
            init=card.tailor.init,
            licences=licences,
            text=text.train,
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


def _plan_settings(card: MixtureCard, params: Params, head: Mapping[str, Any]) -> PlanSettings:
    """Return what decides a plan, in an order of keys that does not depend on the card's."""
    value = json.loads(card.model_dump_json(include=set(Mixture.model_fields)))
    value["tasks"] = dict(sorted(value["tasks"].items()))
    value["groups"] = _sorted_groups(value["groups"])
    for phase in value["phases"]:
        phase["tasks"].sort()
        phase["weights"] = dict(sorted(phase["weights"].items()))
    stratified = card.sampling.order == "stratified"
    return PlanSettings(
        **head,
        **value,
        batch=params.train.batch if stratified else None,
        target=card.tailor.target if card.same_content == "merge" else None,
    )


def _sorted_groups(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: group | {"tasks": sorted(group["tasks"]), "groups": _sorted_groups(group["groups"])}
        for name, group in sorted(groups.items())
    }


def _tokenizer_model(model: ModelParams) -> ModelParams:
    """Return what of the model the tokenizer depends on, so that its size re-runs no tokenising."""
    return ModelParams(source=model.source, revision=model.revision, vocabulary=model.vocabulary)
