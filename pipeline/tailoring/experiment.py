"""The comparison of Tailor with other choices: what is chosen for every target, and what came of it.

Choices look at train rows and at held-out `select` rows; what an arm is, is settled before a report row
is looked at. Both halves go on where they were stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.engine.ledger import fingerprint
from pipeline.engine.run import run
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import ProxyRecipe, derive_seeds
from pipeline.relationships.scores import ScoreMatrix
from pipeline.tailoring.arms import TAILOR, ArmInputs, arms_of, train_arms
from pipeline.tailoring.candidates import TaskFacts, find_candidates
from pipeline.tailoring.choose import Parts, choose
from pipeline.tailoring.race import Track, shares_of

RACES = 3
"""Seeds of each race."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What a comparison is made from; report rows are not in it."""

    evidence: Evidence
    held: Pool
    """Held-out `select` rows, of the targets at least."""
    targets: tuple[str, ...]
    recipe: ProxyRecipe
    seed: int
    leaked: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By target and source, the share of the target's held-out texts that are nearly in the source."""
    ratio: float = 1.0
    """Rows of all complements together, as a multiple of the target's."""


def ablations(whole: Parts) -> dict[str, Parts]:
    """Return the selection with one part left out each time, by the name of the arm."""
    return {
        "without guard": replace(whole, guard=False),
        "without coverage": replace(whole, coverage=False),
        "without backward check": replace(whole, backward=False),
        "without race, k = 4": replace(whole, race=False, k=4),
    }


def choose_all(
    material: Material,
    facts: TaskFacts,
    ways: Mapping[str, Parts],
    *,
    ledger: Path,
    key: str,
    jobs: int,
) -> dict[str, dict[str, Any]]:
    """Return what Tailor chooses for every target, in each way.

    Args:
        material: What is looked at.
        facts: From `candidates.gather_facts`, of the same evidence.
        ways: Parts that are on, by arm.
        ledger: File of choices that are made already.
        key: Fingerprint of the material.
        jobs: Processes.

    Returns:
        By arm and target, each `Choice` as JSON.
    """
    work = {f"{way}/{t}": (parts, t) for way, parts in ways.items() for t in material.targets}
    # the facts hold all features that a choice needs: they travel once
    light = replace(material, evidence=Evidence(tasks=material.evidence.tasks))
    keys = dict.fromkeys(work, key)
    found = run(
        partial(_choose, light, facts, work), keys, jobs=jobs, ledger=ledger, title="choose"
    )
    return {way: {t: found[f"{way}/{t}"] for t in material.targets} for way in ways}


def _choose(
    material: Material, facts: TaskFacts, work: Mapping[str, tuple[Parts, str]], item: str
) -> dict[str, Any]:
    parts, target = work[item]
    track = Track(
        target=target,
        pool=facts.trained.pool,
        held=material.held,
        recipe=material.recipe,
        # the seeds of the stage `tailor`: at its defaults its choice is this one
        seeds=derive_seeds(material.seed, "tailor", "race", count=RACES),
        ratio=material.ratio,
    )
    candidates = find_candidates(facts, target, leaked=material.leaked.get(target))
    return asdict(choose(track, candidates, parts))


def settle_arms(
    material: Material,
    scores: ScoreMatrix,
    choices: Mapping[str, Mapping[str, Any]],
    correlation: ScoreMatrix,
) -> dict[str, Any]:
    """Return what is frozen: every arm of every target as the shares of its trainings.

    Args:
        material: Of the choices.
        scores: Of the choices.
        choices: From `choose_all`; Tailor's own and, where asked for, its ablations.
        correlation: Scores of the published recipe, for the arm that takes the top k of them.
    """
    by_target = {}
    for target in material.targets:
        inputs = ArmInputs(
            sizes=material.evidence.sizes,
            families=material.evidence.families,
            correlation=correlation.column(target),
            scores=scores.column(target),
        )
        tasks = choices[TAILOR][target]["tasks"]
        arms = arms_of(target, tasks, inputs, seed=material.seed, ratio=material.ratio)
        for way in choices:
            arms[way] = [shares_of(target, choices[way][target]["tasks"], material.ratio)]
        by_target[target] = {"choice": choices[TAILOR][target], "arms": arms}
    return {"version": 1, "seed": material.seed, "ratio": material.ratio, "targets": by_target}


def try_arms(
    pool: Pool,
    report: Pool,
    frozen: Mapping[str, Any],
    recipe: ProxyRecipe,
    *,
    seeds: Sequence[int],
    ledger: Path,
    key: str,
    jobs: int,
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Train every arm of every target and answer its report rows.

    Args:
        pool: Train rows.
        report: Report rows, of the targets at least.
        frozen: What was frozen, from `settle_arms`.
        recipe: Of every training.
        seeds: Paired over all arms.
        ledger: File of targets that are done already.
        key: Fingerprint of selections, rows and recipe.
        jobs: Processes.

    Returns:
        By measure (`accuracy`, `loss`), target and arm, a value a seed.
    """
    arms = {target: entry["arms"] for target, entry in frozen["targets"].items()}
    act = partial(train_arms, pool, report, arms, recipe, tuple(seeds))
    found = run(act, dict.fromkeys(arms, key), jobs=jobs, ledger=ledger, title="compare")
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


def key_of(material: Material, inputs: Mapping[str, str], ways: Mapping[str, Parts]) -> str:
    """Return the fingerprint of all that choices depend on.

    Args:
        material: What is looked at.
        inputs: Hash of each file behind it.
        ways: Parts that are on, by arm.
    """
    return fingerprint(
        {
            "inputs": dict(inputs),
            "tasks": {name: len(task) for name, task in material.evidence.features.items()},
            "recipe": asdict(material.recipe),
            "seed": material.seed,
            "ratio": material.ratio,
            "leaked": {t: dict(shares) for t, shares in material.leaked.items()},
            "ways": {way: asdict(parts) for way, parts in ways.items()},
        }
    )
