"""Where a mixture's files lie, below the folder that DVC runs in. Knows names, opens nothing."""

from dataclasses import dataclass
from pathlib import Path

CARDS = Path("mixtures/tasks")
MIXTURES = Path("mixtures")
WALK = Path("dvc.yaml")
"""Its `vars:` name the card of the mixture in use."""
PROMPTS = MIXTURES / "prompts"
"""Prompts of the project, beside the cards: `<task or dataset>[/<subset>]/templates.yaml`."""
REVISIONS = MIXTURES / "revisions.lock"
PARAMS = Path("params.yaml")

KEPT = ".tokenize"
"""Folder, below a mixture's data, of tokenised tasks that the next run may use; no output of a stage."""
PASSES = ("compass", "tailored")
"""The base pass over all tasks, and the pass over the target and its complements."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one mixture."""

    name: str
    root: Path = Path()

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
        """Plan of a pass."""
        return self.data / "plans" / f"{which}.json"

    def mix(self, which: str) -> Path:
        """Order, manifest, audit and preview of a pass."""
        return self.data / "mixes" / which

    def model(self, which: str) -> Path:
        """Trained model of a pass."""
        return self.root / "models" / self.name / which

    def resume(self, which: str) -> Path:
        """Checkpoints of a running training; never an output of a stage."""
        return self.root / "models" / self.name / f".resume-{which}"

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
        return self.data / "tailored"

    @property
    def evaluation(self) -> Path:
        """Metrics and predictions on `report` rows."""
        return self.data / "evaluation"

    @property
    def report(self) -> Path:
        """The HTML report and the plots' tables."""
        return self.data / "report"
