"""The states of a trained encoder at each task's prefix token, in front of the task's own rows.

A prefix embedding is one vector, whatever follows it. Its *contextual state* is the mean last state at
its place over `[CLS] prefix context [SEP] choice [SEP]` of some train rows: choices of a row count
equally, and so do rows. The file also holds the same of the model that training started from. No gold
label is used.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from pipeline.contract.choice import Rows, Shards, Special, open_shards
from pipeline.contract.ragged import segment_of
from pipeline.contract.tokens import shard_hashes
from pipeline.errors import ArtefactError
from pipeline.modeling.load import quiet_transformers
from pipeline.modeling.model import Inputs
from pipeline.training.choice.features import (
    encode_sequences,
    encoder_hash,
    encoder_of,
    freeze,
    made_by,
    read_origin,
    sample_rows,
    write_tensors,
)
from pipeline.training.choice.sequences import frame_sequences
from pipeline.training.choice.start import build_model
from pipeline.training.run import recorded_run
from pipeline.training.start import check_vocabulary

VERSION = 1


def write_prefix_states(
    folder: Path,
    tokens: Path,
    path: Path,
    *,
    tasks: Sequence[str],
    rows: int,
    code: str,
    base: Path | None,
    threads: int | None = None,
) -> None:
    """Write the mean states at the tasks' prefixes, before (`initial`) and after training (`final`).

    Both are tasks x width, float32. A file made from the same is kept.

    Args:
        folder: Of the trained model.
        tokens: `tokens/train`.
        path: The file.
        tasks: Which, in the file's sequence.
        rows: Most rows of a task; see `features.sample_rows`.
        code: Hash of the code that gives the states.
        base: Folder of the pretrained encoder that training started from; None for a `small` one.
        threads: CPU threads; see `features.write_features`.

    Raises:
        PipelineError: Something is missing or damaged, a task has no rows, the model was trained on
            another mixture, or a folder holds no usable encoder.
    """
    origin = _origin(folder, tokens, tasks, rows, code)
    if read_origin(path) == origin:
        return
    shards = open_shards(tokens)
    chosen = [_rows_of(shards, task, most=rows) for task in tasks]
    found = {}
    for name, encoder in _encoders(folder, shards, base).items():
        check_vocabulary(len(encoder.get_input_embeddings().weight), shards, str(folder))
        model = freeze(encoder, threads=threads)
        found[name] = np.stack([mean_state(model, some, shards.special) for some in chosen])
    write_tensors(found, path, origin)


def _encoders(folder: Path, shards: Shards, base: Path | None) -> dict[str, PreTrainedModel]:
    """Return the encoder that training started from, prefixes set as it set them, and the trained one."""
    quiet_transformers()
    run = recorded_run(folder, model_path=None if base is None else str(base))
    return {
        "initial": build_model(run, shards, say=lambda line: None).encoder,
        "final": encoder_of(folder, shards.max_tokens),
    }


def _origin(
    folder: Path, tokens: Path, tasks: Sequence[str], rows: int, code: str
) -> dict[str, str]:
    hashes = shard_hashes(tokens)
    return {
        "version": str(VERSION),
        "made_by": made_by(code),
        "tasks": json.dumps(list(tasks)),
        "rows": str(rows),
        "model": encoder_hash(folder),
        "tokens": json.dumps({task: hashes.get(task) for task in tasks}, sort_keys=True),
    }


def mean_state(model: PreTrainedModel, rows: Rows, special: Special) -> np.ndarray:
    """Return the mean last state at the prefix's place, (width,), float32; every row counts alike."""
    row = segment_of(rows.counts)
    sequences = frame_sequences(rows.prefix[row], rows.context.take(row), rows.choices, special)
    states_CW = encode_sequences(model, sequences, special, read=_at_prefix).astype(np.float64)
    sums_RW = np.add.reduceat(states_CW, rows.choice_offsets[:-1], axis=0)
    mean_W: np.ndarray = (sums_RW / rows.counts[:, None]).mean(axis=0).astype(np.float32)
    return mean_W


def _at_prefix(hidden_SLW: torch.Tensor, batch: Inputs) -> torch.Tensor:
    return hidden_SLW[:, 1]


def _rows_of(shards: Shards, task: str, *, most: int) -> Rows:
    """Return the rows that a task's prefix is read in front of."""
    shard = next((shard for shard in shards.shards if shard.task == task), None)
    if shard is None or not len(shard.rows):
        raise ArtefactError(
            f"task '{task}' has no train row that its prefix could be read in front of",
            where="scorer 'prefix_state'",
            remedy="take the scorer out of relate.scorers",
        )
    return shard.rows.take(sample_rows(task, len(shard.rows), most=most))
