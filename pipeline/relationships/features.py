"""Fixed features as the stage `features` wrote them: read, checked, stripped of rows without one gold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.contract.files import require
from pipeline.errors import ArtefactError, DataError
from pipeline.relationships.proxy.tasks import FeatureTask

VERSION = "2"
"""Of the files, as their metadata has it."""
_REMEDY = "delete the folder and run `dvc repro features`"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureFile:
    """One task's features, and what they were made from."""

    task: FeatureTask
    """Rows with one known gold choice alone."""
    rows: int
    """Rows of the file: those above, and the ones whose gold is hidden or several."""
    encoder: str
    """Hash of the encoder."""
    tokens: str
    """Hash of the token shard."""


def read_features(path: Path, task: str) -> FeatureFile:
    """Read `<task>.safetensors`.

    Raises:
        ArtefactError: It is missing, damaged or of another version, or its features are not finite.
    """
    from safetensors import SafetensorError, safe_open

    require(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            origin = file.metadata() or {}
            parts = [file.get_tensor(name) for name in ("features", "first", "gold")]
        encoder, tokens, version = origin["encoder"], origin["tokens"], origin["version"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if version != VERSION:
        raise ArtefactError(
            f"has version {version}", where=str(path), expected=VERSION, remedy=_REMEDY
        )
    features, first, gold = parts
    if not np.isfinite(features).all():
        raise ArtefactError("holds features that are not finite", where=str(path), remedy=_REMEDY)
    try:
        known = with_one_gold(task, features, first.astype(np.int64), gold.astype(np.int64))
    except (DataError, IndexError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    return FeatureFile(task=known, rows=len(gold), encoder=encoder, tokens=tokens)


def read_all(
    folder: Path, tasks: Sequence[str], *, tokens: Mapping[str, str]
) -> dict[str, FeatureFile]:
    """Read the features of several tasks, of one encoder and of the present tokens.

    Args:
        folder: Of one role.
        tasks: Their names.
        tokens: Hash of each task's token shard.

    Raises:
        ArtefactError: Some are missing, damaged, of other tokens, or of another encoder than the rest.
    """
    remedy = "run `dvc repro features`"
    missing = [task for task in tasks if not (folder / f"{task}.safetensors").is_file()]
    if missing:
        raise ArtefactError(
            f"there are no features of task '{missing[0]}'", where=str(folder), remedy=remedy
        )
    files = {task: read_features(folder / f"{task}.safetensors", task) for task in tasks}
    for task, file in files.items():
        if file.tokens != tokens.get(task):
            raise ArtefactError(
                f"the features of task '{task}' are of other tokens than the present ones",
                where=str(folder),
                remedy=remedy,
            )
        if file.encoder != files[tasks[0]].encoder:
            raise ArtefactError(
                f"the features of tasks '{tasks[0]}' and '{task}' are of different encoders",
                where=str(folder),
                remedy=remedy,
            )
    return files


def with_one_gold(
    task: str, features_OD: np.ndarray, first: np.ndarray, gold: np.ndarray
) -> FeatureTask:
    """Return the rows whose gold is not -1, which stands for hidden and for several.

    Raises:
        DataError: Choices, offsets and golds do not fit together.
    """
    everything = FeatureTask(
        name=task, features_OD=features_OD, first=first, gold=np.maximum(gold, 0)
    )
    return everything.take(np.flatnonzero(gold >= 0))


def _damaged(path: Path, what: str) -> ArtefactError:
    return ArtefactError(f"not the features of a task: {what}", where=str(path), remedy=_REMEDY)
