"""Fixed features of every choice: an encoder's mean state over `[CLS] context [SEP] choice [SEP]`.

The encoder is not trained and sees no prefix: features say what a text is, not which task it belongs to.
Scorers use them instead of training an encoder for each pair of tasks.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import nn
from transformers import PreTrainedModel

from pipeline.contract.choice import Rows, Shard, Special, open_shards
from pipeline.contract.ragged import Ints, concatenate, segment_of
from pipeline.contract.tokens import shard_hashes
from pipeline.errors import ArtefactError
from pipeline.modeling.encoder import pretrained_encoder
from pipeline.modeling.load import quiet_transformers
from pipeline.modeling.model import Inputs
from pipeline.seeds import derive_rng
from pipeline.training.choice.objective import inputs
from pipeline.training.choice.sequences import Sequences, pad_sequences
from pipeline.training.grouping import OVERHEAD, group_sequences

VERSION = 2
"""Of the file's content, which its readers know."""
_ROWS = 256
_BUDGET = 4096


def write_features(
    encoder: Path,
    tokens: Path,
    out: Path,
    *,
    rows: int,
    code: str,
    tasks: frozenset[str] | None = None,
    threads: int | None = None,
) -> Iterator[str]:
    """Write `<task>.safetensors` for every task of a token folder, one after the other.

    Each holds `features` (choices x width, float32), `first` (offsets of rows, int64), `gold` (int64; -1
    where hidden or several), `row` (of the curated table), and the hashes of what it was made from.

    Args:
        encoder: Folder of a pretrained encoder.
        tokens: `tokens/<role>`.
        out: Folder to write to.
        rows: Most rows of a task; see `sample_rows`.
        code: Hash of the code; a file of the same origin is kept, others are made anew.
        tasks: Which tasks; None is all.
        threads: CPU threads, which the last bits of a sum depend on; None is torch's own choice.

    Yields: The name of each task when its file is there.

    Raises:
        ArtefactError: The tokens are missing or damaged, or hold ids that the encoder does not know.
        TrainingError: The folder holds no usable encoder.
    """
    shards, hashes = open_shards(tokens), shard_hashes(tokens)
    model = freeze(encoder_of(encoder, shards.max_tokens), threads=threads)
    common = {"made_by": made_by(code), "encoder": encoder_hash(encoder), "rows": str(rows)}
    for shard in shards.shards:
        if tasks is None or shard.task in tasks:
            origin = common | {"version": str(VERSION), "tokens": hashes[shard.task]}
            if read_origin(path := out / f"{shard.task}.safetensors") != origin:
                _check_ids(shard.rows, model, where=tokens / f"{shard.task}.arrow")
                _write(model, shard, shards.special, path, origin)
            yield shard.task


def encoder_of(folder: Path, max_tokens: int) -> PreTrainedModel:
    """Return the encoder of a folder, as it is.

    Raises:
        TrainingError: The folder holds no usable encoder.
    """
    quiet_transformers()
    model, _ = pretrained_encoder(folder, vocabulary=0, max_tokens=max_tokens, dropout=None, seed=0)
    return model


def freeze(model: PreTrainedModel, *, threads: int | None) -> PreTrainedModel:
    """Return an encoder ready to answer without dropout, on the GPU where there is one."""
    if threads is not None:
        torch.set_num_threads(threads)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def count_sequences(
    tokens: Path, *, rows: int, tasks: frozenset[str] | None = None
) -> dict[str, int]:
    """Return how many sequences (choices) `write_features` would encode, by task.

    Raises:
        ArtefactError: The tokens are missing or damaged.
    """
    return {
        shard.task: int(
            shard.rows.counts[sample_rows(shard.task, len(shard.rows), most=rows)].sum()
        )
        for shard in open_shards(tokens, verify=False).shards
        if tasks is None or shard.task in tasks
    }


