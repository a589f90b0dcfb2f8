"""Causal and encoder-decoder models: from a folder, or small ones from random weights."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    T5Config,
    T5ForConditionalGeneration,
)

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import FEED_FORWARD, Architecture
from pipeline.modeling.language import Kind, LanguageModel, leak
from pipeline.modeling.load import (
    LoadReport,
    load_model,
    not_loadable,
    read_config,
    set_dropout,
)
from pipeline.seeds import derive_seed

LEAK = 1e-4
"""Most that a log-probability may change when another document stands in the same line."""

_WHAT = "a language model"


@dataclass(frozen=True, slots=True)
class EndTokens:
    """Ids that a model's own configuration names; `bos` is None where there is none."""

    bos: int | None
    eos: int
    pad: int


def small_language(
    kind: Kind,
    architecture: Architecture,
    *,
    vocabulary: int,
    max_tokens: int,
    special: EndTokens,
    seed: int,
) -> LanguageModel:
    """Return a model with random weights that depend on `seed` alone: Llama-like, or T5-like.

    Its head is tied to its embeddings. A decoder has no dropout.

    Args:
        kind: Which of both.
        architecture: Its size; an encoder-decoder has as many layers in each half.
        vocabulary: Rows of the embedding table.
        max_tokens: Longest sequence.
        special: Ids of its configuration.
        seed: Seed of the run.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "language"))
        if kind == "seq2seq":
            return LanguageModel(_t5(architecture, vocabulary, special), kind)
        lines = _llama_config(architecture, vocabulary, max_tokens, special)
        return LanguageModel(LlamaForCausalLM(lines), kind)


def _llama_config(
    size: Architecture, vocabulary: int, max_tokens: int, special: EndTokens
) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size.width,
        intermediate_size=FEED_FORWARD * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=max_tokens,
        tie_word_embeddings=True,
        bos_token_id=special.bos,
        eos_token_id=special.eos,
        pad_token_id=special.pad,
        attn_implementation="sdpa",
    )


def _t5(size: Architecture, vocabulary: int, special: EndTokens) -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocabulary,
            d_model=size.width,
            d_kv=size.width // size.heads,
            d_ff=FEED_FORWARD * size.width,
            num_layers=size.layers,
            num_heads=size.heads,
            dropout_rate=size.dropout,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=special.pad,
            eos_token_id=special.eos,
            pad_token_id=special.pad,
            attn_implementation="sdpa",
        )
    )


def pretrained_language(
    folder: Path,
    kind: Kind,
    *,
    vocabulary: int,
    max_tokens: int,
    dropout: float | None,
    seed: int,
) -> tuple[LanguageModel, LoadReport]:
    """Load a language model from a folder as `save_pretrained` writes it; nothing is downloaded.

    The embedding table grows to `vocabulary` rows and never shrinks, and the head with it, tied or not.
    New rows, and weights that the folder lacks, start at random from `seed`.

    Args:
        folder: Has `config.json` and safetensors.
        kind: What the model must be.
        vocabulary: Least number of embedding rows.
        max_tokens: Longest sequence that it must take.
        dropout: Replaces the folder's own dropout, and attention dropout becomes 0; None keeps both.
        seed: Seed of the run.

    Raises:
        TrainingError: The folder is refused (see `folder.check_model_folder`), holds no such model, or
            one that takes shorter sequences.
    """
    config = read_config(folder, what=_WHAT)
    _require_kind(config, kind, folder)
    _require_room(config, max_tokens, folder)
    if dropout is not None:
        set_dropout(config, dropout)
    auto: Any = AutoModelForSeq2SeqLM if kind == "seq2seq" else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "language"))
        model, report = load_model(auto, folder, config, vocabulary=vocabulary, what=_WHAT)
    if model.get_output_embeddings() is None:
        raise not_loadable(folder, _WHAT, "it has no head")
    return LanguageModel(model, kind), report


def require_no_leak(model: LanguageModel, *, where: str) -> None:
    """Refuse a model whose packed documents see one another.

    Raises:
        TrainingError: It is one.
    """
    kind = type(model.transformer).__name__
    try:
        found = leak(model)
        what = (
            f"reads packed documents otherwise than alone: a log-probability differs by {found:.3g}"
        )
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        found, what = math.inf, f"takes no mask for packed documents ({type(error).__name__})"
    if not found <= LEAK:
        raise TrainingError(
            f"{kind} {what}",
            where=where,
            expected=f"at most {LEAK:g}",
            remedy="set text.pack_tokens to null",
        )


def use_flex_attention(model: LanguageModel) -> None:
    """Let a causal model attend by PyTorch's flex attention, which skips blocks that a mask empties.

    Raises:
        TrainingError: The architecture does not have it.
    """
    try:
        model.transformer.set_attn_implementation("flex_attention")
    except (ImportError, ValueError) as error:
        raise TrainingError(
            f"{type(model.transformer).__name__} has no flex attention: {error}",
            where="text.attention",
            remedy="set it to mask",
        ) from error


def _require_kind(config: PretrainedConfig, kind: Kind, folder: Path) -> None:
    is_pairs = bool(getattr(config, "is_encoder_decoder", False))
    if is_pairs != (kind == "seq2seq"):
        raise TrainingError(
            f"holds {'an encoder-decoder' if is_pairs else 'no encoder-decoder'}",
            where=str(folder),
            expected=f"a model for text.model '{kind}'",
            remedy=f"set text.model to '{'seq2seq' if is_pairs else 'causal'}', or take another model",
        )


def _require_room(config: PretrainedConfig, max_tokens: int, folder: Path) -> None:
    """Check positions, and a sliding window, which an explicit mask would switch off."""
    limits = {
        "positions": getattr(config, "max_position_embeddings", None),
        "window": getattr(config, "sliding_window", None),
    }
    for what, limit in limits.items():
        if isinstance(limit, int) and 0 < limit < max_tokens:
            raise TrainingError(
                f"has {what} for at most {limit} tokens, the shards hold up to {max_tokens}",
                where=str(folder),
                remedy=f"set tokenize.max_tokens to {limit} or less",
            )
