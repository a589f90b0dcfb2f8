"""The settings of each stage, as `resolve` writes them and the stage reads them.

Each stage depends on its own settings file alone, so that an edit re-runs exactly the stages whose
settings it changes. `settings_file.read` reads them.
"""

from typing import Literal

from pipeline.config.mixture_card import Limits, MixtureCard, MixtureTask, Sampling
from pipeline.config.params import (
    CurateParams,
    EvaluateParams,
    ModelParams,
    RelateParams,
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
    target: str
    """Task that the tailored model is for."""
    evaluate: EvaluateParams
    max_tokens: int


class ReportSettings(Settings):
    """`settings/report.json`."""

    card: MixtureCard
    families: dict[str, str]
    licences: dict[str, str]
