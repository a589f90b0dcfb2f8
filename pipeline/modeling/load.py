"""Loads a model of `transformers` from a folder: only its own classes, only safetensors, no download."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from pipeline.errors import TrainingError
from pipeline.modeling.folder import check_model_folder

_ATTENTION_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
_DROPOUTS = (
    "hidden_dropout_prob", "dropout", "dropout_rate", "resid_pdrop", "embd_pdrop", "hidden_dropout",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How a folder's weights fitted the model, for a person to read."""

    missing: tuple[str, ...]
    """Weights of the model that the folder lacks: they start at random."""
    unexpected: tuple[str, ...]
    """Weights of the folder that the model has no use for, such as the heads of another model."""
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


def read_config(folder: Path, *, what: str) -> PretrainedConfig:
    """Read the configuration of a model whose architecture is part of `transformers`.

    Args:
        folder: As `save_pretrained` writes it.
        what: What the model must be, for errors: `an encoder`.

    Raises:
        TrainingError: The folder is refused (see `check_model_folder`), or the architecture is unknown.
    """
    check_model_folder(folder)
    try:
        values, _ = PretrainedConfig.get_config_dict(str(folder), local_files_only=True)
        kind = values.get("model_type")
        if kind is not None and kind not in transformers.CONFIG_MAPPING:
            raise TrainingError(
                f"its architecture '{kind}' is not part of transformers {transformers.__version__}",
                where=str(folder / "config.json"),
                expected="a model_type that this version knows; code that comes with a model is not run",
                remedy="take another model, or a version of transformers that has the architecture",
            )
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except TrainingError:
        raise
    except Exception as error:  # a foreign file makes the library raise errors of any kind
        raise not_loadable(folder, what, error) from error
    return config


def load_model(
    auto: Any, folder: Path, config: PretrainedConfig, *, vocabulary: int, what: str
) -> tuple[PreTrainedModel, LoadReport]:
    """Load a model in float32, on the CPU, with PyTorch's fused attention where it has it.

    The embedding table grows to `vocabulary` rows and never shrinks, and a head tied to it grows too.
    New rows, and weights that the folder lacks, are drawn from torch's generator.

    Args:
        auto: `AutoModel` or one of its kin.
        folder: What `read_config` read.
        config: From `read_config`.
        vocabulary: Least number of embedding rows.
        what: What the model must be, for errors: `an encoder`.

    Raises:
        TrainingError: The weights are damaged, of another model, or not one of them is the model's.
    """
    model, info = _from_pretrained(auto, folder, config, what)
    missing, unexpected = (tuple(sorted(info[f"{key}_keys"])) for key in ("missing", "unexpected"))
    if {name for name, _ in model.named_parameters()} <= set(missing):
        raise TrainingError(
            f"holds no weight of a {type(model).__name__}; it has {_some(unexpected) or 'none at all'}",
            where=str(folder),
            expected="config.json and weights of one and the same model",
            remedy="take the weights that belong to this config.json",
        )
    rows = model.get_input_embeddings().weight.shape[0]
    if vocabulary > rows:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    return model, LoadReport(missing, unexpected, max(0, vocabulary - rows))


def _from_pretrained(
    auto: Any, folder: Path, config: PretrainedConfig, what: str
) -> tuple[PreTrainedModel, dict[str, set[str]]]:
    for attention in ("sdpa", "eager"):
        try:
            model, info = auto.from_pretrained(
                str(folder),
                config=config,
                dtype=torch.float32,
                attn_implementation=attention,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:  # a foreign file makes the library raise errors of any kind
            # an architecture that lacks the wanted attention says so; every one has the plain one
            if attention == "eager" or "attn_implementation" not in str(error):
                raise not_loadable(folder, what, error) from error
        else:
            return model, info
    raise AssertionError("unreachable: the plain attention either loads or raises")


def not_loadable(folder: Path, what: str, error: object) -> TrainingError:
    """Return the error for a folder that `transformers` cannot read as `what`."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return TrainingError(
        f"not {what} that transformers can load: {first}",
        where=str(folder),
        expected="config.json and model.safetensors of one and the same model",
    )


def set_dropout(config: PretrainedConfig, dropout: float) -> None:
    """Set every dropout of a configuration, and those of attention weights to 0."""
    for key in (*_DROPOUTS, *_ATTENTION_DROPOUTS):
        if isinstance(getattr(config, key, None), float | int):
            setattr(config, key, 0.0 if key in _ATTENTION_DROPOUTS else dropout)
