"""An encoder with its heads as a folder: written after a training, and loaded again."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError
from pipeline.modeling.encoder import pretrained_encoder
from pipeline.modeling.heads import SCORING_HEADS
from pipeline.modeling.model import ChoiceModel, with_heads
from pipeline.training.export import save_transformer

HEAD = "head.safetensors"
_KIND = "scoring"
"""Key of the file's metadata: kind of the scoring head."""


def save_model(model: ChoiceModel, out: Path, tokenizer: Path) -> None:
    """Write the encoder, the heads with their kind, and the tokenizer's files."""
    save_transformer(model.encoder, out, tokenizer)
    heads = {name: value.cpu().contiguous() for name, value in model.heads.state_dict().items()}
    save_file(heads, out / HEAD, metadata={_KIND: model.heads.scoring.kind})
    if model.takes_types:
        _name_types(out / "tokenizer_config.json")


def _name_types(path: Path) -> None:
    """Make the tokenizer return token types, which the model was trained with, if it does not say."""
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    config.setdefault("model_input_names", ["input_ids", "token_type_ids", "attention_mask"])
    path.write_text(json.dumps(config, sort_keys=True, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path, *, max_tokens: int, dropout: float | None = None) -> ChoiceModel:
    """Load a trained model with its heads, on the CPU and in evaluation mode.

    Args:
        folder: As `save_model` writes it.
        max_tokens: Longest sequence that it must take.
        dropout: For further training; None keeps what the folder says, which evaluation ignores.

    Raises:
        TrainingError: The encoder cannot be loaded.
        ArtefactError: The heads are missing, of an unknown kind, or belong to another encoder.
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
        with safe_open(path, framework="pt") as file:
            kind = (file.metadata() or {}).get(_KIND)
            heads = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        if kind not in SCORING_HEADS:
            raise ArtefactError(
                f"holds a scoring head of the kind {kind!r}",
                where=str(path),
                expected=" or ".join(map(repr, SCORING_HEADS)),
                remedy=REMEDY,
            )
        model = with_heads(encoder, dropout=dropout or 0.0, seed=0, scoring=kind)
        model.heads.load_state_dict(heads)
    except (OSError, SafetensorError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ArtefactError(
            f"not the heads of this encoder: {first}", where=str(path), remedy=REMEDY
        ) from error
    return model.eval()
