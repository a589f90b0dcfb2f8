"""Language models from a folder, or small ones from random weights.

Knows how `transformers` builds and loads causal and encoder-decoder models; knows no task, no shard and
no training loop.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import FEED_FORWARD, Architecture, LoadReport
from pipeline.modeling.language import Kind, LanguageModel, leak
from pipeline.seeds import derive_seed

LEAK = 1e-4
"""Most that a log-probability may change when another document stands in the same line."""

_DROPOUTS = ("dropout_rate", "dropout", "resid_pdrop", "embd_pdrop", "hidden_dropout")
_ATTENTION_DROPOUTS = ("attention_dropout", "attn_pdrop")


@dataclass(frozen=True, slots=True)
class Special:
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
    special: Special,
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
    size: Architecture, vocabulary: int, max_tokens: int, special: Special
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


def _t5(size: Architecture, vocabulary: int, special: Special) -> T5ForConditionalGeneration:
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
        folder: Has `config.json` and `*.safetensors`.
        kind: What the model must be.
        vocabulary: Least number of embedding rows.
        max_tokens: Longest sequence that it must take.
        dropout: Replaces the folder's own dropout, and attention dropout becomes 0; None keeps both.
        seed: Seed of the run.

    Raises:
        TrainingError: The folder holds no such model, or one that takes shorter sequences.
    """
    config = _config(folder, kind, max_tokens)
    if dropout is not None:
        _set_dropout(config, dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "language"))
        model, info = _load(folder, kind, config)
        rows = model.get_input_embeddings().weight.shape[0]
        if vocabulary > rows:
            model.resize_token_embeddings(vocabulary, mean_resizing=False)
    if model.get_output_embeddings() is None:
        raise _not_loadable(folder, "it has no head")
    missing, unexpected = (tuple(sorted(info[f"{key}_keys"])) for key in ("missing", "unexpected"))
    return LanguageModel(model, kind), LoadReport(missing, unexpected, max(0, vocabulary - rows))


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


def _config(folder: Path, kind: Kind, max_tokens: int) -> PretrainedConfig:
    remedy = "set model.source in params.yaml to a folder as `save_pretrained` writes it"
    if not (folder / "config.json").is_file():
        raise TrainingError("has no config.json", where=str(folder), remedy=remedy)
    if not sorted(folder.glob("*.safetensors")):
        raise TrainingError(
            "has no *.safetensors; other formats can run code and are not read",
            where=str(folder),
            remedy=remedy,
        )
    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise _not_loadable(folder, error) from error
    is_pairs = bool(getattr(config, "is_encoder_decoder", False))
    if is_pairs != (kind == "seq2seq"):
        raise TrainingError(
            f"holds {'an encoder-decoder' if is_pairs else 'no encoder-decoder'}",
            where=str(folder),
            expected=f"a model for text.model '{kind}'",
            remedy=f"set text.model to '{'seq2seq' if is_pairs else 'causal'}', or take another model",
        )
    _require_room(config, max_tokens, folder)
    return config


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


def _set_dropout(config: PretrainedConfig, dropout: float) -> None:
    for key in (*_DROPOUTS, *_ATTENTION_DROPOUTS):
        if isinstance(getattr(config, key, None), float | int):
            setattr(config, key, 0.0 if key in _ATTENTION_DROPOUTS else dropout)


def _load(
    folder: Path, kind: Kind, config: PretrainedConfig
) -> tuple[PreTrainedModel, dict[str, set[str]]]:
    known: Any = AutoModelForSeq2SeqLM if kind == "seq2seq" else AutoModelForCausalLM
    for name in ("sdpa", "eager"):
        try:
            model, info = known.from_pretrained(
                str(folder),
                config=config,
                dtype=torch.float32,
                attn_implementation=name,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except ValueError as error:
            # an architecture that lacks the wanted attention says so; every one has the plain one
            if name == "eager" or "attn_implementation" not in str(error):
                raise _not_loadable(folder, error) from error
        except (OSError, RuntimeError, KeyError, SafetensorError) as error:
            raise _not_loadable(folder, error) from error
        else:
            return model, info
    raise AssertionError("unreachable: the plain attention either loads or raises")


def _not_loadable(folder: Path, error: object) -> TrainingError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return TrainingError(
        f"not a language model that transformers can load: {first}",
        where=str(folder),
        expected="config.json and model.safetensors of one and the same model",
    )
