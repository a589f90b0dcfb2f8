"""Which scorers a mixture runs, whether they can run on it, and what they make necessary.

For example a mixture of the text view has no choices, so that `source_head`, which needs features of
choices, is refused there before any stage runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params, RelateParams
from pipeline.config.settings import FeatureSettings, RelateSettings
from pipeline.config.settings_file import Settings
from pipeline.errors import ConfigError
from pipeline.relationships.registry import SCORERS, find_scorer

STACK = "stack"
"""What `tailor.scorer` calls the sum of the scorers that `relate.stack` names."""


def relationship_settings(
    card: MixtureCard, params: Params, *, families: Mapping[str, str]
) -> dict[str, Settings]:
    """Return the settings of the stages `features` and `relate`.

    Args:
        card: The mixture.
        params: With its overrides.
        families: By task.

    Raises:
        ConfigError: There is no scorer of a name, or one cannot work on the mixture's view.
    """
    head = {"name": card.name, "seed": params.seed}
    tasks, relate = tuple(sorted(card.drawn().tasks)), relate_params(card, params)
    return {
        "features": FeatureSettings(**head, **feature_params(card, params, relate.scorers)),
        "relate": RelateSettings(
            **head,
            tasks=tasks,
            families={task: families[task] for task in tasks},
            relate=relate,
        ),
    }


def relate_params(card: MixtureCard, params: Params) -> RelateParams:
    """Return what `relate` is given: the scorers that are named, and the one that Tailor chooses by.

    Raises:
        ConfigError: There is no scorer of a name, or one cannot work on the mixture's view.
    """
    asked, relate, where = card.tailor.scorer, params.relate, f"mixture '{card.name}'"
    for name in relate.scorers:
        find_scorer(name, where=f"{where}: relate.scorers")
    if asked != STACK:
        find_scorer(asked, where=f"{where}: tailor.scorer", others=(STACK,))
    if asked == STACK and not relate.stack:
        raise ConfigError(
            "tailor.scorer: is 'stack', and relate.stack names nothing to stack",
            where=where,
            remedy="name scorers there",
        )
    scorers = tuple(dict.fromkeys((*relate.scorers, *(() if asked == STACK else (asked,)))))
    for name in scorers:
        if card.view not in SCORERS[name].views:
            raise ConfigError(
                f"scorer '{name}' cannot work on the {card.view} view",
                where=where,
                expected=", ".join(sorted(n for n in SCORERS if card.view in SCORERS[n].views)),
            )
    # how many rows have features is the business of the stage `features`
    kept = relate.model_dump(exclude={"feature_rows", "state_rows", "scorers"})
    return RelateParams(**kept, scorers=scorers)


def feature_params(card: MixtureCard, params: Params, scorers: Sequence[str]) -> dict[str, Any]:
    """Return what `features` is given; where none are made, nothing that an edit could change.

    Args:
        card: The mixture.
        params: With its overrides.
        scorers: Those that run.
    """
    if card.view == "text":
        return {"why_none": "the mixture is of the text view"}
    needs = {need for name in scorers for need in SCORERS[name].needs}
    features = "features" in needs or card.tailor.selection != "top_k"
    states = "prefix_states" in needs
    if not features and not states:
        return {"why_none": "no scorer and no selection needs features"}
    return {
        "tasks": tuple(sorted(card.drawn().tasks)),
        "source": params.model.source,
        "revision": params.model.revision,
        "rows": params.relate.feature_rows if features else 0,
        "state_rows": params.relate.state_rows if states else 0,
        "threads": params.train.threads,
    }


def scorer_modules(scorers: Iterable[str]) -> list[str]:
    """Return the modules of scorers, whose code the stage `relate` depends on."""
    return sorted({SCORERS[name].__module__ for name in scorers})
