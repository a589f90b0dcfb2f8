"""Everything a training needs before its first step: artefacts opened and compared, the model built.

Knows run.json and what it names; knows no step and no loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from pipeline.contract.files import REMEDY, check_sha256
from pipeline.contract.order import Counted, Order, open_order
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.encoder import Architecture, pretrained_encoder, small_encoder
from pipeline.modeling.model import ChoiceModel, with_heads
from pipeline.modeling.prefixes import initialize_prefixes
from pipeline.training.choice.shards import Shards, open_shards
from pipeline.training.export import load_model
from pipeline.training.run import Run


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
    for shards in (train, select):
        check_sha256(Path(run.tokenizer) / "tokenizer.json", shards.tokenizer_sha256)
    if select.prefixes != train.prefixes or select.special != train.special:
        raise ArtefactError(
            "the select shards have other prefixes or special tokens than the train shards",
            where=run.tokens.select,
            remedy=REMEDY,
        )
    check_prefixes(train, run.tokenizer)
    if verify:
        for folder, shards in ((run.tokens.train, train), (run.tokens.select, select)):
            check_tokens(shards, folder)
    return Artefacts(train, select, open_order(Path(run.mix), train, verify=verify))


def check_prefixes(shards: Counted, tokenizer: str) -> None:
    """Check that every task has a prefix token of its own, inside the vocabulary.

    Raises:
        ArtefactError: Some task has not.
    """
    owners: dict[int, str] = {}
    for task, token in shards.prefixes.items():
        other = owners.setdefault(token, task)
        if other != task or not 0 <= token < shards.vocabulary:
            why = "is also that of task '" + other + "'" if other != task else "is no token"
            raise ArtefactError(
                f"the prefix {token} of task '{task}' {why}",
                where=tokenizer,
                expected=f"one token a task, below {shards.vocabulary}",
                remedy=REMEDY,
            )


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
        say: Told how a folder's weights fitted.

    Raises:
        TrainingError: The named folder holds no usable encoder.
        ArtefactError: The folder of `init` is damaged, or has another vocabulary.
    """
    if run.init is not None:
        model = load_model(Path(run.init), max_tokens=shards.max_tokens, dropout=run.model.dropout)
        rows = model.embeddings.weight.shape[0]
        if rows < shards.vocabulary:
            raise ArtefactError(
                f"has {rows} embeddings, the shards {shards.vocabulary} tokens",
                where=run.init,
                remedy="start from a model that was trained on the same tokens",
            )
        return model
    model = with_heads(
        _encoder(run, shards, say),
        dropout=run.model.dropout,
        seed=run.seed,
        pooled=run.train.layout == "compass",
    )
    initialize_prefixes(
        model.embeddings, shards.prefixes, init=run.train.prefix_init, seed=run.seed
    )
    return model


def _encoder(run: Run, shards: Shards, say: Callable[[str], None]) -> PreTrainedModel:
    if run.model_path is None:
        if run.model.source != "small":
            raise TrainingError(
                f"model.source is '{run.model.source}' and no model_path is given",
                where="run.json",
                expected="the folder of that model as model_path",
            )
        model = run.model
        return small_encoder(
            Architecture(model.layers, model.width, model.heads, model.dropout),
            vocabulary=shards.vocabulary,
            max_tokens=shards.max_tokens,
            pad=shards.special.pad,
            seed=run.seed,
        )
    encoder, report = pretrained_encoder(
        Path(run.model_path),
        vocabulary=shards.vocabulary,
        max_tokens=shards.max_tokens,
        dropout=run.model.dropout,
        seed=run.seed,
    )
    _check_growth(report.added_rows, shards, folder=run.model_path)
    for line in report.lines():
        say(line)
    return encoder


def _check_growth(added: int, shards: Shards, *, folder: str) -> None:
    """Check that the table grew by prefixes alone: the encoder knows every other token."""
    words = shards.vocabulary - len(shards.prefixes)
    if added > len(shards.prefixes):
        raise TrainingError(
            f"knows {shards.vocabulary - added} tokens, the tokenizer has {words} besides the prefixes",
            where=folder,
            expected="the encoder that the tokenizer belongs to",
            remedy="name the model in model.source, and run `dvc repro` so that both come from it",
        )
