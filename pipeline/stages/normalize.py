"""Stage `normalize@<task>`: raw records of one task to examples.

Reads:   data/NAME/sources/<task>.json, and the raw files or the hub dataset that it names
Writes:  data/NAME/examples/<task>/: a Parquet file for each split (empty where the card has none),
         rejects.parquet, origin.json; identity.parquet where the card adds words to the texts
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings_file import read
from pipeline.config.task_card import TaskCard
from pipeline.contract.files import sha256, write_json
from pipeline.layout import Layout
from pipeline.normalize.dispatch import Normalized, normalize
from pipeline.normalize.rejects import values_of
from pipeline.publish import new_folder, stage_lock
from pipeline.schema import EXAMPLE, REJECT, SPLITS, VERSION, Split
from pipeline.sources.dispatch import read_split, with_class_names
from pipeline.tables import write_frame, write_parquet


def main(arguments: Sequence[str]) -> None:
    """Normalize one task: the mixture's name, then the task's."""
    name, task = arguments
    layout = Layout(name)
    with stage_lock(layout.data, f"normalize.{task}"):
        lines = normalize_task(layout, task)
    for line in lines:
        print(line)


def normalize_task(layout: Layout, task: str) -> list[str]:
    """Write a task's examples whole, or raise and leave what was there.

    Args:
        layout: Paths of the mixture.
        task: Name of the task, whose resolved source exists.

    Returns:
        What a person should know of the records: a line for each split with rejects, or with classes
        that no row has.

    Raises:
        ArtefactError: The resolved source is missing.
        PipelineError: Of reading and normalising; see `sources.dispatch` and `normalize.dispatch`.
    """
    path = layout.source(task)
    source = read(NormalizeSource, path)
    card = with_class_names(source.card, data_dir=Path(source.data_dir))
    source = source.model_copy(update={"card": card})
    rejects: list[pl.DataFrame] = []
    splits: dict[str, Any] = {}
    lines: list[str] = []
    identities: list[pl.DataFrame] = []
    with new_folder(layout.examples(task)) as folder:
        for split in SPLITS:
            if split not in source.card.splits:
                # later stages find a file for each split, and an empty one where there is none
                write_parquet(EXAMPLE.empty_table(), folder / f"{split}.parquet", EXAMPLE)
                continue
            part = normalize_split(source, split)
            write_parquet(part.examples, folder / f"{split}.parquet", EXAMPLE)
            rejects.append(part.rejects)
            identities += [] if part.identity is None else [part.identity]
            splits[split] = summary(part, source.card)
            lines += notes(part.rejects, splits[split], source.card, split)
        write_parquet(pl.concat(rejects), folder / "rejects.parquet", REJECT)
        if identities:
            write_frame(pl.concat(identities), folder / "identity.parquet")
        write_json(origin(source, splits) | {"source_sha256": sha256(path)}, folder / "origin.json")
    return lines


def notes(
    rejects: pl.DataFrame, counts: dict[str, Any], card: TaskCard, split: Split
) -> Iterator[str]:
    """Yield what a person should know of one split: its rejects, and classes that no row has."""
    where, rejected, read = f"{card.task}/{split}", counts["rejected"], counts["read"]
    if rejected:
        reasons = "; ".join(
            f"{number} {reason}: {values_of(rejects, reason, most=3)}"
            for reason, number in sorted(counts["rejects"].items())
        )
        yield f"{where}: {rejected} of {read} records rejected ({rejected / read:.1%}): {reasons}"
    unseen = [name for name in card.fields.class_names if name not in counts["labels"]]
    if unseen and split == "train":
        yield f"{where}: no row of the class{'es' if unseen[1:] else ''} {', '.join(unseen)}"


def normalize_split(source: NormalizeSource, split: Split) -> Normalized:
    """Read and normalise one split of a resolved source."""
    records = read_split(
        source.card,
        split,
        data_dir=Path(source.data_dir),
        revision=source.revision,
        seed=source.seed,
    )
    return normalize(records.frame, records.rejects, source.card, split)


def origin(source: NormalizeSource, splits: dict[str, Any]) -> dict[str, Any]:
    """Return where a task's examples come from and what became of its records."""
    card = source.card
    return {
        "schema_version": VERSION,
        "task": card.task,
        "family": card.family,
        "form": card.fields.form,
        "homepage": card.homepage,
        "licence": card.licence,
        "citation": card.citation,
        "revision": source.revision,
        "files": source.files,
        "splits": splits,
    }


def summary(part: Normalized, card: TaskCard) -> dict[str, Any]:
    """Count one split: rows read, kept and rejected, rejects by reason, labels."""
    reasons = part.rejects.group_by("reason").len().sort("reason")
    return {
        "read": part.examples.height + part.rejects.height,
        "kept": part.examples.height,
        "rejected": part.rejects.height,
        "rejects": dict(reasons.iter_rows()),
        "labels": _label_counts(part.examples, card),
    }


def _label_counts(examples: pl.DataFrame, card: TaskCard) -> dict[str, int]:
    """Return how often each answer is gold, by class, or by place where choices differ by row.

    Hidden labels count as `hidden`; forms without choices have no counts.
    """
    if examples.is_empty() or not card.fields.has_choices:
        return {}
    gold = pl.coalesce("labels", pl.concat_list("label"))
    places = examples.select(label=gold.list.explode(empty_as_null=True, keep_nulls=True))
    counts = places.group_by("label").len().sort("label", nulls_last=True).iter_rows()
    names = card.fields.class_names
    return {
        "hidden" if label is None else names[label] if names else str(label): count
        for label, count in counts
    }
