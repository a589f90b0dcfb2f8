"""Where a mixture's files lie, below the folder that DVC runs in. Opens no file."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigError

CARDS = Path("mixtures/tasks")
MIXTURES = Path("mixtures")
WALK = Path("dvc.yaml")
"""Its `vars:` name the card of the mixture in use."""
PROMPTS = MIXTURES / "prompts"
"""Prompts of the project, beside the cards: `<task or dataset>[/<subset>]/templates.yaml`."""
REVISIONS = MIXTURES / "revisions.lock"
PARAMS = Path("params.yaml")
MAX_NAME = 64

KEPT = ".tokenize"
"""Folder, below a mixture's data, of tokenised tasks that the next run may use; no output of a stage."""
COMPASS = "compass"
"""The training whose model and prefixes relationship scores are read from."""
TAILORED = "tailored"
"""The recipe that Tailor writes, beside `all`, which `resolve` writes."""


NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
"""Of the names of mixtures, tasks and trainings, which become file names."""


def check_name(kind: str, name: str) -> str:
    """Return a name that may become part of a path.

    Args:
        kind: Of what it is the name, for the message.
        name: As it was given.

    Raises:
        ConfigError: It is no plain name: it could lead out of its folder, or be read as a command.
    """
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
        raise ConfigError(
            f"{name!r} is no name of a {kind}",
            where="taskloom",
            expected=f"small letters, digits and _, a letter first, {MAX_NAME} at most",
        )
    return name


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one mixture.

    Raises:
        ConfigError: Its name is none; see `check_name`.
    """

    name: str
    root: Path = Path()

    def __post_init__(self) -> None:
        """Check the name, before any path is made of it."""
        check_name("mixture", self.name)

    @property
    def data(self) -> Path:
        """Everything but models."""
        return self.root / "data" / self.name

    def settings(self, stage: str) -> Path:
        """Settings of a stage."""
        return self.data / "settings" / f"{stage}.json"

    def source(self, task: str) -> Path:
        """Resolved source of a task."""
        return self.data / "sources" / f"{task}.json"

    def examples(self, task: str) -> Path:
        """Folder of a task's examples."""
        return self.data / "examples" / task

    def curated(self, task: str, role: str) -> Path:
        """Curated rows of a task."""
        return self.data / "curated" / task / f"{role}.parquet"

    def recipe(self, name: str) -> Path:
        """Tasks and proportions that trainings of this recipe draw: `all` or `tailored`."""
        return self.data / "recipes" / name / f"{name}.yaml"

    @property
    def models(self) -> Path:
        """Models of all trainings, each in a folder of its name."""
        return self.root / "models" / self.name

    @property
    def base(self) -> Path:
        """Which model trainings start from, if not from another training."""
        return self.models / "base" / "base.json"

    @property
    def checked(self) -> Path:
        """A file that is there once `resolve` has checked all names; its text never changes."""
        return self.data / "checked" / "names.txt"

    @property
    def curation(self) -> Path:
        """Drops, overlap and summary."""
        return self.data / "curation"

    @property
    def tokenizer(self) -> Path:
        """Tokenizer folder."""
        return self.data / "tokenizer"

    def rendered(self, task: str) -> Path:
        """Rendered text of a task, all roles."""
        return self.data / "rendered" / f"{task}.parquet"

    def tokens(self, role: str) -> Path:
        """Token shards of a role."""
        return self.data / "tokens" / role

    def plan(self, which: str) -> Path:
        """Plan of a training."""
        return self.data / "plans" / f"{which}.json"

    def mix(self, which: str) -> Path:
        """Order, manifest, audit and preview of a training."""
        return self.data / "mixes" / which

    def model(self, which: str) -> Path:
        """Trained model of a training."""
        return self.models / which

    def resume(self, which: str) -> Path:
        """Checkpoints of a running training; never an output of a stage."""
        return self.models / f".resume-{which}"

    @property
    def features(self) -> Path:
        """Features of choices, by role; none where nothing needs them."""
        return self.data / "features"

    @property
    def scores(self) -> Path:
        """Relationship scores."""
        return self.data / "scores"

    @property
    def tailored(self) -> Path:
        """What Tailor chose, and why."""
        return self.recipe(TAILORED).parent

    @property
    def evaluation(self) -> Path:
        """Metrics and predictions on `report` rows."""
        return self.data / "evaluation"

    @property
    def report(self) -> Path:
        """The HTML report and the plots' tables."""
        return self.data / "report"
