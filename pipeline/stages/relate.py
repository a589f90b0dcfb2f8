"""Stage `relate`: how much each task should help each other, by every scorer that is named.

Reads:   data/NAME/settings/relate.json, the train rows below data/NAME/curated,
         models/NAME/compass/prefixes.safetensors, data/NAME/tokens/train/manifest.json; and, where a
         scorer needs them, data/NAME/features/{train,prefix_states.safetensors}
Writes:  data/NAME/scores/<scorer>.{parquet,json}
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from pipeline.config.params import PREFIX_STATE, WITHOUT_FEATURES, RelateParams
from pipeline.config.settings import RelateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import require, sha256
from pipeline.errors import ArtefactError
from pipeline.layout import COMPASS, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.relationships.evidence import Evidence, read_prefixes
from pipeline.relationships.features import read_all, shard_hashes
from pipeline.relationships.protocol import Budget, RelationshipScorer
from pipeline.relationships.scorers.embedding import NearestRows
from pipeline.relationships.scorers.gradient import GradientCosine
from pipeline.relationships.scorers.logme import StateEvidence
from pipeline.relationships.scorers.lookahead import LookAhead
from pipeline.relationships.scorers.measured import MeasuredGain
from pipeline.relationships.scorers.prefix import PrefixCorrelation
from pipeline.relationships.scorers.prefix_gradient import PrefixGradient
from pipeline.relationships.scorers.prior import Prior
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.relationships.scorers.text import TextSimilarity
from pipeline.relationships.scorers.text_js import WordDistributions
from pipeline.relationships.scores import ScoreMatrix, widened, write_scores
from pipeline.relationships.stack import stack

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
    "text_js": lambda params: WordDistributions(),
    "embedding": lambda params: NearestRows(),
    "prefix_gradient": lambda params: PrefixGradient(),
    PREFIX_STATE: lambda params: PrefixCorrelation(of="state", centre=params.centre),
}
"""Every scorer, set up; the names are those of `config.params.SCORERS`."""
TRAINED_APART = frozenset({"source_head", "logme", "hscore"})
"""Scorers that ask the same models, which are trained once in a run."""


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
    featured = tuple(task for task in evidence.tasks if len(evidence.features.get(task, ())))
    # one object for all scorers that need features: it keeps what they train
    with_features = replace(evidence, tasks=featured)
    matrices: dict[str, ScoreMatrix] = {}
    for name in settings.relate.scorers:
        part = evidence if name in WITHOUT_FEATURES else _enough(name, with_features)
        scorer = FACTORIES[name](settings.relate)
        _tell_cost(scorer, part, budget, done=matrices)
        matrix = scorer.fit(part, budget, seed=settings.seed)
        if part.tasks != evidence.tasks:
            matrix = widened(matrix, evidence.tasks, why="no row of one known gold choice")
        for warning in matrix.provenance.warnings:
            print(f"{name}: {warning}")
        matrices[name] = matrix
    return matrices


def _tell_cost(
    scorer: RelationshipScorer, evidence: Evidence, budget: Budget, *, done: Collection[str]
) -> None:
    cost = scorer.cost(evidence, budget)
    before = [name for name in done if {name, scorer.name} <= TRAINED_APART]
    if before:
        print(f"{scorer.name}: asks the models of '{before[0]}'", flush=True)
    elif cost.runs:
        print(f"{scorer.name}: {cost.words}", flush=True)


def _enough(name: str, evidence: Evidence) -> Evidence:
    """Return the evidence, if there are tasks enough for a pair."""
    if len(evidence.tasks) < 2:
        raise ArtefactError(
            f"scorer '{name}' needs two tasks with rows of one known gold choice",
            where="relate.scorers",
            remedy="take it out, or say `selection: top_k` where only `tailor:` asks for it",
        )
    return evidence


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
    prefixes, states, features = None, None, {}
    if "prefix" in settings.relate.scorers:
        model = layout.model(COMPASS) / "prefixes.safetensors"
        prefixes = read_prefixes(model)
        inputs["prefixes"] = sha256(model)
    if PREFIX_STATE in settings.relate.scorers:
        path = layout.features / "prefix_states.safetensors"
        states = read_prefixes(path, remedy="run `dvc repro features`")
        inputs["prefix_states"] = sha256(path)
    if not WITHOUT_FEATURES.issuperset(settings.relate.scorers):
        folder = layout.features / ROLE
        features = read_all(folder, names, tokens=shard_hashes(layout.tokens(ROLE)))
        inputs |= {f"features/{t}": sha256(folder / f"{t}.safetensors") for t in names}
    examples = {task: pl.scan_parquet(path) for task, path in paths.items()}
    return Evidence(
        tasks=names,
        examples=examples,
        prefixes=prefixes,
        prefix_states=states,
        features={task: file.task for task, file in features.items()},
        sizes={task: rows.select(pl.len()).collect().item() for task, rows in examples.items()},
        forms=_forms(examples),
        families=dict(settings.families),
        inputs=inputs,
    )


def _forms(examples: Mapping[str, pl.LazyFrame]) -> dict[str, str]:
    """Return the form of each task that has rows."""
    first = {task: rows.select("form").head(1).collect() for task, rows in examples.items()}
    return {task: str(rows.item()) for task, rows in first.items() if rows.height}
