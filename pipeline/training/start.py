"""What both views do before the first step: compare the artefacts, and find the model to start from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.contract.files import REMEDY, check_sha256
from pipeline.contract.shards import RoleShards
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.encoder import Architecture
from pipeline.training.run import Run

Model = TypeVar("Model")
Opened = RoleShards[Any, Any]
"""Token shards of any view."""


def check_together(run: Run, train: Opened, select: Opened) -> None:
    """Check that the tokenizer and the shards of both roles belong together.

    Raises:
        ArtefactError: The tokenizer is another one, the roles have other prefixes or special tokens, or
            a task has no prefix token of its own inside the vocabulary.
    """
    for shards in (train, select):
        check_sha256(Path(run.tokenizer) / "tokenizer.json", shards.tokenizer_sha256)
    if (select.prefixes, select.manifest.special) != (train.prefixes, train.manifest.special):
        raise ArtefactError(
            "the select shards have other prefixes or special tokens than the train shards",
            where=run.tokens.select,
            remedy=REMEDY,
        )
    owners: dict[int, str] = {}
    for task, token in train.prefixes.items():
        other = owners.setdefault(token, task)
        if other != task or not 0 <= token < train.vocabulary:
            why = "is also that of task '" + other + "'" if other != task else "is no token"
            raise ArtefactError(
                f"the prefix {token} of task '{task}' {why}",
                where=run.tokenizer,
                expected=f"one token a task, below {train.vocabulary}",
                remedy=REMEDY,
            )


def check_vocabulary(rows: int, shards: Opened, where: str) -> None:
    """Check that a trained model has an embedding for every token of some shards.

    Args:
        rows: Of the model's embedding table.
        shards: Of any view and role.
        where: The model's folder.

    Raises:
        ArtefactError: It has fewer.
    """
    if rows < shards.vocabulary:
        raise ArtefactError(
            f"has {rows} embeddings, the {shards.role} shards {shards.vocabulary} tokens",
            where=where,
            expected="a model that was trained on tokens of the same tokenizer",
            remedy=REMEDY,
        )


def new_model(
    run: Run, *, small: Callable[[Architecture], Model], pretrained: Callable[[Path], Model]
) -> Model:
    """Return the model of a run that starts from no other run: a pretrained or a small one.

    Args:
        run: Names the folder of the pretrained model, or the size of the small one.
        small: Builds a model of random weights.
        pretrained: Loads one from a folder.

    Raises:
        TrainingError: The run names a model and no folder of it; or the folder holds no usable model.
    """
    if run.model_path is not None:
        return pretrained(Path(run.model_path))
    size = run.model
    if size.source != "small":
        raise TrainingError(
            f"model.source is '{size.source}' and no model_path is given",
            where="run.json",
            expected="the folder of that model as model_path",
        )
    return small(Architecture(size.layers, size.width, size.heads, size.dropout))
