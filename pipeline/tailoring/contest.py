"""A comparison of Tailor with the arms beside it: what is chosen for every target, and what came of it.

Choices look at train rows and at held-out `select` rows; what an arm is, is settled before a report row
is looked at. Both halves go on where they were stopped. Knows evidence, pools and a ledger; opens no file
of a mixture and no report row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.ledger import fingerprint, resumed
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Recipe
from pipeline.relationships.scores import ScoreMatrix
from pipeline.seeds import derive_seed
from pipeline.tailoring.candidates import Known, candidates
from pipeline.tailoring.choose import Choice, Parts, choose
from pipeline.tailoring.race import shares_of
from pipeline.tailoring.trial import TAILOR, Beside, Shares, arms_of, outcomes

RACES = 3
"""Seeds of each race."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What a comparison is made from; report rows are not in it."""

    evidence: Evidence
    held: Pool
    """Held-out `select` rows, of the targets at least."""
    targets: tuple[str, ...]
    recipe: Recipe
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


def chosen(
    material: Material,
    facts: Known,
    ways: Mapping[str, Parts],
    *,
    ledger: Path,
    key: str,
    jobs: int,
) -> dict[str, dict[str, Any]]:
    """Return what Tailor chooses for every target, in each way.

    Args:
        material: What is looked at.
        facts: From `candidates.known`, of the same evidence.
        ways: Parts that are on, by arm.
        ledger: File of choices that are made already.
        key: Fingerprint of the material.
        jobs: Processes.

    Returns:
        By arm and target: `tasks`, `refused`, `steps`, `race` and `rises`, as JSON.
    """
    work = {f"{way}/{t}": (parts, t) for way, parts in ways.items() for t in material.targets}
    part = replace(material, evidence=Evidence(tasks=material.evidence.tasks))
    done = resumed(
        list(work),
        partial(_chosen, part, facts, work),
        path=ledger,
        key=key,
        jobs=jobs,
        what="choose",
    )
    return {way: {t: done[f"{way}/{t}"] for t in material.targets} for way in ways}


def _chosen(
    material: Material, facts: Known, work: Mapping[str, tuple[Parts, str]], item: str
) -> dict[str, Any]:
    parts, target = work[item]
    found = choose(
        target,
        candidates(facts, target, leaked=material.leaked.get(target)),
        facts.pool,
        material.held,
        material.recipe,
        # the seeds of the stage `tailor`: at its defaults its choice is this one
        seeds=[derive_seed(material.seed, "tailor", "race", i) % 2**63 for i in range(RACES)],
        ratio=material.ratio,
        parts=parts,
    )
    return as_json(found)


def as_json(choice: Choice) -> dict[str, Any]:
    """Return a choice as JSON."""
    race = choice.race
    return {
        "tasks": list(choice.tasks),
        "refused": dict(choice.refused),
        "steps": [asdict(step) for step in choice.steps],
        "race": None
        if race is None
        else {
            "winner": race.winner,
            "entries": [
                {"k": len(e.tasks), "loss": e.loss, "behind": e.behind, "se": e.behind_se}
                for e in race.entries
            ],
        },
        "rises": dict(choice.rises),
    }


def selections(
    material: Material,
    facts: Known,
    choices: Mapping[str, Mapping[str, Any]],
    correlation: ScoreMatrix,
) -> dict[str, Any]:
    """Return what is frozen: every arm of every target as the shares of its trainings.

    Args:
        material: Of the choices.
        facts: Of the choices.
        choices: From `chosen`; Tailor's own and, where asked for, its ablations.
        correlation: Scores of the published recipe, for the arm that takes the top k of them.
    """
    by_target = {}
    for target in material.targets:
        beside = Beside(
            sizes=material.evidence.sizes,
            families=material.evidence.families,
            correlation=correlation.column(target),
            scores=facts.scores.column(target),
        )
        tasks = choices[TAILOR][target]["tasks"]
        arms = arms_of(target, tasks, beside, seed=material.seed, ratio=material.ratio)
        for way in choices:
            arms[way] = [shares_of(target, choices[way][target]["tasks"], material.ratio)]
        by_target[target] = {"choice": choices[TAILOR][target], "arms": arms}
    return {"version": 1, "seed": material.seed, "ratio": material.ratio, "targets": by_target}


def tried(
    pool: Pool,
    report: Pool,
    frozen: Mapping[str, Any],
    recipe: Recipe,
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
        frozen: What was frozen, from `selections`.
        recipe: Of every training.
        seeds: Paired over all arms.
        ledger: File of targets that are done already.
        key: Fingerprint of selections, rows and recipe.
        jobs: Processes.

    Returns:
        By measure (`accuracy`, `loss`), target and arm, a value a seed.
    """
    arms = {target: entry["arms"] for target, entry in frozen["targets"].items()}
    act = partial(_tried, pool, report, arms, recipe, tuple(seeds))
    done = resumed(sorted(arms), act, path=ledger, key=key, jobs=jobs, what="compare")
    return {
        measure: {target: found[measure] for target, found in done.items()}
        for measure in ("accuracy", "loss")
    }


def _tried(
    pool: Pool,
    report: Pool,
    arms: Mapping[str, Mapping[str, Sequence[Shares]]],
    recipe: Recipe,
    seeds: Sequence[int],
    target: str,
) -> dict[str, dict[str, list[float]]]:
    return outcomes(pool, report, target, arms[target], recipe, seeds=seeds)


def trainings(targets: int, candidates: int, seeds: int, *, ways: int, draws: int) -> int:
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
