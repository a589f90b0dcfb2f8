"""The settings of each stage, as `resolve` writes them and the stage reads them.

Each stage depends on its own settings file alone, so that an edit re-runs exactly the stages whose
settings it changes. `settings_file.read` reads them.
"""

from typing import Any, Literal

from pydantic import Field

from pipeline.config.mixture import MixtureTask, PromptDraw, View
from pipeline.config.mixture_card import Limits, Tailor
from pipeline.config.params import (
    CurateParams,
    EvaluateParams,
    ModelParams,
    RelateParams,
    TextParams,
    TokenizeParams,
    TrainParams,
)
from pipeline.config.sampling import OrderName
from pipeline.config.settings_file import Settings
from pipeline.config.strict import Positive, Strict
from pipeline.config.task_card import ValidationUse


class CurateSettings(Settings):
    """`settings/curate.json`."""

    tasks: tuple[str, ...]
    limits: Limits
    curate: CurateParams
    validation: dict[str, ValidationUse] = {}
    """What becomes of the validation split, of tasks whose card says another thing than `select`."""


class TokenizerSettings(Settings):
    """`settings/tokenizer.json`."""

    tasks: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    """Tasks that get a prefix, but no say in the vocabulary."""
    model: ModelParams
    model_sha256: str | None = None
    """Hash of a local tokenizer's file."""
    view: View = "choice"
    """Decides which special tokens there must be."""


class PromptText(Strict):
    """A prompt as rows are rendered with it: what its text depends on, and nothing else."""

    id: str
    name: str
    jinja: str | None = None
    """Null is the built-in format."""
    answer_choices: str | None = None
    sees: Literal["example", "record"] = "example"
    """Whose fields its template names: the example's, or those of the raw record."""
    weight: Positive = 1.0
    """How often it is drawn, against the others."""


class TaskPrompts(Strict):
    """What a task's rows are seen through."""

    prompts: tuple[PromptText, ...] = Field(min_length=1)
    draw: PromptDraw = "all"
    """Of train rows; those for evaluation are seen through all."""
    source_sha256: str | None = None
    """Of the task's resolved source, where a prompt sees raw records; else null."""


class TokenizeSettings(Settings):
    """`settings/tokenize.json`."""

    tasks: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    """Tasks that need no train rows."""
    tokenize: TokenizeParams
    prefixes: dict[str, str]
    view: View = "choice"
    text: TextParams | None = None
    """Of the text view, what decides its tokens; null in the choice view."""
    prompts: dict[str, TaskPrompts] = {}
    """Of the tasks that are seen through other prompts than the built-in format alone."""


class PlanSettings(Settings):
    """`settings/plan/<training>.json`: what a plan needs beside `recipes/<recipe>/<recipe>.yaml`."""

    recipe: str
    """What is drawn: `all` or `tailored`."""
    batch: int | None = None
    """Rows of a global batch; null where the order does not depend on it, so that another batch
    re-runs no plan."""
    target: str | None = None
    """Task that stays where tasks of the same content are merged; null where none are."""


class MixSettings(Settings):
    """`settings/mix.json`."""

    batch: int | None = None
    """Units of a global batch; null in the choice view."""
    text: TextParams | None = None
    """Of the text view, what decides its packs; null in the choice view."""


class TrainSettings(Settings):
    """`settings/train/<training>.json`."""

    model: ModelParams
    train: TrainParams
    start: str
    """`base`, or the training whose result it starts from."""
    kind: str
    """What is trained; see `mixture_card.Training`."""
    held_out: tuple[str, ...] = ()
    """Tasks that are looked at and not trained."""
    licences: dict[str, str] = {}
    """Of each task's data, for the model card, which is part of the output: an edit trains again."""
    text: TextParams | None = None
    """Of the text view; null in the choice view."""


class FeatureSettings(Settings):
    """`settings/features.json`."""

    why_none: str | None = None
    """Why no features are made; null where they are. Then nothing else is said."""
    tasks: tuple[str, ...] = ()
    """Those that are drawn."""
    source: str = ""
    """`model.source`: the encoder, or `small` for that of the compass model."""
    revision: str | None = None
    rows: int = 0
    """Most rows of a task and role; 0 where no features of choices are made."""
    state_rows: int = 0
    """Most train rows that a task's prefix is read in front of; 0 where that is not asked for."""
    threads: int = 1
    """CPU threads; part of the recipe, since sums depend on it."""


class RelateSettings(Settings):
    """`settings/relate.json`."""

    tasks: tuple[str, ...]
    """Those that are drawn."""
    families: dict[str, str]
    relate: RelateParams


class TailorSettings(Settings):
    """`settings/tailor.json`."""

    tailor: Tailor
    tasks: dict[str, MixtureTask]
    """Those that are drawn, each with what its rows are seen through alone."""
    order: OrderName
    card: dict[str, Any]
    """What the tailored card takes over as it is, by key."""
    seeds: int = 3
    """Trainings of each arm of a race; `relate.seeds`."""
    families: dict[str, str]


class EvaluateSettings(Settings):
    """`settings/evaluate.json`."""

    tasks: tuple[str, ...]
    families: dict[str, str]
    trainings: tuple[str, ...]
    """Whose models are evaluated."""
    target: str
    """Task that the tailored model is for."""
    held_out: tuple[str, ...] = ()
    """Tasks that no model was trained on."""
    evaluate: EvaluateParams
    max_tokens: int


class ReportSettings(Settings):
    """`settings/report.json`."""

    trainings: tuple[str, ...]
    target: str
    """Task that Tailor helps."""
    scorer: str
    """What Tailor chose by."""
    families: dict[str, str]
    licences: dict[str, str]
