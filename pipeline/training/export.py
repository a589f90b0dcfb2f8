"""What a training leaves behind: a plain `transformers` folder, the prefixes, the logs."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.errors import TrainingError

PREFIXES = "prefixes.safetensors"
RUN = "run.json"
_UNFINISHED = ".unfinished"
"""Folder below the output that is filled first, so that a full disk changes no file of it."""
_OWN_PATHS = ("out", "resume", "model_path", "track", "licences")
"""Keys of run.json that say where, not what, or that the model card says: not in the recorded one."""


@contextmanager
def publish_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder whose files move into `out` when the block succeeds, run.json last.

    Files of `out` that have other names stay as they are.

    Raises:
        TrainingError: The disk is full or not writable; unless the moves themselves fail, the files of
            `out` are as they were.
    """
    temporary = out / _UNFINISHED
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for file in sorted(temporary.iterdir(), key=lambda file: (file.name == RUN, file.name)):
            file.chmod(0o644)  # safetensors writes files that only their owner can read
            os.replace(file, out / file.name)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"the trained model cannot be written: {error}",
            where=str(out),
            remedy="make room on the disk and run again: it goes on from the newest checkpoint",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_transformer(model: PreTrainedModel, out: Path, tokenizer: Path) -> None:
    """Write a model of `transformers`, and the files of its tokenizer's folder beside it."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    for file in sorted(tokenizer.iterdir()):
        if file.is_file():
            shutil.copyfile(file, out / file.name)


def save_prefixes(out: Path, tasks: Sequence[str], *, initial: Tensor, final: Tensor) -> None:
    """Write the prefix rows before and after training, tasks x width, float32.

    Args:
        out: The folder.
        tasks: Names, one a row; kept as JSON in the file's metadata under `tasks`.
        initial: Rows at the start of this training.
        final: Rows at its end.
    """
    rows = {"initial": initial.float().contiguous(), "final": final.float().contiguous()}
    save_file(rows, out / PREFIXES, metadata={"tasks": json.dumps(list(tasks))})


def save_records(
    out: Path, run: Mapping[str, Any], *, texts: Mapping[str, str], select: Mapping[str, Any]
) -> None:
    """Write the logs, `select.json`, and run.json without the paths that are this machine's own."""
    for name, text in sorted(texts.items()):
        (out / name).write_text(text, encoding="utf-8")
    recorded = {key: value for key, value in run.items() if key not in _OWN_PATHS}
    for name, value in (("select.json", select), (RUN, recorded)):
        text = json.dumps(value, sort_keys=True, indent=2, allow_nan=False)
        (out / name).write_text(text + "\n", encoding="utf-8")
