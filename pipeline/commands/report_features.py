"""Report features of a comparison: made after its selections are frozen, and by nothing else."""

from pathlib import Path

from tqdm import tqdm

from pipeline.commands.feature_pools import Features
from pipeline.config.settings import FeatureSettings
from pipeline.config.settings_file import read
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.relationships.features import read_features
from pipeline.relationships.proxy.tasks import Pool, pooled
from pipeline.stages.features import encoder_folder
from pipeline.tailoring.frozen import Frozen

ROLE = "report"


def report_pool(layout: Layout, features: Features, frozen: Frozen, *, rows: int) -> Pool:
    """Return report rows of the targets, made by the encoder of their train features.

    Files of the same tokens, encoder and number of rows that lie in the folder are kept.

    Args:
        layout: Of the mixture.
        features: Of train rows.
        frozen: The selections that open the rows; the features go into their folder.
        rows: Most rows of a target.

    Raises:
        ArtefactError: The mixture's encoder is no longer the one of the train features, a target has no
            report row of one known gold choice, or tokens are missing.
    """
    targets = sorted(frozen.selections["targets"])
    folder = frozen.folder / "report_features"
    _write(layout, features, folder, frozenset(targets), rows=rows)
    found = []
    for target in targets:
        file = read_features(folder / f"{target}.safetensors", target)
        if not len(file.task):
            raise ArtefactError(
                f"'{target}' has no report row of one known gold choice",
                where=str(layout.tokens(ROLE)),
                remedy="name the other targets with --targets, and give another --out",
            )
        found.append(file.task)
    return pooled(found)


def _write(
    layout: Layout, features: Features, folder: Path, targets: frozenset[str], *, rows: int
) -> None:
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.choice.features import encoder_hash, sequences, write_features

    settings = read(FeatureSettings, layout.settings("features"))
    encoder, tokens = encoder_folder(layout, settings), layout.tokens(ROLE)
    if encoder_hash(encoder) != features.encoder:
        raise ArtefactError(
            "the encoder is another one than that of the train features",
            where=str(encoder),
            remedy="run `dvc repro features`, and compare again with another --out",
        )
    counts = sequences(tokens, rows=rows, tasks=targets)
    total = sum(counts.values())
    print(f"{ROLE}: {total:,} sequences of {len(counts)} tasks", flush=True)
    with tqdm(total=total, desc=ROLE, unit="seq", delay=2, leave=False) as bar:
        made = write_features(
            encoder, tokens, folder, rows=rows, tasks=targets, threads=settings.threads
        )
        for task in made:
            bar.update(counts[task])
