"""`taskloom check`: validate every card, every mixture and params.yaml; all errors at once."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from pipeline.config.catalog import load_task, names
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError
from pipeline.layout import CARDS, MIXTURES, PARAMS
from pipeline.project import Faults, active, read_project


def main(arguments: Sequence[str]) -> None:
    """Check everything that people write, and print how much of it there is.

    Raises:
        ConfigError: With one line for each thing that is wrong.
    """
    parser = argparse.ArgumentParser(prog="taskloom check", description=__doc__)
    parser.add_argument(
        "--files", action="store_true", help="also look for the raw files of the active mixture"
    )
    parser.add_argument(
        "--data",
        action="store_true",
        help="also read all records of the active mixture by their cards",
    )
    options = parser.parse_args(arguments)
    complaints = all_complaints()
    if options.files:
        complaints += file_complaints()
    if options.data:
        complaints += data_complaints()
    if complaints:
        raise ConfigError("\n".join(dict.fromkeys(complaints)))
    print(f"{len(names(CARDS))} task cards, {len(names(MIXTURES))} mixtures and {PARAMS}: all good")


def all_complaints() -> list[str]:
    """Return one message for each broken card, mixture or parameter; each once."""
    faults = Faults()
    for task in names(CARDS):
        faults.caught(load_task, CARDS / f"{task}.yaml")
    for name in names(MIXTURES):
        faults.caught(read_project, name)
    return list(dict.fromkeys(faults.lines))


def file_complaints() -> list[str]:
    """Return one message for each task of the active mixture whose raw files are missing."""
    from pipeline.sources.dispatch import source_files

    project, faults = read_project(active()), Faults()
    for card in project.cards.values():
        faults.caught(source_files, card, data_dir=Path(project.params.data_dir))
    return faults.lines


def data_complaints() -> list[str]:
    """Return one message for each task of the active mixture whose records do not fit its card."""
    from pipeline.normalize.dispatch import normalize
    from pipeline.resolution import known_revisions
    from pipeline.sources.dispatch import read_split, source_files, with_class_names

    project, faults = read_project(active()), Faults()
    data_dir = Path(project.params.data_dir)
    revisions = known_revisions(project.cards)

    def read(card: TaskCard) -> None:
        source_files(card, data_dir=data_dir)
        named = with_class_names(card, data_dir=data_dir)
        for split in card.splits:
            records = read_split(
                named, split, data_dir=data_dir, revision=revisions.get(card.task),
                seed=project.params.seed,
            )  # fmt: skip
            normalize(records.frame, records.rejects, named, split)

    for card in tqdm(project.cards.values(), desc="read the data", delay=2, leave=False):
        faults.caught(read, card)
    return faults.lines
