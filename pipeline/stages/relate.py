"""Stage `relate`: how much each task should help each other, by every scorer that there is.

Reads:   data/NAME/settings/relate.json, the train rows below data/NAME/curated, and
         models/NAME/compass/prefixes.safetensors
Writes:  data/NAME/scores/<scorer>.{parquet,json}
"""

from collections.abc import Sequence

import polars as pl

from pipeline.config.params import RelateParams
from pipeline.config.settings import RelateSettings
from pipeline.config.settings_file import read
from pipeline.relationships.evidence import Evidence, read_prefixes
from pipeline.relationships.prefix import PrefixCorrelation
from pipeline.relationships.protocol import Budget, RelationshipScorer
from pipeline.relationships.scores import write_scores
from pipeline.relationships.text import TextSimilarity
from pipeline.stages.layout import Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import require, sha256


def main(arguments: Sequence[str]) -> None:
    """Score all pairs of a mixture's tasks."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "relate"):
        settings = read(RelateSettings, layout.settings("relate"))
        evidence = gathered(layout, settings.tasks)
        with new_folder(layout.scores) as folder:
            for scorer in scorers(settings.relate):
                matrix = scorer.fit(evidence, Budget(), seed=settings.seed)
                write_scores(matrix, folder)
                for warning in matrix.provenance.warnings:
                    print(f"{scorer.name}: {warning}")


def scorers(params: RelateParams) -> tuple[RelationshipScorer, ...]:
    """Return all scorers, set up; a new one is one more line here."""
    return (PrefixCorrelation(centre=params.centre), TextSimilarity())


def gathered(layout: Layout, tasks: Sequence[str]) -> Evidence:
    """Return what scorers may see: train rows and prefixes, nothing of `select` or `report`.

    Raises:
        ArtefactError: A file is missing or damaged.
    """
    names = tuple(sorted(tasks))
    paths = {task: layout.curated(task, "train") for task in names}
    for path in paths.values():
        require(path)
    model = layout.model("compass") / "prefixes.safetensors"
    prefixes = read_prefixes(model)
    return Evidence(
        tasks=names,
        examples={task: pl.scan_parquet(path) for task, path in paths.items()},
        prefixes=prefixes,
        inputs={"prefixes": sha256(model)} | {f"train/{t}": sha256(p) for t, p in paths.items()},
    )
