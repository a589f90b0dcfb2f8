"""`taskloom features NAME`: an encoder's states of every choice, which some scorers and Tailor work on.

Features are made once and stand for the encoder afterwards: a small model on them trains in a second,
where the encoder would take minutes. They are a side artefact below data/NAME/features, no stage: run
`dvc repro -f -s relate` after writing them, where relate.scorers names a scorer that needs them. A run
that was stopped goes on where it was; files of the same tokens, rows and encoder are kept.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from pipeline.config.settings import TrainSettings
from pipeline.config.settings_file import read
from pipeline.errors import ArtefactError, ConfigError
from pipeline.stages.layout import Layout
from pipeline.stages.models import model_folder
from pipeline.stages.publish import stage_lock
from pipeline.stages.relate import features_folder

ROWS = 512
ROLES = ("train", "select")
COMPASS = "compass"
SMALL = "small"


def main(arguments: Sequence[str]) -> None:
    """Write the features of a mixture's tasks.

    Raises:
        ConfigError: The mixture is of the text view, or the encoder reads other tokens.
        ArtefactError: There are no tokens yet, or no trained model to take the encoder from.
    """
    options = _parser().parse_args(arguments)
    layout = Layout(options.name)
    settings = read(TrainSettings, layout.settings("train"))
    if settings.text is not None:
        raise ConfigError(
            "features are of choices, and this mixture is of the text view",
            where=f"mixture '{options.name}'",
        )
    encoder = encoder_folder(options.encoder, layout, settings)
    print(f"encoder: {encoder}")
    for role in options.roles:
        with stage_lock(layout.data, f"features.{role}"):
            _write(layout, role, encoder, rows=options.rows)
    print(
        "scorers that need features: name them in relate.scorers, then run `dvc repro -f -s relate`"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom features", description=__doc__)
    parser.add_argument("name", help="a mixture")
    parser.add_argument("--rows", type=_count, default=ROWS, help=f"most of a task ({ROWS})")
    parser.add_argument("--roles", type=_roles, default=ROLES, help="train,select, or one of them")
    parser.add_argument(
        "--encoder",
        help="a folder, `package:NAME/folder`, or `compass`; left out, the mixture's pretrained "
        "encoder, or its compass model where it starts from random weights",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 up")
    return int(text)


def _roles(text: str) -> tuple[str, ...]:
    roles = tuple(text.split(","))
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        # rows for reporting are opened by `evaluate` alone
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is none of {', '.join(ROLES)}")
    return roles


def encoder_folder(wanted: str | None, layout: Layout, settings: TrainSettings) -> Path:
    """Return the folder of the encoder that is asked for, or of the mixture's own.

    Raises:
        ArtefactError: There is no trained model yet.
        ConfigError: The folder does not exist, or its tokenizer is not the mixture's.
        PipelineError: The mixture's own encoder cannot be had.
    """
    if wanted == COMPASS or (wanted is None and settings.model.source == SMALL):
        folder = layout.model(COMPASS)
        if not (folder / "config.json").is_file():
            raise ArtefactError(
                "there is no trained model to take the encoder from",
                where=str(folder),
                remedy="run `dvc repro train`, or give --encoder",
            )
        return folder
    if wanted is None:
        # never None: a `small` source was dealt with
        return Path(model_folder(settings.model.source, settings.model.revision) or "")
    folder = Path(wanted)
    if wanted.startswith("package:"):
        folder = Path(model_folder(wanted, None) or "")
    elif not folder.is_dir():
        raise ConfigError(
            f"'{wanted}' is no folder",
            where="--encoder",
            expected=f"a folder, `package:NAME/folder`, or `{COMPASS}`",
        )
    _check_tokenizer(folder, layout)
    return folder


def _check_tokenizer(folder: Path, layout: Layout) -> None:
    """Check that ids of the mixture's tokens mean the same to an encoder."""
    theirs, ours = _vocabulary(folder), _vocabulary(layout.tokenizer)
    other = next((token for token, place in theirs.items() if ours.get(token) != place), None)
    if other is not None:
        raise ConfigError(
            f"its tokenizer is not the mixture's: token '{other}' has id {theirs[other]} there "
            f"and {ours.get(other, 'none')} here",
            where=f"--encoder {folder}",
            remedy="set model.source to this encoder, so that the mixture is tokenised for it",
        )


def _vocabulary(folder: Path) -> dict[str, int]:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ConfigError(
            "has no tokenizer.json, which would tell whether it reads the mixture's tokens",
            where=str(folder),
        )
    vocabulary = Tokenizer.from_file(str(path)).get_vocab()
    return dict(sorted(vocabulary.items(), key=lambda item: item[1]))


def _write(layout: Layout, role: str, encoder: Path, *, rows: int) -> None:
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.choice.features import sequences, write_features

    tokens, out = layout.tokens(role), features_folder(layout, role)
    counts = sequences(tokens, rows=rows)
    total = sum(counts.values())
    print(f"{role}: {total:,} sequences of {len(counts)} tasks", flush=True)
    with tqdm(total=total, desc=role, unit="seq", delay=2, leave=False) as bar:
        for task in write_features(encoder, tokens, out, rows=rows):
            bar.update(counts[task])
    print(f"{role}: {out}")
