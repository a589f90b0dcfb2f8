"""Fixed features of every choice: an encoder's mean state over `[CLS] context [SEP] choice [SEP]`.

The encoder is not trained and sees no prefix, so features say what a text is, not which task it belongs
to. They feed scorers that would otherwise have to train an encoder for each pair of tasks. Knows an
encoder and shards; writes safetensors.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import nn

from pipeline.errors import ArtefactError
from pipeline.modeling.encoder import pretrained_encoder, quiet_transformers
from pipeline.training.choice.objective import inputs
from pipeline.training.choice.sequences import Padded
from pipeline.training.choice.shards import Rows, Special, open_shards
from pipeline.training.cut import OVERHEAD, cut
from pipeline.training.ragged import Ints, Ragged, offsets_of, padded, segment_of, spread

VERSION = 1
_ROWS = 256
_BUDGET = 4096


def write_features(
    encoder: Path, tokens: Path, out: Path, *, rows: int, tasks: frozenset[str] | None = None
) -> Iterator[str]:
    """Write `<task>.safetensors` for every task of a token folder, one after the other.

    Each holds `features` (choices x width, float32), `first` (offsets of rows, int64), `gold` (int64;
    -1 where hidden or several) and `row` (of the curated table), and says in its metadata what it was
    made from: `tokens` and `encoder` (hashes) and `rows`. A file that is there for the same is kept.

    Args:
        encoder: Folder of a pretrained encoder.
        tokens: `tokens/<role>`.
        out: Folder to write to.
        rows: Most rows of a task: its first ones.
        tasks: Which tasks; None is all.

    Yields:
        The name of each task when its file is there.

    Raises:
        ArtefactError: The tokens are missing or damaged, or hold ids that the encoder does not know.
        TrainingError: The folder holds no usable encoder.
    """
    quiet_transformers()
    shards = open_shards(tokens)
    hashes = _shard_hashes(tokens)
    size = {"vocabulary": 0, "max_tokens": shards.max_tokens}
    model = pretrained_encoder(encoder, **size, dropout=None, seed=0)[0].eval()
    known = model.get_input_embeddings().weight.shape[0]
    made_from = {"version": str(VERSION), "encoder": encoder_hash(encoder), "rows": str(rows)}
    out.mkdir(parents=True, exist_ok=True)
    for shard in shards.shards:
        if tasks is None or shard.task in tasks:
            path = out / f"{shard.task}.safetensors"
            origin = made_from | {"tokens": hashes[shard.task]}
            if not path.is_file() or _made_from(path) != origin:
                some = shard.rows.take(np.arange(min(rows, len(shard.rows))))
                _check_ids(some, known, where=tokens / f"{shard.task}.arrow")
                _write(model, some, shards.special, path, origin)
            yield shard.task


def sequences(tokens: Path, *, rows: int, tasks: frozenset[str] | None = None) -> dict[str, int]:
    """Return how many sequences (choices) `write_features` would encode, by task.

    Raises:
        ArtefactError: The tokens are missing or damaged.
    """
    return {
        shard.task: int(shard.rows.choice_offsets[min(rows, len(shard.rows))])
        for shard in open_shards(tokens, verify=False).shards
        if tasks is None or shard.task in tasks
    }


def _shard_hashes(tokens: Path) -> dict[str, str]:
    manifest = json.loads((tokens / "manifest.json").read_text(encoding="utf-8"))
    return {entry["task"]: entry["sha256"] for entry in manifest["tasks"]}


def encoder_hash(folder: Path) -> str:
    """Return one SHA-256 over an encoder's configuration and weights."""
    digest = hashlib.sha256()
    for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {inner}\n".encode())
    return digest.hexdigest()


def _check_ids(rows: Rows, known: int, *, where: Path) -> None:
    highest = max(int(part.values.max(initial=0)) for part in (rows.context, rows.choices))
    if highest >= known:
        raise ArtefactError(
            f"holds the token {highest}, and the encoder knows {known}",
            where=str(where),
            remedy="give --encoder the encoder whose tokenizer the mixture uses",
        )


def _write(
    model: nn.Module, rows: Rows, special: Special, path: Path, origin: Mapping[str, str]
) -> None:
    parts = [
        choice_states(model, rows.take(np.arange(low, min(low + _ROWS, len(rows)))), special)
        for low in range(0, len(rows), _ROWS)
    ]
    tensors = {
        "features": np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32),
        "first": np.ascontiguousarray(rows.choice_offsets, dtype=np.int64),
        "gold": np.where(rows.multi, -1, rows.label).astype(np.int64),
        "row": np.ascontiguousarray(rows.source, dtype=np.int64),
    }
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, metadata=dict(origin))
    temporary.replace(path)


def _made_from(path: Path) -> dict[str, str]:
    """Return what a file was made from; nothing where it is damaged."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def choice_states(model: nn.Module, rows: Rows, special: Special) -> np.ndarray:
    """Return the mean last state of every choice's sequence, of length 1; float32, choices x width."""
    row = segment_of(rows.counts)
    contexts = rows.context.take(row)
    tokens = _framed(contexts, rows.choices, special)
    first = contexts.lengths + 2
    every, ones = np.arange(len(row)), np.ones(len(row), dtype=np.int64)
    result = None
    lengths = tokens.lengths
    overhead = OVERHEAD["cpu"]
    for chosen in cut(lengths, ones, every, every, budget=_BUDGET, overhead=overhead):
        states = _states(model, tokens.take(chosen), first[chosen], special)
        if result is None:
            result = np.empty((len(row), states.shape[1]), dtype=np.float32)
        result[chosen] = states
    return result if result is not None else np.zeros((0, 0), dtype=np.float32)


def _framed(first: Ragged, second: Ragged, special: Special) -> Ragged:
    """Return `[CLS] first [SEP] second [SEP]` for every sequence."""
    offsets = offsets_of(first.lengths + second.lengths + 3)
    starts = offsets[:-1]
    values = np.empty(offsets[-1], dtype=np.int32)
    values[starts] = special.cls
    values[spread(starts + 1, first.lengths)] = first.values
    values[starts + 1 + first.lengths] = special.sep
    values[spread(starts + 2 + first.lengths, second.lengths)] = second.values
    values[offsets[1:] - 1] = special.sep
    return Ragged(values, offsets)


def _states(model: nn.Module, tokens: Ragged, first: Ints, special: Special) -> np.ndarray:
    ids, real = padded(tokens, special.pad)
    types = ((np.arange(ids.shape[1]) >= first[:, None]) & real).astype(np.int64)
    batch = inputs(Padded(ids, real, types), torch.device("cpu"))
    arguments = {"input_ids": batch.ids_SL, "attention_mask": batch.attention_SL.long()}
    with torch.inference_mode():
        hidden = model(**arguments, token_type_ids=batch.types_SL).last_hidden_state
        weights = batch.attention_SL[..., None].float()
        mean = (hidden.float() * weights).sum(1) / weights.sum(1)
        states: np.ndarray = nn.functional.normalize(mean, dim=-1).numpy()
    return states
