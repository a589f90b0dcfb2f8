"""What a training leaves behind: a plain `transformers` folder, the heads, the prefixes, the logs.

`AutoModel.from_pretrained(out)` and `AutoTokenizer.from_pretrained(out)` read the folder, and
`load_model` reads it with its heads. Knows model folders; knows no training loop.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.encoder import pretrained_encoder
from pipeline.modeling.model import ChoiceModel, with_heads

HEAD = "head.safetensors"
PREFIXES = "prefixes.safetensors"
RUN = "run.json"
_UNFINISHED = ".unfinished"
"""Folder below the output that is filled first, so that a full disk changes no file of it."""
_OWN_PATHS = ("out", "resume", "model_path", "track", "licences")
"""Keys of run.json that say where, not what, or that the model card says: not in the recorded one."""


@contextmanager
def published(out: Path) -> Iterator[Path]:
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
            os.replace(file, out / file.name)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"the trained model cannot be written: {error}",
            where=str(out),
            remedy="make room on the disk and run again: it goes on from the newest checkpoint",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_model(model: ChoiceModel, out: Path, tokenizer: Path) -> None:
    """Write the encoder, the heads and the tokenizer's files."""
    out.mkdir(parents=True, exist_ok=True)
    model.encoder.save_pretrained(out)
    heads = {name: value.cpu().contiguous() for name, value in model.heads.state_dict().items()}
    save_file(heads, out / HEAD)
    for file in sorted(tokenizer.iterdir()):
        if file.is_file():
            shutil.copyfile(file, out / file.name)
    if model.takes_types:
        _name_types(out / "tokenizer_config.json")
    for file in sorted(out.iterdir()):
        file.chmod(0o644)  # safetensors writes files that only their owner can read


def _name_types(path: Path) -> None:
    """Make the tokenizer return token types, which the model was trained with, if it does not say."""
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    config.setdefault("model_input_names", ["input_ids", "token_type_ids", "attention_mask"])
    path.write_text(json.dumps(config, sort_keys=True, indent=2) + "\n", encoding="utf-8")


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
    (out / PREFIXES).chmod(0o644)


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


def load_model(folder: Path, *, max_tokens: int, dropout: float | None = None) -> ChoiceModel:
    """Load a trained model with its heads, on the CPU and in evaluation mode.

    Args:
        folder: As `save_model` writes it.
        max_tokens: Longest sequence that it must take.
        dropout: For further training; None keeps what the folder says, which evaluation ignores.

    Raises:
        TrainingError: The encoder cannot be loaded.
        ArtefactError: The heads are missing, or belong to another encoder.
    """
    encoder, report = pretrained_encoder(
        folder, vocabulary=0, max_tokens=max_tokens, dropout=dropout, seed=0
    )
    if report.missing:
        raise ArtefactError(
            f"the encoder lacks {', '.join(report.missing[:4])}", where=str(folder), remedy=REMEDY
        )
    path = folder / HEAD
    try:
        heads = load_file(path)
        pooled = any(name.startswith("scoring.pooler.") for name in heads)
        model = with_heads(encoder, dropout=dropout or 0.0, seed=0, pooled=pooled)
        model.heads.load_state_dict(heads)
    except (OSError, SafetensorError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ArtefactError(
            f"not the heads of this encoder: {first}", where=str(path), remedy=REMEDY
        ) from error
    return model.eval()


def load_prefixes(folder: Path) -> tuple[list[str], Tensor, Tensor]:
    """Read the prefix rows: the task names, the initial rows and the final ones.

    Raises:
        ArtefactError: The file is missing or damaged.
    """
    from safetensors import safe_open

    path = folder / PREFIXES
    try:
        with safe_open(path, framework="pt") as file:
            tasks = json.loads(file.metadata()["tasks"])
            rows: tuple[torch.Tensor, torch.Tensor] = (
                file.get_tensor("initial"),
                file.get_tensor("final"),
            )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"not readable: {error}", where=str(path), remedy=REMEDY) from error
    return tasks, *rows
