"""Which prompt made each row of a task's token shard: an evaluation reports prompts apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.contract.files import REMEDY
from pipeline.contract.manifest import read_manifest
from pipeline.contract.ragged import Ints
from pipeline.contract.shards import open_rows
from pipeline.contract.text import TextEntry, TextManifest, TextRows
from pipeline.errors import ArtefactError
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
        ArtefactError: The manifest is damaged, a shard counts in other prompts, or a curated row stands
            twice under one prompt, and would count twice.
    """
    manifest = read_manifest(folder, TextManifest)
    return {
        entry.task: _of_task(folder, entry, open_rows(folder, manifest, task))
        for task, entry in enumerate(manifest.tasks)
    }


def _of_task(folder: Path, entry: TextEntry, rows: TextRows) -> PromptRows:
    where = str(folder / f"{entry.task}.arrow")
    prompts = tuple(PromptName(one.id, one.name) for one in entry.prompts)
    of_row, row = rows.prompt.astype(np.int64), rows.source.astype(np.int64)
    if len(of_row) and int(of_row.max()) >= len(prompts):
        raise ArtefactError(
            f"counts in {int(of_row.max()) + 1} prompts",
            where=where,
            expected=f"the {len(prompts)} of the manifest",
            remedy=REMEDY,
        )
    both, times = np.unique(of_row << 32 | row, return_counts=True)
    if len(times) and times.max() > 1:
        twice = int(both[times.argmax()])
        raise ArtefactError(
            f"holds row {twice & 0xFFFFFFFF} twice under prompt '{prompts[twice >> 32].id}'",
            where=where,
            expected="each row once a prompt",
            remedy=REMEDY,
        )
    return PromptRows(prompts, of_row)
