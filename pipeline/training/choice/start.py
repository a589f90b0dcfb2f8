"""What a training of the choice view needs before its first step: artefacts, and a model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from pipeline.contract.choice import Shards, open_shards
from pipeline.contract.files import REMEDY
from pipeline.contract.order import Order, open_order
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.encoder import Architecture, pretrained_encoder, small_encoder
from pipeline.modeling.model import ChoiceModel, with_heads
from pipeline.modeling.prefixes import initialize_prefixes
from pipeline.training.choice.export import load_model
from pipeline.training.choice.layouts import LAYOUTS
from pipeline.training.run import Run
from pipeline.training.start import check_together, check_vocabulary, new_model


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What a training reads, opened and checked."""

    train: Shards
    select: Shards
    order: Order


def open_artefacts(run: Run, *, verify: bool = True) -> Artefacts:
    """Open shards and order, and check that tokenizer, shards and order belong together.

    Args:
        run: Names the folders.
        verify: Whether files are compared with their hashes; one process a machine is enough.

    Raises:
        ArtefactError: Something is missing, damaged, or belongs to something else.
    """
    train = open_shards(Path(run.tokens.train), verify=verify)
    select = open_shards(Path(run.tokens.select), verify=verify)
    check_together(run, train, select)
    if verify:
        for folder, shards in ((run.tokens.train, train), (run.tokens.select, select)):
            check_tokens(shards, folder)
    return Artefacts(train, select, open_order(Path(run.mix), train, verify=verify))


def check_tokens(shards: Shards, folder: str) -> None:
    """Check that every token is in the vocabulary; an encoder's table is never asked for another.

    Raises:
        ArtefactError: Some is not.
    """
    for shard in shards.shards:
        rows = shard.rows
        for tokens in (rows.context.values, rows.question.values, rows.choices.values):
            low, high = int(tokens.min(initial=0)), int(tokens.max(initial=0))
            if low < 0 or high >= shards.vocabulary:
                raise ArtefactError(
                    f"holds the token {low if low < 0 else high}",
                    where=str(Path(folder) / f"{shard.task}.arrow"),
                    expected=f"tokens from 0 to {shards.vocabulary - 1}, as its manifest says",
                    remedy=REMEDY,
                )


def build_model(run: Run, shards: Shards, *, say: Callable[[str], None]) -> ChoiceModel:
    """Build the model that training starts from, on the CPU.

    Args:
        run: `init` wins over `model_path`; without either the encoder is a new small one.
        shards: Give vocabulary, prefixes and longest sequence.
        say: Takes lines about how a folder's weights fitted.

    Raises:
        TrainingError: The named folder holds no usable encoder.
        ArtefactError: The folder of `init` is damaged, or has another vocabulary.
    """
    dropout = run.model.dropout
    if run.init is not None:
        model = load_model(Path(run.init), max_tokens=shards.max_tokens, dropout=dropout)
        check_vocabulary(len(model.embeddings.weight), shards, run.init)
        return model

    encoder = _new_encoder(run, shards, say)
    head = LAYOUTS[run.train.layout].head
    model = with_heads(encoder, dropout=dropout, seed=run.seed, scoring=head)
    initialize_prefixes(
        model.embeddings, shards.prefixes, init=run.train.prefix_init, seed=run.seed
    )
    return model


def _new_encoder(run: Run, shards: Shards, say: Callable[[str], None]) -> PreTrainedModel:
    def small(size: Architecture) -> PreTrainedModel:
        return small_encoder(
            size,
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            pad=shards.special.pad,
            seed=run.seed,
        )

    def pretrained(folder: Path) -> PreTrainedModel:
        encoder, report = pretrained_encoder(
            folder,
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            dropout=run.model.dropout,
            seed=run.seed,
        )
        _check_growth(report.added_rows, shards, folder=folder)
        for line in report.lines():
            say(line)
        return encoder

    return new_model(run, small=small, pretrained=pretrained)


def _check_growth(added: int, shards: Shards, *, folder: Path) -> None:
    """Check that the table grew by prefixes alone: the encoder knows every other token."""
    words = shards.vocabulary - len(shards.prefixes)
    if added > len(shards.prefixes):
        raise TrainingError(
            f"knows {shards.vocabulary - added} tokens, the tokenizer has {words} besides the prefixes",
            where=str(folder),
            expected="the encoder that the tokenizer belongs to",
            remedy="name the model in model.source, and run `dvc repro` so that both come from it",
        )
