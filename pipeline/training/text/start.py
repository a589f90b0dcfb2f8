"""What a training of the text view needs before its first step, and what it leaves behind.

Opens artefacts, builds or loads the model, writes it as a plain `transformers` folder. Knows run.json and
what it names; knows no step and no loss.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract.files import REMEDY, check_sha256
from pipeline.contract.order import Order, open_order
from pipeline.errors import ArtefactError, ConfigError, TrainingError
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language import Kind, LanguageModel
from pipeline.modeling.language_load import (
    Special,
    pretrained_language,
    require_no_leak,
    small_language,
    use_flex_attention,
)
from pipeline.modeling.prefixes import initialize_prefixes
from pipeline.training.run import Run, TextSettings
from pipeline.training.start import check_prefixes
from pipeline.training.text.shards import TextShards, open_text_shards
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
    for shards in (train, select):
        check_sha256(Path(run.tokenizer) / "tokenizer.json", shards.tokenizer_sha256)
    if train.model != text.model:
        raise ArtefactError(
            f"holds tokens for a {train.model} model",
            where=run.tokens.train,
            expected=f"for a {text.model} one, as text.model says",
            remedy=REMEDY,
        )
    if (select.prefixes, select.special) != (train.prefixes, train.special):
        raise ArtefactError(
            "the select shards have other prefixes or special tokens than the train shards",
            where=run.tokens.select,
            remedy=REMEDY,
        )
    check_prefixes(train, run.tokenizer)
    order = open_order(Path(run.mix), train, verify=verify)
    packed = text.pack_tokens is not None
    units = open_units(Path(run.mix), len(order), packed=packed, verify=verify)
    return TextArtefacts(train, select, order, units)


def build_language(run: Run, shards: TextShards, *, say: Callable[[str], None]) -> LanguageModel:
    """Build the model that training starts from, on the CPU.

    Args:
        run: `init` wins over `model_path`; without either the model is a new small one.
        shards: Give vocabulary, prefixes and longest sequence.
        say: Told how a folder's weights fitted.

    Raises:
        TrainingError: The named folder holds no usable model, or one that packed rows do not suit.
        ArtefactError: The model of `init` has another vocabulary.
    """
    text = text_settings(run)
    if run.init is not None:
        model = load_language(
            Path(run.init),
            text.model,
            max_tokens=shards.max_tokens,
            dropout=run.model.dropout,
        )
        check_vocabulary(model, shards, run.init)
    else:
        model = _new(run, text, shards, say)
        initialize_prefixes(
            model.embeddings, shards.prefixes, init=run.train.prefix_init, seed=run.seed
        )
    if text.pack_tokens is not None:
        require_no_leak(model, where=run.init or run.model_path or run.model.source)
    if text.attention == "flex":
        use_flex_attention(model)
    return model


def _new(
    run: Run, text: TextSettings, shards: TextShards, say: Callable[[str], None]
) -> LanguageModel:
    if run.model_path is not None:
        model, report = pretrained_language(
            Path(run.model_path),
            text.model,
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            dropout=run.model.dropout,
            seed=run.seed,
        )
        for line in report.lines():
            say(line)
        return model
    if run.model.source != "small":
        raise TrainingError(
            f"model.source is '{run.model.source}' and no model_path is given",
            where="run.json",
            expected="the folder of that model as model_path",
        )
    size, ids = run.model, shards.special
    return small_language(
        text.model,
        Architecture(size.layers, size.width, size.heads, size.dropout),
        vocabulary=shards.vocabulary,
        max_tokens=shards.max_tokens,
        special=Special(ids.bos, ids.eos, ids.pad),
        seed=run.seed,
    )


def check_vocabulary(model: LanguageModel, shards: TextShards, where: str) -> None:
    """Check that a model has an embedding for every token of some shards.

    Raises:
        ArtefactError: It has fewer.
    """
    rows = model.embeddings.weight.shape[0]
    if rows < shards.vocabulary:
        raise ArtefactError(
            f"has {rows} embeddings, the {shards.role} shards {shards.vocabulary} tokens",
            where=where,
            expected="a model that was trained on tokens of the same tokenizer",
            remedy=REMEDY,
        )


def save_language(model: LanguageModel, out: Path, tokenizer: Path) -> None:
    """Write the model, with its head, and the tokenizer's files."""
    out.mkdir(parents=True, exist_ok=True)
    model.transformer.save_pretrained(out)
    for file in sorted(tokenizer.iterdir()):
        if file.is_file():
            shutil.copyfile(file, out / file.name)
    for file in sorted(out.iterdir()):
        file.chmod(0o644)  # safetensors writes files that only their owner can read


def load_language(
    folder: Path,
    kind: Kind,
    *,
    max_tokens: int,
    dropout: float | None = None,
) -> LanguageModel:
    """Load a trained model, on the CPU and in evaluation mode.

    Args:
        folder: As `save_language` writes it.
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
