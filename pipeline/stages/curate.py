"""Stage `curate`: roles, duplicates, overlap between tasks, row caps.

Reads:   data/NAME/settings/curate.json, data/NAME/examples/<task>/ of its tasks
Writes:  data/NAME/curated/<task>/{train,select,report}.parquet,
         data/NAME/curation/{drops,overlap,rejects}.parquet, summary.json
"""

from collections.abc import Mapping, Sequence

import polars as pl
from tqdm import tqdm

from pipeline.config.settings import CurateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import read_json, write_json
from pipeline.curation.rejected import REJECTED, by_reason
from pipeline.curation.summary import summary
from pipeline.curation.verdict import Verdict, verdict
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.schema import DROP, EXAMPLE, REJECT, ROLES, SPLITS
from pipeline.tables import read_parquet, write_frame, write_parquet


def main(arguments: Sequence[str]) -> None:
    """Curate the examples of one mixture, whose name DVC passes."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "curate"):
        settings = read(CurateSettings, layout.settings("curate"))
        tasks = tqdm(settings.tasks, desc="read examples", delay=2, leave=False)
        examples = {task: examples_of(layout, task) for task in tasks}
        identity = {task: identity_of(layout, task) for task in examples}
        result = verdict(
            examples, settings.curate, settings.limits, settings.validation, identity=identity
        )
        rejects = rejects_of(layout, examples)
        _publish(layout, result, rejects)
    print("\n".join(described(result, rejects)))


def examples_of(layout: Layout, task: str) -> dict[str, pl.DataFrame]:
    """Read the examples of one task, by split.

    Raises:
        ArtefactError: A split's file is missing, damaged, or holds another task's rows.
    """
    frames: dict[str, pl.DataFrame] = {}
    for split in SPLITS:
        path = layout.examples(task) / f"{split}.parquet"
        if not path.exists():
            raise ArtefactError(
                f"task '{task}' has no {split} examples",
                where=str(path),
                expected="a file for each split, without rows where the split does not exist",
                remedy=f"run `dvc repro normalize@{task}`, which writes it",
            )
        frame = read_parquet(path, EXAMPLE)
        foreign = frame.filter(~pl.col("example_id").str.starts_with(f"{task}/{split}/"))
        if foreign.height:
            raise ArtefactError(
                f"holds example '{foreign['example_id'][0]}'",
                where=str(path),
                expected=f"ids that begin with '{task}/{split}/'",
                remedy=f"delete it and run `dvc repro normalize@{task}`",
            )
        frames[split] = frame
    return frames


def identity_of(layout: Layout, task: str) -> pl.DataFrame | None:
    """Return the texts that a task's examples are recognised by, where they are not their own."""
    path = layout.examples(task) / "identity.parquet"
    return read_parquet(path) if path.exists() else None


def rejects_of(layout: Layout, examples: Mapping[str, Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
    """Return the rejects of all tasks by reason, and check that no record was lost.

    Raises:
        ArtefactError: Rejects are missing, or records are not examples and rejects together.
    """
    parts = [REJECTED.to_frame()]
    for task, frames in examples.items():
        folder = layout.examples(task)
        splits = read_json(folder / "origin.json")["splits"]
        for split, frame in frames.items():
            counts = splits.get(split, {"read": 0, "rejected": 0})
            if counts["read"] != frame.height + counts["rejected"]:
                raise ArtefactError(
                    f"{counts['read']} records are not {frame.height} examples and "
                    f"{counts['rejected']} rejects",
                    where=str(folder / f"{split}.parquet"),
                    remedy=f"run `dvc repro -f normalize@{task}`",
                )
        rejects = read_parquet(folder / "rejects.parquet", REJECT)
        parts.append(by_reason(task, rejects, {name: of["read"] for name, of in splits.items()}))
    return pl.concat(parts)


def described(result: Verdict, rejects: pl.DataFrame) -> list[str]:
    """Word what curation did in a few lines, and what a person should look at."""
    total = summary(result)["total"]
    kept = ", ".join(f"{count} {role}" for role, count in total["kept"].items())
    drops = ", ".join(f"{count} {reason}" for reason, count in total["drops"].items()) or "none"
    over = sum(total["limited"].values())
    lines = [
        f"{total['rows'] + rejects['rows'].sum()} records = {total['rows']} examples + "
        f"{rejects['rows'].sum()} rejects",
        f"{total['rows']} examples = {kept}, {total['unused']} unused, {over} over limits, "
        f"{sum(total['drops'].values())} dropped ({drops})",
        *_validation_lines(result),
    ]
    for role, meaning in (("train", "nothing to train on"), ("report", "no figure for it")):
        bare = [task for task, frames in result.kept.items() if not frames[role].height]
        if bare:
            lines.append(f"no {role} rows, so {meaning}: {', '.join(bare)}")
    return lines


def _validation_lines(result: Verdict) -> list[str]:
    """Say what the official validation splits serve as."""
    uses: dict[str, list[str]] = {}
    for task, counts in result.counts.items():
        if counts.validation is not None:
            uses.setdefault(counts.validation, []).append(task)
    shown = [f"{use} ({', '.join(tasks)})" for use, tasks in sorted(uses.items())]
    return [f"validation splits serve as: {'; '.join(shown)}"] if shown else []


def _publish(layout: Layout, result: Verdict, rejects: pl.DataFrame) -> None:
    with new_folder(layout.data / "curated") as folder:
        for task, frames in result.kept.items():
            for role in ROLES:
                write_parquet(frames[role], folder / task / f"{role}.parquet", EXAMPLE)
    with new_folder(layout.curation) as folder:
        write_parquet(result.drops, folder / "drops.parquet", DROP)
        write_frame(result.overlaps, folder / "overlap.parquet")
        write_frame(rejects, folder / "rejects.parquet")
        write_json(summary(result), folder / "summary.json")
