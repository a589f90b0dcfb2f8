"""What a training of the text view needs before its first step: artefacts, and a model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract.files import REMEDY
from pipeline.contract.order import Order, open_order
from pipeline.contract.text import TextShards, open_text_shards
from pipeline.errors import ArtefactError, ConfigError
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language import Kind, LanguageModel
from pipeline.modeling.language_load import (
    EndTokens,
    pretrained_language,
    require_no_leak,
    small_language,
    use_flex_attention,
)
from pipeline.modeling.prefixes import initialize_prefixes
from pipeline.training.run import Run, TextSettings
from pipeline.training.start import check_together, check_vocabulary, new_model
from pipeline.training.text.units import Units, open_units


@dataclass(frozen=True, slots=True)
class TextArtefacts:
    """What a training reads, opened and checked."""

    train: TextShards
    select: TextShards
    order: Order
    units: Units


def text_settings(run: Run) -> TextSettings:
    """Return the text view's settings of a run.

    Raises:
        ConfigError: The run has none.
    """
    if run.text is None:
        raise ConfigError(
            "text: is missing", where="run.json", expected="an object, since view is 'text'"
        )
    return run.text


def open_text_artefacts(run: Run, *, verify: bool = True) -> TextArtefacts:
    """Open shards, order and packs, and check that they, the tokenizer and the run belong together.

    Args:
        run: Names the folders.
        verify: Whether files are compared with their hashes; one process a machine is enough.

    Raises:
        ArtefactError: Something is missing, damaged, or belongs to something else.
    """
    text = text_settings(run)
    train = open_text_shards(Path(run.tokens.train), verify=verify)
    select = open_text_shards(Path(run.tokens.select), verify=verify)
    check_together(run, train, select)
    if train.model != text.model:
        raise ArtefactError(
            f"holds tokens for a {train.model} model",
            where=run.tokens.train,
            expected=f"for a {text.model} one, as text.model says",
            remedy=REMEDY,
        )
    order = open_order(Path(run.mix), train, verify=verify)
    packed = text.pack_tokens is not None
    units = open_units(Path(run.mix), len(order), packed=packed, verify=verify)
    return TextArtefacts(train, select, order, units)


def build_language(run: Run, shards: TextShards, *, say: Callable[[str], None]) -> LanguageModel:
    """Build the model that training starts from, on the CPU.

    Args:
        run: `init` wins over `model_path`; without either the model is a new small one.
        shards: Give vocabulary, prefixes and longest sequence.
        say: Takes lines about how a folder's weights fitted.

    Raises:
        TrainingError: The named folder holds no usable model, or one that packed rows do not suit.
        ArtefactError: The model of `init` has another vocabulary.
    """
    text, dropout = text_settings(run), run.model.dropout
    if run.init is not None:
        model = load_language(
            Path(run.init), text.model, max_tokens=shards.max_tokens, dropout=dropout
        )
        check_vocabulary(len(model.embeddings.weight), shards, run.init)
    else:
        model = _new_language(run, text, shards, say)
        initialize_prefixes(
            model.embeddings, shards.prefixes, init=run.train.prefix_init, seed=run.seed
        )
    if text.pack_tokens is not None:
        require_no_leak(model, where=run.init or run.model_path or run.model.source)
    if text.attention == "flex":
        use_flex_attention(model)
    return model


def _new_language(
    run: Run, text: TextSettings, shards: TextShards, say: Callable[[str], None]
) -> LanguageModel:
    def small(size: Architecture) -> LanguageModel:
        ids = shards.special
        return small_language(
            text.model,
            size,
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            special=EndTokens(ids.bos, ids.eos, ids.pad),
            seed=run.seed,
        )

    def pretrained(folder: Path) -> LanguageModel:
        model, report = pretrained_language(
            folder,
            text.model,
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            dropout=run.model.dropout,
            seed=run.seed,
        )
        for line in report.lines():
            say(line)
        return model

    return new_model(run, small=small, pretrained=pretrained)


def load_language(
    folder: Path,
    kind: Kind,
    *,
    max_tokens: int,
    dropout: float | None = None,
) -> LanguageModel:
    """Load a trained model, on the CPU and in evaluation mode.

    Args:
        folder: As a training of the text view leaves it.
        kind: What it is.
        max_tokens: Longest sequence that it must take.
        dropout: For further training; None keeps what the folder says, which evaluation ignores.

    Raises:
        TrainingError: It cannot be loaded.
        ArtefactError: Weights are missing.
    """
    model, report = pretrained_language(
        folder, kind, vocabulary=0, max_tokens=max_tokens, dropout=dropout, seed=0
    )  # fmt: skip
    if report.missing:
        raise ArtefactError(
            f"the model lacks {', '.join(report.missing[:4])}", where=str(folder), remedy=REMEDY
        )
    model.eval()
    return model
