"""Fixed features of every choice: an encoder's mean state over `[CLS] context [SEP] choice [SEP]`.

The encoder is not trained and sees no prefix, so features say what a text is, not which task it belongs
to. They feed scorers that would otherwise have to train an encoder for each pair of tasks. Knows an
encoder and shards; writes safetensors.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from pipeline.modeling.encoder import pretrained_encoder, quiet_transformers
from pipeline.training.cut import OVERHEAD, cut
from pipeline.training.objective import inputs
from pipeline.training.ragged import Ints, Ragged, offsets_of, padded, segment_of, spread
from pipeline.training.sequences import Padded
from pipeline.training.shards import Rows, Shard, Special, open_shards

VERSION = 1
_ROWS = 256
_BUDGET = 4096


def write_features(
    encoder: Path, tokens: Path, out: Path, *, rows: int, tasks: frozenset[str] | None = None
) -> Iterator[str]:
    """Write `<task>.safetensors` for every task of a token folder, one after the other.

    Each holds `features` (choices x width, float32), `first` (offsets of rows, int64), `gold` (int64;
    -1 where hidden or several) and `row` (of the curated table), with the shard's hash as metadata. A
    file that is there for the same shard and encoder is kept.

    Args:
        encoder: Folder of a pretrained encoder.
        tokens: `tokens/<role>`.
        out: Folder to write to.
        rows: Most rows of a task: its first ones.
        tasks: Which tasks; None is all.

    Yields:
        The name of each task when its file is there.
    """
    quiet_transformers()
    shards = open_shards(tokens)
    manifest = json.loads((tokens / "manifest.json").read_text(encoding="utf-8"))
    hashes = {entry["task"]: entry["sha256"] for entry in manifest["tasks"]}
    model, _ = pretrained_encoder(
        encoder, vocabulary=0, max_tokens=shards.max_tokens, dropout=None, seed=0
    )
    model.eval()
    out.mkdir(parents=True, exist_ok=True)
    for shard in shards.shards:
        if tasks is None or shard.task in tasks:
            _write(
                model,
                shard,
                shards.special,
                out,
                made_from=f"{hashes[shard.task]} {rows}",
                most=rows,
            )
            yield shard.task


def _write(
    model: nn.Module, shard: Shard, special: Special, out: Path, *, made_from: str, most: int
) -> None:
    path = out / f"{shard.task}.safetensors"
    if path.is_file() and _made_from(path) == made_from:
        return
    rows = shard.rows.take(np.arange(min(most, len(shard.rows))))
    parts = [
        choice_states(model, rows.take(np.arange(low, min(low + _ROWS, len(rows)))), special)
        for low in range(0, len(rows), _ROWS)
    ]
    tensors = {
        "features": np.concatenate(parts),
        "first": np.ascontiguousarray(rows.choice_offsets, dtype=np.int64),
        "gold": np.where(rows.multi, -1, rows.label).astype(np.int64),
        "row": np.ascontiguousarray(rows.source, dtype=np.int64),
    }
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, metadata={"shard": made_from, "version": str(VERSION)})
    temporary.replace(path)


def _made_from(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        metadata = file.metadata() or {}
    return metadata.get("shard", "") if metadata.get("version") == str(VERSION) else ""


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
