"""Does Tailor help? Every arm beside it, on planted levels and on real tasks with fixed features.

For each target Tailor chooses from train and held-out rows; then every arm is trained with as many rows,
from the same weights, and answers the target's report rows. The choices are written and hashed before a
report row is opened. A table keeps what is done, so that a study that was stopped goes on.

Usage: python -m benchmarks.study_tailor --level middle
       python -m benchmarks.study_tailor --features FOLDER --families FILE [--train-rows 100]
"""

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import finish
from pipeline.augmentation.candidates import Known, candidates, known
from pipeline.augmentation.choose import Choice, Parts, choose
from pipeline.augmentation.trial import (
    ALL_EQUAL,
    ALONE,
    FAMILY,
    RANDOM,
    SHUFFLED,
    TAILOR,
    TOP,
    Beside,
    arms_of,
    outcomes,
)
from pipeline.augmentation.verdict import means, verdict
from pipeline.relationships.adapter.tasks import FeatureTask, Pool, pooled
from pipeline.relationships.adapter.training import Recipe
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.planted.evidence import evidence_of
from pipeline.relationships.planted.generate import generate, targets
from pipeline.relationships.planted.levels import LEVELS
from pipeline.relationships.protocol import Budget
from pipeline.relationships.small_prefix import SmallPrefix
from pipeline.seeds import derive_rng

ROOT = Path(__file__).parent.parent
SEEDS = 5
"""Paired seeds of every arm."""
RACE_SEEDS = (7000, 7001, 7002)
ABLATIONS = {
    "without guard": Parts(guard=False),
    "without coverage": Parts(coverage=False),
    "without backward check": Parts(backward=False),
    "without race, k = 5": Parts(race=False, k=5),
}


@dataclass(frozen=True)
class Material:
    """What a study is made from; report rows stay behind a function."""

    name: str
    evidence: Evidence
    held: Pool
    targets: tuple[str, ...]
    leaked: Mapping[str, Mapping[str, float]]
    recipe: Recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, freeze, try, report."""
    options = _options(arguments)
    material = planted(options.level) if options.level else real(options)
    facts = known(material.evidence, Budget(recipe=material.recipe), seed=options.seed)
    chosen = chosen_for(material, facts, jobs=options.jobs)
    frozen = freeze(material, facts, chosen, options.work)
    report = report_rows(options, frozen, material)
    table = tried(material, frozen["arms"], report, options)
    differences = verdict(table, seed=0)
    show(means(table), differences)
    details = {
        "arms": means(table),
        "differences": differences,
        "chosen": {t: asdict(c) | {"race": _race(c)} for t, c in chosen["tailor"].items()},
        "selections_sha256": frozen["sha256"],
        "outcomes": table,
    }
    finish(f"tailor_{material.name}", {}, equal=True, out=options.out, details=details)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=sorted(LEVELS))
    parser.add_argument("--features", type=Path, help="folder of train/ and report/ features")
    parser.add_argument("--families", type=Path, help="JSON: family by task")
    parser.add_argument("--train-rows", type=int, default=100, help="of each task")
    parser.add_argument("--held-rows", type=int, default=100, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is done")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if (options.level is None) == (options.features is None):
        parser.error("give --level or --features")
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def planted(level: str) -> Material:
    """Return the material of a planted level."""
    tasks = generate(LEVELS[level], seed=0)
    texts = {task.name: set(task.texts) for task in tasks}
    wanted = targets(tasks)
    leaked = {
        task.name: {
            source: float(np.mean([text in texts[source] for text in task.dev_texts]))
            for source in texts
            if source != task.name
        }
        for task in tasks
        if task.name in wanted
    }
    held = pooled([task.dev for task in tasks])
    return Material(level, evidence_of(tasks), held, wanted, leaked, Recipe())


def real(options: argparse.Namespace) -> Material:
    """Return the material of a folder of features: some rows to train on, others held out."""
    families = json.loads(options.families.read_text())
    everything = read_tasks(options.features / "train")
    kept, held = {}, []
    for name, task in everything.items():
        turn = derive_rng(0, "study", name).permutation(len(task))
        cut = min(options.held_rows, len(task) // 3)
        held.append(task.take(np.sort(turn[:cut])))
        kept[name] = task.take(np.sort(turn[cut : cut + options.train_rows]))
    names = tuple(sorted(kept))
    evidence = Evidence(
        tasks=names,
        features=kept,
        sizes={name: len(kept[name]) for name in names},
        families={name: families[name] for name in names},
    )
    recipe = Recipe(steps=200, learning_rate=0.003)
    return Material("real", evidence, pooled(held), names, {}, recipe)


def read_tasks(folder: Path) -> dict[str, FeatureTask]:
    """Read the features of all tasks of a folder; rows without one gold choice are left out."""
    from safetensors.numpy import load_file

    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors = load_file(path)
        features = tensors["features"] * np.sqrt(tensors["features"].shape[1])
        gold, first = tensors["gold"], tensors["first"]
        whole = FeatureTask(
            name=path.stem, features_OD=features, first=first, gold=np.maximum(gold, 0)
        )
        found[path.stem] = whole.take(np.flatnonzero(gold >= 0))
    return found


def chosen_for(material: Material, facts: Known, *, jobs: int) -> dict[str, dict[str, Choice]]:
    """Return Tailor's choice and that of each ablation, for every target."""
    ways = {TAILOR: Parts(), **ABLATIONS}
    work = [(name, parts, target) for name, parts in ways.items() for target in material.targets]
    with ProcessPoolExecutor(jobs) as pool:
        done = pool.map(partial(_chosen, material, facts), work)
        found: dict[str, dict[str, Choice]] = {name: {} for name in ways}
        for (name, _, target), choice in zip(work, done, strict=True):
            found[name][target] = choice
    return found


