"""The settings of each stage, as `resolve` writes them and the stage reads them.

Each stage depends on its own settings file alone, so that an edit re-runs exactly the stages whose
settings it changes. `settings_file.read` reads them.
"""

from typing import Literal

from pipeline.config.mixture_card import Limits, Mixture, MixtureCard, View
from pipeline.config.params import (
    CurateParams,
    EvaluateParams,
    ModelParams,
    RelateParams,
    TextParams,
    TokenizeParams,
    TrainParams,
)
from pipeline.config.settings_file import Settings


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
    view: View = "choice"
    """Decides which special tokens there must be."""


class TokenizeSettings(Settings):
    """`settings/tokenize.json`."""

    tasks: tuple[str, ...]
    tokenize: TokenizeParams
    prefixes: dict[str, str]
    text: TextParams | None = None
    """Of the text view, what decides its tokens; null in the choice view."""


class PlanSettings(Settings, Mixture):
    """`settings/plan.json`."""

    batch: int | None = None
    """Rows of a global batch; null where the order does not depend on it, so that another batch
    re-runs no plan."""
    target: str | None = None
    """Task that stays where tasks of the same content are merged; null where none are."""


class PackSettings(Settings):
    """`settings/packs.json`, which the stage `mix` reads."""

    batch: int | None = None
    """Units of a global batch; null in the choice view."""
    text: TextParams | None = None
    """Of the text view, what decides its packs; null in the choice view."""


class TrainSettings(Settings):
    """`settings/train.json`."""

    model: ModelParams
    train: TrainParams
    init: Literal["base", "compass"]
    """Where the tailored pass starts."""
    licences: dict[str, str] = {}
    """Of each task's data, for the model card, which is part of the output: an edit trains again."""
    text: TextParams | None = None
    """Of the text view; null in the choice view."""


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
    target: str
    """Task that the tailored model is for."""
    evaluate: EvaluateParams
    max_tokens: int


class ReportSettings(Settings):
    """`settings/report.json`."""

    card: MixtureCard
    families: dict[str, str]
    licences: dict[str, str]
