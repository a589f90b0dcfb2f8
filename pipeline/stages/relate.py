"""Stage `relate`: how much each task should help each other, by every scorer that is named.

Reads:   data/NAME/settings/relate.json, the train rows below data/NAME/curated,
         models/NAME/compass/prefixes.safetensors, data/NAME/tokens/train/manifest.json; and, where a
         scorer needs them, data/NAME/features/{train,prefix_states.safetensors}
Writes:  data/NAME/scores/<scorer>.{parquet,json}
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from pipeline.config.settings import RelateSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import require, sha256
from pipeline.contract.tokens import shard_hashes
from pipeline.errors import ArtefactError
from pipeline.layout import COMPASS, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.relationships.evidence import Evidence, read_prefixes
from pipeline.relationships.features import read_all
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.registry import find_scorer
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scores import ScoreMatrix, widen, write_scores
from pipeline.relationships.stack import stack

ROLE = "train"


def main(arguments: Sequence[str]) -> None:
    """Score all pairs of a mixture's tasks."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "relate"):
        settings = read(RelateSettings, layout.settings("relate"))
        evidence = gather_evidence(layout, settings)
        with new_folder(layout.scores) as folder:
            matrices = run_scorers(settings, evidence)
            for matrix in matrices.values():
                write_scores(matrix, folder)
            if settings.relate.stack:
                write_scores(stack([matrices[part] for part in settings.relate.stack]), folder)


def run_scorers(settings: RelateSettings, evidence: Evidence) -> dict[str, ScoreMatrix]:
    """Run the scorers one after the other; what one trains is printed before it starts.

    Raises:
        ArtefactError: Fewer than two tasks can be scored by one that needs features.
    """
    budget = TrainingBudget(seeds=settings.relate.seeds)
    featured = tuple(task for task in evidence.tasks if len(evidence.features.get(task, ())))
    with_features = replace(evidence, tasks=featured)
    matrices: dict[str, ScoreMatrix] = {}
    for name in settings.relate.scorers:
        scorer = find_scorer(name, where="relate.scorers").from_params(settings.relate)
        part = evidence
        if "features" in scorer.needs:
            part = with_features = _prepare(scorer, with_features, budget, seed=settings.seed)
        matrix = scorer.fit(part, budget, seed=settings.seed)
        if part.tasks != evidence.tasks:
            matrix = widen(matrix, evidence.tasks, why="no row of one known gold choice")
        for warning in matrix.provenance.warnings:
            print(f"{name}: {warning}")
        matrices[name] = matrix
    return matrices


def _prepare(scorer: Scorer, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> Evidence:
    """Return the evidence with the models that a scorer shares, trained for the first that asks."""
    if len(evidence.tasks) < 2:
        raise ArtefactError(
            f"scorer '{scorer.name}' needs two tasks with rows of one known gold choice",
            where="relate.scorers",
            remedy="take it out, or say `selection: top_k` where only `tailor:` asks for it",
        )
    shared, cost = scorer.shares, scorer.cost(evidence, budget)
    if shared and shared.name in evidence.models:
        print(f"{scorer.name}: reuses the {shared.name} models", flush=True)
        return evidence
    if cost.runs:
        print(f"{scorer.name}: {cost.words}", flush=True)
    if shared is None:
        return evidence
    models = scorer.models(evidence, budget, seed=seed)
    return replace(evidence, models={**evidence.models, shared.name: models})


def gather_evidence(layout: Layout, settings: RelateSettings) -> Evidence:
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
    where = f"{layout.settings('relate')}: relate.scorers"
    needs = {n for name in settings.relate.scorers for n in find_scorer(name, where=where).needs}
    if "prefixes" in needs:
        model = layout.model(COMPASS) / "prefixes.safetensors"
        prefixes = read_prefixes(model)
        inputs["prefixes"] = sha256(model)
    if "prefix_states" in needs:
        path = layout.features / "prefix_states.safetensors"
        states = read_prefixes(path, remedy="run `dvc repro features`")
        inputs["prefix_states"] = sha256(path)
    if "features" in needs:
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