def _chosen(material: Material, facts: Known, work: tuple[str, Parts, str]) -> Choice:
    _, parts, target = work
    return choose(
        target,
        candidates(facts, target, leaked=material.leaked.get(target)),
        facts.pool,
        material.held,
        material.recipe,
        seeds=RACE_SEEDS,
        parts=parts,
    )


def freeze(
    material: Material, facts: Known, chosen: Mapping[str, Mapping[str, Choice]], work: Path
) -> dict[str, Any]:
    """Write every arm of every target, and return them with their hash."""
    budget = Budget(recipe=material.recipe)
    prefix = SmallPrefix().fit(material.evidence, budget, seed=facts.seed)
    arms = {}
    for target in material.targets:
        beside = Beside(
            sizes=material.evidence.sizes,
            families=material.evidence.families,
            correlation=prefix.column(target),
            scores=facts.head.column(target),
        )
        mine = arms_of(target, chosen[TAILOR][target].tasks, beside, seed=facts.seed)
        for name in ABLATIONS:
            tasks = chosen[name][target].tasks
            mine[name] = arms_of(target, tasks, beside, seed=facts.seed)[TAILOR]
        arms[target] = mine
    text = json.dumps(arms, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (work / f"selections-{material.name}.json").write_text(text + "\n")
    (work / f"selections-{material.name}.sha256").write_text(digest + "\n")
    return {"arms": arms, "sha256": digest}


def report_rows(options: argparse.Namespace, frozen: Mapping[str, Any], material: Material) -> Pool:
    """Open the report rows; only selections that are written and unchanged open them."""
    path = options.work / f"selections-{material.name}.json"
    text = path.read_text().strip() if path.exists() else ""
    if hashlib.sha256(text.encode()).hexdigest() != frozen["sha256"]:
        raise SystemExit("the selections are not frozen: no report row is read")
    if options.level:
        return pooled([task.report for task in generate(LEVELS[options.level], seed=0)])
    return pooled(list(read_tasks(options.features / "report").values()))


def tried(
    material: Material, arms: Mapping[str, Any], report: Pool, options: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Train every arm of every target that is not done yet."""
    train = pooled([material.evidence.features[name] for name in material.evidence.tasks])
    key = hashlib.sha256(
        json.dumps([arms, asdict(material.recipe)], sort_keys=True).encode()
    ).hexdigest()[:12]
    log = options.work / f"outcomes-{material.name}-{key}.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    table = {entry["target"]: entry["outcomes"] for entry in map(json.loads, lines)}
    left = [target for target in material.targets if target not in table]
    act = partial(_tried, train, report, arms, replace(material.recipe, together=24))
    with ProcessPoolExecutor(options.jobs) as pool, log.open("a") as file:
        for target, found in zip(left, pool.map(act, left), strict=True):
            table[target] = found
            file.write(json.dumps({"target": target, "outcomes": found}) + "\n")
            file.flush()
            print(f"{target}: {np.mean(found[TAILOR]):.3f} alone {np.mean(found[ALONE]):.3f}")
    return table


def _tried(
    train: Pool, report: Pool, arms: Mapping[str, Any], recipe: Recipe, target: str
) -> dict[str, list[float]]:
    seeds = [5000 + index for index in range(SEEDS)]
    return outcomes(train, report, target, arms[target], recipe, seeds=seeds)


def show(arms: Mapping[str, float], differences: Sequence[Mapping[str, Any]]) -> None:
    """Print the arms and how Tailor differs from each."""
    order = [TAILOR, ALONE, RANDOM, FAMILY, TOP, SHUFFLED, ALL_EQUAL]
    for arm in [*order, *sorted(set(arms) - set(order))]:
        print(f"  {arm:28s} {arms[arm]:.3f}")
    print("\ntailor minus:")
    for row in differences:
        print(
            f"  {row['against']:28s} {row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] "
            f"p {row['p']:.4f}, {row['wins']} wins, {row['ties']} ties, {row['losses']} losses, "
            f"worst {row['worst']} {row['worst_by']:+.3f}"
        )


def _race(choice: Choice) -> list[dict[str, float]] | None:
    if choice.race is None:
        return None
    return [
        {"k": len(entry.tasks), "loss": entry.loss, "behind": entry.behind, "se": entry.behind_se}
        for entry in choice.race.entries
    ]


if __name__ == "__main__":
    main()
