"""The text encoder: a small one from random weights, or a pretrained one of `transformers`.

Knows model folders and `transformers`; knows no task, no shard and no training loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModel, BertConfig, BertModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from pipeline.errors import TrainingError
from pipeline.modeling.model import first_position
from pipeline.seeds import derive_seed

FEED_FORWARD = 4
"""Width of the feed-forward layers of a `small` encoder, as a multiple of its width."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Size of a `small` encoder; of a pretrained one, `dropout` alone counts."""

    layers: int
    width: int
    heads: int
    dropout: float


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How a folder's weights fitted the encoder, for a person to read."""

    missing: tuple[str, ...]
    """Weights of the encoder that the folder lacks: they start at random."""
    unexpected: tuple[str, ...]
    """Weights of the folder that the encoder has no use for, such as the heads of another model."""
    added_rows: int
    """Rows that the embedding table grew by."""

    def lines(self) -> list[str]:
        """Word the report; empty where everything fitted."""
        parts = (("missing, left at random", self.missing), ("not used", self.unexpected))
        lines = [f"{len(keys)} weights {what}: {_some(keys)}" for what, keys in parts if keys]
        if self.added_rows:
            lines.append(f"embedding table grown by {self.added_rows} rows")
        return lines


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def quiet_transformers() -> None:
    """Turn off the progress bars and reports of `transformers`; `LoadReport` says what they say."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def small_encoder(
    architecture: Architecture, *, vocabulary: int, max_tokens: int, pad: int, seed: int
) -> PreTrainedModel:
    """Return a BERT encoder with random weights that depend on `seed` alone.

    Attention dropout is off: it costs speed and brings nothing at this size.

    Args:
        architecture: Its size.
        vocabulary: Rows of the embedding table.
        max_tokens: Longest sequence.
        pad: Id of the padding token.
        seed: Seed of the run.
    """
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=architecture.width,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=FEED_FORWARD * architecture.width,
        max_position_embeddings=max_tokens,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=pad,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "encoder"))
        return BertModel(config)


def pretrained_encoder(
    folder: Path, *, vocabulary: int, max_tokens: int, dropout: float | None, seed: int
) -> tuple[PreTrainedModel, LoadReport]:
    """Load an encoder from a folder as `save_pretrained` writes it; nothing is downloaded.

    The embedding table grows to `vocabulary` rows and never shrinks. Its new rows, and weights that
    the folder lacks, start at random from `seed`.

    Args:
        folder: Has `config.json` and `*.safetensors`.
        vocabulary: Least number of embedding rows.
        max_tokens: Longest sequence that it must take.
        dropout: Replaces the folder's own dropout, and attention dropout becomes 0; None keeps both.
        seed: Seed of the run.

    Raises:
        TrainingError: The folder holds no usable encoder, or one that takes shorter sequences.
    """
    _require_files(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "encoder"))
        encoder, info = _load(folder)
        _require_positions(encoder, max_tokens, folder)
        rows = encoder.get_input_embeddings().weight.shape[0]
        if vocabulary > rows:
            encoder.resize_token_embeddings(vocabulary, mean_resizing=False)
    if dropout is not None:
        _set_dropout(encoder, dropout)
    report = LoadReport(
        tuple(sorted(info["missing_keys"])),
        tuple(sorted(info["unexpected_keys"])),
        max(0, vocabulary - rows),
    )
    return encoder, report


def recompute_activations(model: nn.Module) -> None:
    """Make the transformer inside a model compute its activations again in the backward pass.

    Random draws are repeated as they were, so that gradients do not change; memory falls from all
    layers' activations to one layer's, and a step costs one more forward pass.

    Raises:
        TrainingError: The architecture cannot do it.
    """
    transformer = _transformer(model)
    if not transformer.supports_gradient_checkpointing:
        raise TrainingError(
            f"{type(transformer).__name__} cannot compute its activations again",
            where="train.gradient_checkpointing",
            remedy="set it to false and lower train.token_budget",
        )
    newer = getattr(transformer, "activation_checkpointing_enable", None)  # the older one will go
    enable = newer or transformer.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    transformer.disable_input_require_grads()  # an embedding's hook that only the other kind needs


def compile_transformer(model: nn.Module) -> None:
    """Have `torch.compile` compile the transformer inside a model at its first call, for any lengths.

    Names of weights stay as they are. A compiler that is missing or fails says so at the first call,
    as a `torch._dynamo.exc.TorchDynamoException`.
    """
    _transformer(model).compile(dynamic=True)


def _transformer(model: nn.Module) -> PreTrainedModel:
    return next(module for module in model.modules() if isinstance(module, PreTrainedModel))


def _require_files(folder: Path) -> None:
    remedy = "set model.source in params.yaml to a folder as `save_pretrained` writes it"
    if not (folder / "config.json").is_file():
        raise TrainingError("has no config.json", where=str(folder), remedy=remedy)
    if not sorted(folder.glob("*.safetensors")):
        raise TrainingError(
            "has no *.safetensors; other formats can run code and are not read",
            where=str(folder),
            remedy=remedy,
        )


def _load(folder: Path) -> tuple[PreTrainedModel, dict[str, set[str]]]:
    try:
        return _from_pretrained(folder, "sdpa")
    except ValueError as error:
        if "attn_implementation" not in str(error):
            raise _not_loadable(folder, error) from error
    except (OSError, RuntimeError, KeyError, SafetensorError) as error:
        raise _not_loadable(folder, error) from error
    return _from_pretrained(folder, "eager")


def _from_pretrained(folder: Path, attention: str) -> tuple[PreTrainedModel, dict[str, set[str]]]:
    encoder, info = AutoModel.from_pretrained(
        str(folder),
        dtype=torch.float32,
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    return encoder, info


def _not_loadable(folder: Path, error: Exception) -> TrainingError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return TrainingError(
        f"not an encoder that transformers can load: {first}",
        where=str(folder),
        expected="config.json and model.safetensors of one and the same model",
    )


def _require_positions(encoder: PreTrainedModel, max_tokens: int, folder: Path) -> None:
    """Check that the position table has a row for every token, those kept for padding left out."""
    rows = getattr(encoder.config, "max_position_embeddings", None)
    if rows is None or rows <= 0:
        return
    positions = rows - first_position(encoder)
    if positions < max_tokens:
        raise TrainingError(
            f"takes sequences of at most {positions} tokens, the shards hold up to {max_tokens}",
            where=str(folder),
            remedy=f"set tokenize.max_tokens to {positions} or less",
        )


def _set_dropout(encoder: PreTrainedModel, dropout: float) -> None:
    """Set dropout in the configuration and in the modules that were built from it."""
    attention = ("attention_probs_dropout_prob", "attention_dropout")
    for key in ("hidden_dropout_prob", "dropout", *attention):
        if hasattr(encoder.config, key):
            setattr(encoder.config, key, 0.0 if key in attention else dropout)
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0 if _is_attention_dropout(name) else dropout


def _is_attention_dropout(name: str) -> bool:
    """Whether a dropout acts on attention weights; BERT's and its kin's end in `.self.dropout`."""
    return name.endswith((".self.dropout", ".attention.dropout"))
