"""The comparison of Tailor with other choices: what is chosen for every target, and what came of it.

`select` looks at train rows and at held-out `select` rows, and freezes every arm. `try_arms` then trains
the arms and answers report rows. Both go on where they were stopped.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.engine.ledger import fingerprint
from pipeline.engine.run import run
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import Pool, pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe, TrainingBudget, derive_seeds
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.tailoring.arms import TAILOR, ArmInputs, arms_of, train_arms
from pipeline.tailoring.candidates import TaskFacts, find_candidates, gather_facts
from pipeline.tailoring.choose import Parts, choose
from pipeline.tailoring.frozen import Frozen, freeze
from pipeline.tailoring.race import RaceSetup, shares_of

RACES = 3
"""Seeds of each race."""

Choices = dict[str, dict[str, dict[str, Any]]]
"""By arm and target, a `Choice` as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What a comparison is made from; report rows are not in it."""

    evidence: Evidence
    held: Pool
    """Held-out `select` rows, of the targets at least."""
    targets: tuple[str, ...]
    seed: int
    recipe: ProxyRecipe = field(default_factory=ProxyRecipe)
    leaked: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By target and source, the share of the target's held-out texts that are nearly in the source."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file behind this."""
    ratio: float = 1.0
    """Rows of all complements together, as a multiple of the target's."""

    def train_pool(self) -> Pool:
        """Return the train rows of all tasks."""
        return pool_tasks([self.evidence.features[name] for name in self.evidence.tasks])


def ablations(whole: Parts) -> dict[str, Parts]:
    """Return the selection with one part left out each time, by the name of the arm."""
    return {
        "without guard": replace(whole, guard=False),
        "without coverage": replace(whole, coverage=False),
        "without backward check": replace(whole, backward=False),
        "without race, k = 4": replace(whole, race=False, k=4),
    }


def select(
    material: Material, ways: Mapping[str, Parts], *, folder: Path, jobs: int
) -> tuple[Frozen, Choices]:
    """Choose for every target in each way, and freeze all arms.

    Args:
        material: What is looked at.
        ways: Parts that are on, by arm: Tailor's own and, where asked for, its ablations.
        folder: For what is frozen, and for the ledger of choices that are made already.
        jobs: Processes.

    Raises:
        ArtefactError: Other selections are frozen in the folder, or they cannot be written.
    """
    evidence, seed = material.evidence, material.seed
    budget = TrainingBudget(recipe=material.recipe)
    scores = SourceHead().fit(evidence, budget, seed=seed)
    by_prefix = SmallPrefix().fit(evidence, budget, seed=seed)
    facts = gather_facts(evidence, scores, budget, seed=seed)
    choices = choose_all(material, facts, ways, ledger=folder / "choices.jsonl", jobs=jobs)
    targets = {}
    for target in material.targets:
        tasks = {way: choices[way][target]["tasks"] for way in ways}
        columns = {"scores": scores.column(target), "correlation": by_prefix.column(target)}
        arms = settle_arms(material, target, tasks, **columns)
        targets[target] = {"choice": choices[TAILOR][target], "arms": arms}
    origin = {"version": 1, "seed": seed, "ratio": material.ratio}
    made_from = {"made_from": key_of(material, ways)}
    return freeze(origin | made_from | {"targets": targets}, folder), choices


def choose_all(
    material: Material, facts: TaskFacts, ways: Mapping[str, Parts], *, ledger: Path, jobs: int
) -> Choices:
    """Return what Tailor chooses for every target, in each way.

    Args:
        material: What is looked at.
        facts: Of the same evidence.
        ways: Parts that are on, by arm.
        ledger: Of choices that are made already.
        jobs: Processes.
    """
    work = {f"{way}/{t}": (parts, t) for way, parts in ways.items() for t in material.targets}
    # the facts hold all features that a choice needs: they travel once
    light = replace(material, evidence=Evidence(tasks=material.evidence.tasks))
    keys = dict.fromkeys(work, key_of(material, ways))
    found = run(
        partial(_choose, light, facts, work), keys, jobs=jobs, ledger=ledger, title="choose"
    )
    return {way: {t: found[f"{way}/{t}"] for t in material.targets} for way in ways}


