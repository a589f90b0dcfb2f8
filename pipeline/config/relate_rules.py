"""What the stages `features` and `relate` are told, and the rules between their sections. Pure."""

from typing import Any

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import (
    IN_TEXT_VIEW,
    PREFIX_STATE,
    SCORERS,
    WITHOUT_FEATURES,
    Params,
    RelateParams,
)
from pipeline.config.settings import FeatureSettings
from pipeline.errors import ConfigError, unknown_name

STACK = "stack"


def relate_params(card: MixtureCard, params: Params) -> RelateParams:
    """Return what `relate` is told: the scorers that are named, and the one that Tailor chooses by.

    Raises:
        ConfigError: There is no scorer of that name, or one needs features in the text view.
    """
    asked, relate = card.tailor.scorer, params.relate
    if asked not in (*SCORERS, STACK):
        what, remedy = unknown_name("scorer", asked, (*SCORERS, STACK))
        raise ConfigError(f"tailor.scorer: {what}", where=_where(card), remedy=remedy)
    if asked == STACK and not relate.stack:
        raise ConfigError(
            "tailor.scorer: is 'stack', and relate.stack names nothing to stack",
            where=_where(card),
            remedy="name scorers there",
        )
    added = () if asked in (*relate.scorers, STACK) else (asked,)
    scorers = (*relate.scorers, *added)
    choosy = [name for name in scorers if name not in IN_TEXT_VIEW]
    if choosy and card.view == "text":
        raise ConfigError(
            f"scorer '{choosy[0]}' needs choices to encode, which the text view has not",
            where=_where(card),
            expected=", ".join(sorted(IN_TEXT_VIEW)),
        )
    # how many rows have features is the business of the stage `features`
    kept = relate.model_dump(exclude={"feature_rows", "state_rows", "scorers"})
    return RelateParams(**kept, scorers=scorers)


def feature_settings(
    card: MixtureCard, params: Params, *, tasks: tuple[str, ...], head: dict[str, Any]
) -> FeatureSettings:
    """Return what `features` is told; where none are made, nothing that an edit could change.

    Args:
        card: The mixture.
        params: With its overrides.
        tasks: Those that are drawn.
        head: Name and seed.
    """
    if card.view == "text":
        return FeatureSettings(**head, why_none="the mixture is of the text view")
    scorers = relate_params(card, params).scorers
    hungry = card.tailor.selection != "top_k" or not WITHOUT_FEATURES.issuperset(scorers)
    states = PREFIX_STATE in scorers
    if not hungry and not states:
        return FeatureSettings(**head, why_none="no scorer and no selection needs features")
    return FeatureSettings(
        **head,
        tasks=tasks,
        source=params.model.source,
        revision=params.model.revision,
        rows=params.relate.feature_rows if hungry else 0,
        state_rows=params.relate.state_rows if states else 0,
        threads=params.train.threads,
    )


def _where(card: MixtureCard) -> str:
    return f"mixture '{card.name}'"
