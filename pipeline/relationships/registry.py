"""All scorers by name. A new one needs its two lines here, and no other change of existing code."""

from collections.abc import Mapping

from pipeline.errors import ConfigError, unknown_name
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scorers.embedding import NearestRows
from pipeline.relationships.scorers.gradient import GradientCosine
from pipeline.relationships.scorers.logme import HScore, LogME
from pipeline.relationships.scorers.lookahead import LookAhead
from pipeline.relationships.scorers.measured import MeasuredGain
from pipeline.relationships.scorers.prefix import PrefixCorrelation, PrefixStateCorrelation
from pipeline.relationships.scorers.prefix_gradient import PrefixGradient
from pipeline.relationships.scorers.prior import Prior
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.relationships.scorers.text import TextSimilarity
from pipeline.relationships.scorers.text_js import WordDistributions

SCORERS: Mapping[str, type[Scorer]] = {
    scorer.name: scorer
    for scorer in (
        PrefixCorrelation,
        PrefixStateCorrelation,
        TextSimilarity,
        WordDistributions,
        Prior,
        NearestRows,
        SourceHead,
        LogME,
        HScore,
        GradientCosine,
        LookAhead,
        PrefixGradient,
        SmallPrefix,
        MeasuredGain,
    )
}


def find_scorer(name: str, *, where: str, others: tuple[str, ...] = ()) -> type[Scorer]:
    """Return the scorer of a name.

    Args:
        name: As people write it.
        where: File or mixture, and key, for the error.
        others: Names that would be right there too.

    Raises:
        ConfigError: There is none.
    """
    if name not in SCORERS:
        what, remedy = unknown_name("scorer", name, (*SCORERS, *others))
        raise ConfigError(what, where=where, remedy=remedy)
    return SCORERS[name]