def sample_rows(task: str, rows: int, *, most: int) -> Ints:
    """Return which of a task's rows have features: all, or a draw keyed by its name, in file order.

    Not the first ones: many sources are sorted by label, so that their first rows are of one class.
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(derive_rng(0, "features", task).permutation(rows)[:most])


def made_by(code: str) -> str:
    """Return one SHA-256 over the code, the packages and the kind of device that give features."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = f"{code} {torch.__version__} {transformers.__version__} {device}"
    return hashlib.sha256(parts.encode()).hexdigest()


def encoder_hash(folder: Path) -> str:
    """Return one SHA-256 over an encoder's configuration and weights."""
    digest = hashlib.sha256()
    for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {inner}\n".encode())
    return digest.hexdigest()


def _check_ids(rows: Rows, model: PreTrainedModel, *, where: Path) -> None:
    known = model.get_input_embeddings().weight.shape[0]
    highest = max(int(part.values.max(initial=0)) for part in (rows.context, rows.choices))
    if highest >= known:
        raise ArtefactError(
            f"holds the token {highest}, and the encoder knows {known}",
            where=str(where),
            remedy="take the encoder whose tokenizer the mixture uses",
        )


def _write(
    model: nn.Module, shard: Shard, special: Special, path: Path, origin: Mapping[str, str]
) -> None:
    rows = shard.rows.take(sample_rows(shard.task, len(shard.rows), most=int(origin["rows"])))
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
    write_tensors(tensors, path, origin)


def write_tensors(tensors: dict[str, np.ndarray], path: Path, origin: Mapping[str, str]) -> None:
    """Write a safetensors file whole or not at all, the same bytes for the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    temporary.write_bytes(_in_order(save(tensors, metadata=dict(origin))))
    temporary.replace(path)


def _in_order(file: bytes) -> bytes:
    """Return a safetensors file with the keys of its header sorted.

    The library writes metadata of several keys in another sequence each time: the same features would
    be other bytes, and all that follows them would run again.
    """
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8:end]), sort_keys=True, separators=(",", ":")).encode()
    # data begins at a multiple of 8 bytes
    header = header.ljust(-(-len(header) // 8) * 8)
    return len(header).to_bytes(8, "little") + header + file[end:]


def read_origin(path: Path) -> dict[str, str]:
    """Return what a file was made from; nothing where there is none, or a damaged one."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def choice_states(model: nn.Module, rows: Rows, special: Special) -> np.ndarray:
    """Return the mean last state of every choice's sequence, of length 1; float32, choices x width."""
    row = segment_of(rows.counts)
    contexts = rows.context.take(row)
    tokens = concatenate(special.cls, contexts, special.sep, rows.choices, special.sep)
    return encode_sequences(
        model, Sequences(tokens, contexts.lengths + 2), special, read=_mean_state
    )


def encode_sequences(
    model: nn.Module,
    sequences: Sequences,
    special: Special,
    *,
    read: Callable[[torch.Tensor, Inputs], torch.Tensor],
) -> np.ndarray:
    """Return what is read off the last states of each sequence; float32, sequences x width.

    Args:
        model: An encoder; see `freeze`.
        sequences: Batched by length, in their own sequence afterwards.
        special: Ids of the special tokens.
        read: Takes the states of a batch, S x L x W, and its inputs, and gives S x W.
    """
    lengths = sequences.tokens.lengths
    result = None
    device = next(model.parameters()).device
    for chosen in group_sequences(lengths, budget=_BUDGET, overhead=OVERHEAD[device.type]):
        batch = inputs(pad_sequences(sequences.take(chosen), special), device)
        with torch.inference_mode():
            hidden = model(
                input_ids=batch.ids_SL,
                attention_mask=batch.attention_SL.long(),
                token_type_ids=batch.types_SL,
            ).last_hidden_state
            states = read(hidden.float(), batch).cpu().numpy()
        if result is None:
            result = np.empty((len(lengths), states.shape[1]), dtype=np.float32)
        result[chosen] = states
    return result if result is not None else np.zeros((0, 0), dtype=np.float32)


def _mean_state(hidden_SLW: torch.Tensor, batch: Inputs) -> torch.Tensor:
    weights = batch.attention_SL[..., None].float()
    mean = (hidden_SLW * weights).sum(1) / weights.sum(1)
    return nn.functional.normalize(mean, dim=-1)
