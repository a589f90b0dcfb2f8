"""Which prompt made each row of a task's token shard: an evaluation reports prompts apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.contract.files import REMEDY, read_arrow, read_manifest
from pipeline.contract.ragged import Ints
from pipeline.contract.text import TEXT_SHARD
from pipeline.errors import ArtefactError
from pipeline.training.text.shards import VERSION
from pipeline.training.view import PromptName


@dataclass(frozen=True, slots=True)
class PromptRows:
    """The prompts of one task, and the rows of each."""

    prompts: tuple[PromptName, ...]
    of_row: Ints
    """Index into `prompts` of each row of the shard, (R,)."""

    def rows(self) -> Iterator[tuple[PromptName, Ints]]:
        """Yield each prompt with the rows of the shard that it made, in their order."""
        for index, prompt in enumerate(self.prompts):
            yield prompt, np.flatnonzero(self.of_row == index)


def read_prompts(folder: Path) -> dict[str, PromptRows]:
    """Return the prompts of every task of `tokens/<role>`.

    Raises:
        ArtefactError: The manifest names no prompts, or a shard counts in others; or a curated row stands
            twice under one prompt, and would count twice.
    """
    manifest = read_manifest(folder, version=VERSION, keys=("tasks",))
    return {entry["task"]: _of_task(folder, entry) for entry in manifest["tasks"]}


def _of_task(folder: Path, entry: Mapping[str, Any]) -> PromptRows:
    path = folder / f"{entry['task']}.arrow"
    try:
        prompts = tuple(PromptName(one["id"], one["name"]) for one in entry["prompts"])
    except (KeyError, TypeError) as error:
        raise ArtefactError(
            f"task '{entry['task']}' has no list of prompts",
            where=str(folder / "manifest.json"),
            expected="prompts: id and name of each",
            remedy=REMEDY,
        ) from error
    batch = read_arrow(path, TEXT_SHARD)
    of_row = batch.column("prompt").to_numpy().astype(np.int64)
    row = batch.column("row").to_numpy().astype(np.int64)
    if len(of_row) and int(of_row.max()) >= len(prompts):
        raise ArtefactError(
            f"counts in {int(of_row.max()) + 1} prompts",
            where=str(path),
            expected=f"the {len(prompts)} of the manifest",
            remedy=REMEDY,
        )
    both, times = np.unique(of_row << 32 | row, return_counts=True)
    if len(times) and times.max() > 1:
        twice = int(both[times.argmax()])
        raise ArtefactError(
            f"holds row {twice & 0xFFFFFFFF} twice under prompt '{prompts[twice >> 32].id}'",
            where=str(path),
            expected="each row once a prompt",
            remedy=REMEDY,
        )
    return PromptRows(prompts, of_row)