def _choose(
    material: Material, facts: TaskFacts, work: Mapping[str, tuple[Parts, str]], item: str
) -> dict[str, Any]:
    parts, target = work[item]
    setup = RaceSetup(
        target=target,
        pool=facts.trained.pool,
        held=material.held,
        recipe=material.recipe,
        # the seeds of the stage `tailor`: at its defaults its choice is this one
        seeds=derive_seeds(material.seed, "tailor", "race", count=RACES),
        ratio=material.ratio,
    )
    candidates = find_candidates(facts, target, leaked=material.leaked.get(target))
    return asdict(choose(setup, candidates, parts))


def settle_arms(
    material: Material,
    target: str,
    chosen: Mapping[str, list[str]],
    *,
    scores: Mapping[str, float],
    correlation: Mapping[str, float],
) -> dict[str, Any]:
    """Return every arm of a target as the shares of its trainings.

    Args:
        material: Of the choices.
        target: The task to be helped.
        chosen: Tasks by way; Tailor's own and, where asked for, its ablations.
        scores: Of the choices, by source.
        correlation: Scores of the published recipe, for the arm that takes the top k of them.
    """
    inputs = ArmInputs(
        sizes=material.evidence.sizes,
        families=material.evidence.families,
        correlation=correlation,
        scores=scores,
    )
    arms = arms_of(target, chosen[TAILOR], inputs, seed=material.seed, ratio=material.ratio)
    return arms | {way: [shares_of(target, chosen[way], material.ratio)] for way in chosen}


def try_arms(
    material: Material, report: Pool, frozen: Frozen, *, seeds: int, jobs: int
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Train every arm of every target and answer its report rows.

    Args:
        material: Of the choices.
        report: Report rows, of the targets at least.
        frozen: What was frozen; the ledger of targets that are done lies in its folder.
        seeds: How many, paired over all arms.
        jobs: Processes.

    Returns:
        By measure (`accuracy`, `loss`), target and arm, a value a seed.
    """
    arms = {target: entry["arms"] for target, entry in frozen.selections["targets"].items()}
    derived = derive_seeds(material.seed, "trial", count=seeds)
    sizes = dict(zip(report.names, report.sizes.tolist(), strict=True))
    key = fingerprint([frozen.sha256, asdict(material.recipe), derived, sizes])
    found = run(
        partial(train_arms, material.train_pool(), report, arms, material.recipe, tuple(derived)),
        dict.fromkeys(arms, key),
        jobs=jobs,
        ledger=frozen.folder / "outcomes.jsonl",
        title="compare",
    )
    return {
        measure: {target: by_measure[measure] for target, by_measure in found.items()}
        for measure in ("accuracy", "loss")
    }


def count_trainings(targets: int, candidates: int, seeds: int, *, ways: int, draws: int) -> int:
    """Return about how many small trainings a comparison takes, races and draws at their most."""
    race = RACES * 7
    backward = RACES * min(candidates, 8)
    arms = 5 + 3 * draws + (ways - 1)
    return targets * (ways * (race + backward) + arms * seeds) + RACES * (candidates + 1)


def key_of(material: Material, ways: Mapping[str, Parts]) -> str:
    """Return the fingerprint of all that choices depend on."""
    return fingerprint(
        {
            "inputs": dict(material.inputs),
            "tasks": {name: len(task) for name, task in material.evidence.features.items()},
            "recipe": asdict(material.recipe),
            "seed": material.seed,
            "ratio": material.ratio,
            "leaked": {t: dict(shares) for t, shares in material.leaked.items()},
            "ways": {way: asdict(parts) for way, parts in ways.items()},
        }
    )
