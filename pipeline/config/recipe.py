"""What people wrote, merged and split by stage. Pure: reads and writes no file."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config.load import check
from pipeline.config.mixture import MixtureTask
from pipeline.config.mixture_card import Mixture, MixtureCard
from pipeline.config.params import ModelParams, Params, TextParams
from pipeline.config.settings import (
    CurateSettings,
    EvaluateSettings,
    MixSettings,
    PlanSettings,
    ReportSettings,
    TailorSettings,
    TaskPrompts,
    TokenizerSettings,
    TokenizeSettings,
    TrainSettings,
)
from pipeline.config.settings_file import Settings
from pipeline.config.task_card import TaskCard
from pipeline.config.text_rules import TextSettings, text_settings
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
    card: MixtureCard,
    cards: Mapping[str, TaskCard],
    params: Params,
    *,
    model_sha256: str | None,
    prompts: Mapping[str, TaskPrompts],
) -> dict[str, Settings]:
    """Split a checked recipe into each stage's settings, but for `features` and `relate`.

    Args:
        card: The mixture.
        cards: Its tasks'.
        params: With the mixture's overrides.
        model_sha256: Of a local model's tokenizer.
        prompts: Of the tasks that are seen through more than the built-in format.
    """
    head: dict[str, Any] = {"name": card.name, "seed": params.seed}
    tasks = {"tasks": tuple(sorted(card.tasks))}
    held_out = {"held_out": card.held_out}
    families = {"families": {task: cards[task].family for task in sorted(card.tasks)}}
    trainings = {"trainings": tuple(card.trainings)}
    tokenizer = {"model": _tokenizer_model(params.model), "model_sha256": model_sha256}
    text = text_settings(card, params)
    licences = {task: cards[task].licence for task in sorted(card.tasks)}
    return {
        "curate": _curate_settings(card, cards, params, head | tasks),
        "tokenizer": TokenizerSettings(**head, **tasks, **held_out, **tokenizer, view=card.view),
        "tokenize": _tokenize_settings(
            params, text, prompts, head | tasks | held_out | {"view": card.view}
        ),
        "mix": MixSettings(**head, batch=text.batch, text=text.packs),
        **_settings_of_trainings(card, params, head, licences=licences, text=text.train),
        "tailor": tailor_settings(card, **head, **families, seeds=params.relate.seeds),
        "evaluate": _evaluate_settings(card, params, head | tasks | families | trainings),
        "report": ReportSettings(
            **head, **families, **trainings, target=card.tailor.target, scorer=card.tailor.scorer,
            licences=licences,
        ),
    }  # fmt: skip


def _curate_settings(
    card: MixtureCard, cards: Mapping[str, TaskCard], params: Params, common: Mapping[str, Any]
) -> CurateSettings:
    rules = {task: cards[task].validation for task in sorted(card.tasks)}
    return CurateSettings(
        **common,
        limits=card.limits,
        curate=params.curate,
        validation={task: rule for task, rule in rules.items() if rule != "select"},
    )


def _settings_of_trainings(
    card: MixtureCard,
    params: Params,
    head: Mapping[str, Any],
    *,
    licences: dict[str, str],
    text: TextParams | None,
) -> dict[str, Settings]:
    """Return the settings of the stages `plan` and `train` of each training."""
    result: dict[str, Settings] = {}
    for name, training in card.trainings.items():
        result[f"plan/{name}"] = _plan_settings(card, params, head, training.recipe)
        result[f"train/{name}"] = TrainSettings(
            **head, held_out=card.held_out, model=params.model, train=params.train,
            start=training.start, kind=training.kind, licences=licences, text=text,
        )  # fmt: skip
    return result


def tailor_settings(card: MixtureCard, **common: Any) -> TailorSettings:
    """Return what decides the choice and the tailored card: no words, rates or phases."""
    kept = {"view", "draw", "limits", "same_content", "trainings", "params"}
    return TailorSettings(
        **common,
        tailor=card.tailor,
        tasks={
            task: MixtureTask(prompts=entry.prompts, pool=entry.pool, draw=entry.draw)
            for task, entry in sorted(card.drawn().tasks.items())
        },
        order=card.sampling.order,
        card=card.model_dump(mode="json", include=kept),
    )


def _tokenize_settings(
    params: Params,
    text: TextSettings,
    prompts: Mapping[str, TaskPrompts],
    common: Mapping[str, Any],
) -> TokenizeSettings:
    return TokenizeSettings(
        **common,
        tokenize=params.tokenize,
        prefixes={task: prefix_token(task) for task in common["tasks"]},
        text=text.tokens,
        prompts=dict(prompts),
    )


def _evaluate_settings(
    card: MixtureCard, params: Params, common: Mapping[str, Any]
) -> EvaluateSettings:
    return EvaluateSettings(
        **common,
        held_out=card.held_out,
        target=card.tailor.target,
        evaluate=params.evaluate,
        max_tokens=params.tokenize.max_tokens,
    )


def _plan_settings(
    card: MixtureCard, params: Params, head: Mapping[str, Any], recipe: str
) -> PlanSettings:
    stratified = card.sampling.order == "stratified"
    return PlanSettings(
        **head,
        recipe=recipe,
        batch=params.train.batch if stratified else None,
        target=card.tailor.target if card.same_content == "merge" else None,
    )


def recipe(card: MixtureCard) -> dict[str, Any]:
    """Return what of a card decides its plan, in an order of keys that does not depend on the card's.

    An edit of the card that changes no plan changes nothing of it.
    """
    value: dict[str, Any] = json.loads(
        card.drawn().model_dump_json(include=set(Mixture.model_fields))
    )
    # how many rows a task gives through its prompts stands in its tokens
    value.pop("draw")
    value["tasks"] = {
        task: {key: item for key, item in entry.items() if key not in ("prompts", "pool", "draw")}
        for task, entry in sorted(value["tasks"].items())
    }
    value["groups"] = _sorted_groups(value["groups"])
    for phase in value["phases"]:
        phase["tasks"].sort()
        phase["weights"] = dict(sorted(phase["weights"].items()))
    return value


def _sorted_groups(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: group | {"tasks": sorted(group["tasks"]), "groups": _sorted_groups(group["groups"])}
        for name, group in sorted(groups.items())
    }


def _tokenizer_model(model: ModelParams) -> ModelParams:
    """Return what of the model the tokenizer depends on, so that its size re-runs no tokenising."""
    return ModelParams(source=model.source, revision=model.revision, vocabulary=model.vocabulary)
