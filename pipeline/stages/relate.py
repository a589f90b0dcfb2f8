"""Stage `relate`: how much each task should help each other, by every scorer that `relate.scorers` names.

Reads:   data/NAME/settings/relate.json, the train rows below data/NAME/curated,
         models/NAME/compass/prefixes.safetensors, data/NAME/tokens/train/manifest.json; and, where a
         scorer needs features, data/NAME/features/train, which `taskloom features NAME` writes
Writes:  data/NAME/scores/<scorer>.{parquet,json}

Features are no dependency that DVC knows, since most mixtures have none: after writing new ones, the
stage is to be run by `dvc repro -f -s relate`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from pipeline.config.params import RelateParams
from pipeline.config.settings import RelateSettings
from pipeline.config.settings_file import read
from pipeline.errors import ArtefactError
from pipeline.relationships.evidence import Evidence, read_prefixes
from pipeline.relationships.features import FeatureFile, read_features
from pipeline.relationships.gradient import GradientCosine
from pipeline.relationships.logme import StateEvidence
from pipeline.relationships.lookahead import LookAhead
from pipeline.relationships.measured import MeasuredGain
from pipeline.relationships.prefix import PrefixCorrelation
from pipeline.relationships.prior import Prior
from pipeline.relationships.protocol import Budget, RelationshipScorer
from pipeline.relationships.scores import ScoreMatrix, widened, write_scores
from pipeline.relationships.small_prefix import SmallPrefix
from pipeline.relationships.source_head import SourceHead
from pipeline.relationships.stack import stack
from pipeline.relationships.text import TextSimilarity
from pipeline.stages.layout import Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import read_json, require, sha256

ROLE = "train"
FACTORIES: Mapping[str, Callable[[RelateParams], RelationshipScorer]] = {
    "prefix": lambda params: PrefixCorrelation(centre=params.centre),
    "text": lambda params: TextSimilarity(),
    "prior": lambda params: Prior(),
    "source_head": lambda params: SourceHead(),
    "logme": lambda params: StateEvidence(formula="logme"),
    "hscore": lambda params: StateEvidence(formula="hscore"),
    "gradient": lambda params: GradientCosine(),
    "lookahead": lambda params: LookAhead(),
    "small_prefix": lambda params: SmallPrefix(),
    "measured": lambda params: MeasuredGain(),
}
"""Every scorer, set up; the names are those of `config.params.SCORERS`."""
WITHOUT_FEATURES = frozenset({"prefix", "text", "prior"})


def main(arguments: Sequence[str]) -> None:
    """Score all pairs of a mixture's tasks."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "relate"):
        settings = read(RelateSettings, layout.settings("relate"))
        evidence = gathered(layout, settings)
        with new_folder(layout.scores) as folder:
            matrices = scored(settings, evidence)
            for matrix in matrices.values():
                write_scores(matrix, folder)
            if settings.relate.stack:
                write_scores(stack([matrices[part] for part in settings.relate.stack]), folder)


def scored(settings: RelateSettings, evidence: Evidence) -> dict[str, ScoreMatrix]:
    """Run the scorers one after the other; what one trains is said before it starts.

    Raises:
        ArtefactError: Fewer than two tasks can be scored by one that needs features.
    """
    budget = Budget(seeds=settings.relate.seeds)
    matrices = {}
    for name in settings.relate.scorers:
        scorer = FACTORIES[name](settings.relate)
        part = _scorable(name, evidence)
        cost = scorer.cost(part, budget)
        if cost.runs:
            print(f"{name}: {cost.words}", flush=True)
        matrix = scorer.fit(part, budget, seed=settings.seed)
        if part.tasks != evidence.tasks:
            matrix = widened(matrix, evidence.tasks, why="no row of one known gold choice")
        for warning in matrix.provenance.warnings:
            print(f"{name}: {warning}")
        matrices[name] = matrix
    return matrices


def _scorable(name: str, evidence: Evidence) -> Evidence:
    """Return the evidence of the tasks that a scorer can score: those with features, if it needs them."""
    if name in WITHOUT_FEATURES:
        return evidence
    tasks = tuple(task for task in evidence.tasks if len(evidence.features[task]))
    if len(tasks) < 2:
        raise ArtefactError(
            f"scorer '{name}' needs two tasks with rows of one known gold choice",
            where="relate.scorers",
            remedy="take it out",
        )
    return replace(evidence, tasks=tasks)


def features_folder(layout: Layout, role: str) -> Path:
    """Return where the features of a role lie."""
    return layout.data / "features" / role


def gathered(layout: Layout, settings: RelateSettings) -> Evidence:
    """Return what scorers may see: train rows, prefixes, features; nothing of `select` or `report`.

    Raises:
        ArtefactError: A file is missing or damaged, or features are those of other tokens.
    """
    names = tuple(sorted(settings.tasks))
    paths = {task: layout.curated(task, ROLE) for task in names}
    for path in paths.values():
        require(path)
    inputs = {f"train/{task}": sha256(path) for task, path in paths.items()}
    prefixes, features = None, {}
    if "prefix" in settings.relate.scorers:
        model = layout.model("compass") / "prefixes.safetensors"
        prefixes = read_prefixes(model)
        inputs["prefixes"] = sha256(model)
    hungry = [name for name in settings.relate.scorers if name not in WITHOUT_FEATURES]
    if hungry:
        features = gathered_features(layout, names, scorer=hungry[0])
        folder = features_folder(layout, ROLE)
        inputs |= {f"features/{t}": sha256(folder / f"{t}.safetensors") for t in names}
    examples = {task: pl.scan_parquet(path) for task, path in paths.items()}
    return Evidence(
        tasks=names,
        examples=examples,
        prefixes=prefixes,
        features={task: file.task for task, file in features.items()},
        sizes={task: rows.select(pl.len()).collect().item() for task, rows in examples.items()},
        forms=_forms(examples),
        families=dict(settings.families),
        inputs=inputs,
    )


def gathered_features(
    layout: Layout, tasks: Sequence[str], *, scorer: str
) -> dict[str, FeatureFile]:
    """Return the features of all tasks, of one encoder and of the present tokens.

    Raises:
        ArtefactError: Some are missing, of other tokens, or of another encoder than the rest.
    """
    folder = features_folder(layout, ROLE)
    remedy = f"run `taskloom features {layout.name}`, or take '{scorer}' out of relate.scorers"
    missing = [task for task in tasks if not (folder / f"{task}.safetensors").is_file()]
    if missing:
        raise ArtefactError(
            f"there are no features of task '{missing[0]}', which scorer '{scorer}' needs",
            where=str(folder),
            remedy=remedy,
        )
    files = {task: read_features(folder / f"{task}.safetensors", task) for task in tasks}
    manifest = read_json(layout.tokens(ROLE) / "manifest.json")
    shards = {entry["task"]: entry["sha256"] for entry in manifest["tasks"]}
    for task, file in files.items():
        if file.tokens != shards.get(task):
            raise ArtefactError(
                f"the features of task '{task}' are of other tokens than the present ones",
                where=str(folder),
                remedy=remedy,
            )
        if file.encoder != files[tasks[0]].encoder:
            raise ArtefactError(
                f"the features of tasks '{tasks[0]}' and '{task}' are of different encoders",
                where=str(folder),
                remedy=f"delete the folder and run `taskloom features {layout.name}`",
            )
    return files


def _forms(examples: Mapping[str, pl.LazyFrame]) -> dict[str, str]:
    """Return the form of each task that has rows."""
    first = {task: rows.select("form").head(1).collect() for task, rows in examples.items()}
    return {task: str(rows.item()) for task, rows in first.items() if rows.height}
