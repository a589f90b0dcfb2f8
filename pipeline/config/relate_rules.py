"""What the stages `features` and `relate` are told, and the rules between their sections. Pure."""

from typing import Any

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import SCORERS, WITHOUT_FEATURES, Params, RelateParams
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
    hungry = [name for name in scorers if name not in WITHOUT_FEATURES]
    if hungry and card.view == "text":
        raise ConfigError(
            f"scorer '{hungry[0]}' needs features of choices, which the text view has not",
            where=_where(card),
            expected=", ".join(sorted(WITHOUT_FEATURES)),
        )
    # how many rows have features is the business of the stage `features`
    kept = relate.model_dump(exclude={"feature_rows", "scorers"})
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
    if card.tailor.selection == "top_k" and WITHOUT_FEATURES.issuperset(scorers):
        return FeatureSettings(**head, why_none="no scorer and no selection needs features")
    return FeatureSettings(
        **head,
        tasks=tasks,
        source=params.model.source,
        revision=params.model.revision,
        rows=params.relate.feature_rows,
        threads=params.train.threads,
    )


def _where(card: MixtureCard) -> str:
    return f"mixture '{card.name}'"
