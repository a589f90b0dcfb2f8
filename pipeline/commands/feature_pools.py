"""Features of a mixture as pools of rows, for the commands that train small models on them.

`read_pools` reads train and `select` features, and checks that they are of one encoder and of the present
tokens. `make_report_pool` makes report features; it asks for selections that are frozen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config.settings import FeatureSettings, RelateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import read_json, sha256
from pipeline.contract.tokens import shard_hashes
from pipeline.errors import ArtefactError, ConfigError, unknown_name
from pipeline.layout import Layout
from pipeline.relationships.features import FeatureFile, read_all, read_features
from pipeline.relationships.proxy.tasks import FeatureTask, Pool, pool_tasks
from pipeline.seeds import derive_rng
from pipeline.stages.features import encode, encoder_folder
from pipeline.tailoring.frozen import Frozen

ROLES = ("train", "select")
REPORT = "report"
FEWEST = 2
"""Tasks with train rows below which there is no pair."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Features of a mixture's tasks, rows of one known gold choice alone."""

    tasks: tuple[str, ...]
    """Those with train rows, in name order."""
    train: Mapping[str, FeatureTask]
    select: Mapping[str, FeatureTask]
    """Of the same tasks; some may have no row."""
    encoder: str
    """Hash of the encoder."""
    families: Mapping[str, str]
    inputs: Mapping[str, str]
    """SHA-256 of each file, by role and task."""
    seed: int
    """Of the mixture."""

    def train_pool(self) -> Pool:
        """Return the train rows of all tasks."""
        return pool_tasks([self.train[name] for name in self.tasks])

    def select_pool(self) -> Pool:
        """Return the `select` rows of all tasks."""
        return pool_tasks([self.select[name] for name in self.tasks])


def read_pools(layout: Layout, *, rows: int | None = None) -> Features:
    """Read the features of a mixture.

    Args:
        layout: Of the mixture.
        rows: Most train rows of a task, drawn by its name; None is all that have features.

    Raises:
        ArtefactError: Features are missing, damaged, of several encoders or of other tokens, or fewer
            than two tasks have train rows.
    """
    settings = read(RelateSettings, layout.settings("relate"))
    names = sorted(settings.tasks)
    files = _read_files(layout, names)
    tasks = tuple(name for name in names if len(files["train"][name].task))
    if len(tasks) < FEWEST:
        raise ArtefactError(
            f"{len(tasks)} tasks have train rows of one known gold choice",
            where=str(layout.features / "train"),
            expected="two or more",
        )
    return Features(
        tasks=tasks,
        train={name: draw_rows(files["train"][name].task, rows) for name in tasks},
        select={name: files["select"][name].task for name in tasks},
        encoder=files["train"][tasks[0]].encoder,
        families=dict(settings.families),
        inputs={
            f"{role}/{name}": sha256(layout.features / role / f"{name}.safetensors")
            for role in ROLES
            for name in names
        },
        seed=settings.seed,
    )


def _read_files(layout: Layout, names: Sequence[str]) -> dict[str, dict[str, FeatureFile]]:
    """Return the features of all roles, which are of one encoder."""
    path = layout.features / "manifest.json"
    manifest = read_json(path) if path.is_file() else None
    if isinstance(manifest, dict) and manifest.get("why_none"):
        raise ArtefactError(
            f"there are no features: {manifest['why_none']}",
            where=str(path),
            remedy="take a mixture of the choice view with `selection: race` or a scorer that needs some",
        )
    files = {
        role: read_all(layout.features / role, names, tokens=shard_hashes(layout.tokens(role)))
        for role in ROLES
    }
    if len({file.encoder for by_task in files.values() for file in by_task.values()}) > 1:
        raise ArtefactError(
            "the train and select features are of different encoders",
            where=str(layout.features),
            remedy="run `dvc repro features`",
        )
    return files


def draw_rows(task: FeatureTask, rows: int | None) -> FeatureTask:
    """Return at most so many rows of a task, drawn by its name alone, in their sequence."""
    if rows is None or len(task) <= rows:
        return task
    turn = derive_rng(0, "some rows", task.name).permutation(len(task))
    return task.take(np.sort(turn[:rows]))


def targets_of(features: Features, wanted: str | None) -> tuple[str, ...]:
    """Return the targets that are asked for; all tasks with `select` rows where none are.

    Raises:
        ArtefactError: No task has a `select` row to judge on.
        ConfigError: There is no such task, or it has no such row.
    """
    if wanted is None:
        found = tuple(name for name in features.tasks if len(features.select[name]))
        for name in features.tasks:
            if name not in found:
                print(f"{name}: no select row of one known gold choice, so no target")
        if not found:
            raise ArtefactError(
                "no task has a select row of one known gold choice to judge on",
                where="features of the role 'select'",
                remedy="see curate.select_min in params.yaml",
            )
        return found
    names = tuple(dict.fromkeys(wanted.split(",")))
    for name in names:
        if name not in features.tasks:
            what, remedy = unknown_name("task", name, features.tasks)
            raise ConfigError(what, where="--targets", remedy=remedy)
        if not len(features.select[name]):
            raise ConfigError(
                f"'{name}' has no select row of one known gold choice to judge on",
                where="--targets",
            )
    return names


def make_report_pool(layout: Layout, features: Features, frozen: Frozen, *, rows: int) -> Pool:
    """Return report rows of the targets, made by the encoder of their train features.

    Files of the same tokens, encoder and number of rows that lie in the folder are kept.

    Args:
        layout: Of the mixture.
        features: Of train rows.
        frozen: The selections that open the rows; the features go into their folder.
        rows: Most rows of a target.

    Raises:
        ArtefactError: The mixture's encoder is no longer the one of the train features, a target has no
            report row of one known gold choice, or tokens are missing.
    """
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.choice.features import encoder_hash

    settings = read(FeatureSettings, layout.settings("features"))
    encoder, targets = encoder_folder(layout, settings), sorted(frozen.selections["targets"])
    if encoder_hash(encoder) != features.encoder:
        raise ArtefactError(
            "the encoder is another one than that of the train features",
            where=str(encoder),
            remedy="run `dvc repro features`, and compare again with another --out",
        )
    folder, tokens = frozen.folder / "report_features", layout.tokens(REPORT)
    encode(tokens, encoder, folder, tasks=targets, rows=rows, threads=settings.threads)
    found = [read_features(folder / f"{target}.safetensors", target).task for target in targets]
    for task in found:
        if not len(task):
            raise ArtefactError(
                f"'{task.name}' has no report row of one known gold choice",
                where=str(tokens),
                remedy="name the other targets with --targets, and give another --out",
            )
    return pool_tasks(found)
