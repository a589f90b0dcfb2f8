"""Stage `curate`: roles, duplicates, overlap between tasks, row caps.

Reads:   data/NAME/settings/curate.json, data/NAME/examples/<task>/<split>.parquet of its tasks
Writes:  data/NAME/curated/<task>/{train,select,report}.parquet,
         data/NAME/curation/{drops.parquet,overlap.parquet,summary.json}
"""

from collections.abc import Sequence

import polars as pl
from tqdm import tqdm

from pipeline.config.settings import CurateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.curation.summary import summary
from pipeline.curation.verdict import Verdict, verdict
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.schema import DROP, EXAMPLE, ROLES, SPLITS
from pipeline.tables import read_parquet, write_frame, write_parquet


def main(arguments: Sequence[str]) -> None:
    """Curate the examples of one mixture, whose name DVC passes."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "curate"):
        settings = read(CurateSettings, layout.settings("curate"))
        tasks = tqdm(settings.tasks, desc="read examples", delay=2, leave=False)
        examples = {task: examples_of(layout, task) for task in tasks}
        result = verdict(examples, settings.curate, settings.limits)
        _publish(layout, result)
    print(told(result))


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


def told(result: Verdict) -> str:
    """Word what curation did in a few lines, and what a person should look at."""
    total = summary(result)["total"]
    kept = ", ".join(f"{count} {role}" for role, count in total["kept"].items())
    drops = ", ".join(f"{count} {reason}" for reason, count in total["drops"].items()) or "none"
    lines = [f"kept {kept} of {total['rows']} examples; dropped: {drops}"]
    for role, meaning in (("train", "nothing to train on"), ("report", "no figure for it")):
        bare = [task for task, frames in result.kept.items() if not frames[role].height]
        if bare:
            lines.append(f"no {role} rows, so {meaning}: {', '.join(bare)}")
    return "\n".join(lines)


def _publish(layout: Layout, result: Verdict) -> None:
    with new_folder(layout.data / "curated") as folder:
        for task, frames in result.kept.items():
            for role in ROLES:
                write_parquet(frames[role], folder / task / f"{role}.parquet", EXAMPLE)
    with new_folder(layout.curation) as folder:
        write_parquet(result.drops, folder / "drops.parquet", DROP)
        write_frame(result.overlaps, folder / "overlap.parquet")
        write_json(summary(result), folder / "summary.json")
