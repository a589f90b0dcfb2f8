"""The text encoder: a small one from random weights, or a pretrained one of `transformers`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, BertConfig, BertModel, PreTrainedModel

from pipeline.errors import TrainingError
from pipeline.modeling.load import LoadReport, load_model, read_config, set_dropout
from pipeline.modeling.model import first_position
from pipeline.seeds import derive_seed

FEED_FORWARD = 4
"""Width of the feed-forward layers of a `small` encoder, as a multiple of its width."""
_WHAT = "an encoder"


@dataclass(frozen=True, slots=True)
class Architecture:
    """Size of a `small` encoder; of a pretrained one, `dropout` alone counts."""

    layers: int
    width: int
    heads: int
    dropout: float


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
        folder: Has `config.json` and safetensors.
        vocabulary: Least number of embedding rows.
        max_tokens: Longest sequence that it must take.
        dropout: Replaces the folder's own dropout, and attention dropout becomes 0; None keeps both.
        seed: Seed of the run.

    Raises:
        TrainingError: The folder is refused (see `folder.check_model_folder`), holds no usable encoder,
            or one that takes shorter sequences.
    """
    config = read_config(folder, what=_WHAT)
    if dropout is not None:
        set_dropout(config, dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "encoder"))
        encoder, report = load_model(AutoModel, folder, config, vocabulary=vocabulary, what=_WHAT)
    _require_positions(encoder, max_tokens, folder)
    if dropout is not None:
        for name, module in encoder.named_modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0 if _is_attention_dropout(name) else dropout
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


def _is_attention_dropout(name: str) -> bool:
    """Whether a dropout acts on attention weights; BERT's and its kin's end in `.self.dropout`."""
    return name.endswith((".self.dropout", ".attention.dropout"))
