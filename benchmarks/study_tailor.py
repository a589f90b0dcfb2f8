"""Does Tailor help where relations are planted? What `taskloom compare` does, on a frozen level.

The choices, the arms, the freezing and the verdict are the command's own; the level gives the tasks.
Since the gain of every pair can be measured here, it is also counted how many tasks that clearly harm
(gain + 2 standard errors below 0) stand in the chosen sets, with the guard and without it.

Usage: python -m benchmarks.study_tailor --level middle --work FOLDER --out FILE [--ablations]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Bar, finish
from benchmarks.planted.evidence import evidence_of
from benchmarks.planted.generate import PlantedTask, generate, targets
from benchmarks.planted.levels import LEVELS
from benchmarks.planted.truth import PlantedTruth, content_hash, measured
from pipeline.commands.compare import table
from pipeline.relationships.gains import clearly_harmful
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe
from pipeline.tailoring import experiment
from pipeline.tailoring.arms import ALONE, RANDOM, TAILOR
from pipeline.tailoring.choose import Parts
from pipeline.tailoring.frozen import open_report
from pipeline.tailoring.verdict import summarise

SEED = 1
UNGUARDED = "without guard"
MOST_HARMFUL, MOST_LOST = 0.05, -0.003


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, freeze, try, report."""
    options = _options(arguments)
    tasks = generate(LEVELS[options.level], seed=0)
    material = material_of(tasks)
    ways = {TAILOR: Parts(), UNGUARDED: Parts(guard=False)}
    ways |= experiment.ablations(Parts()) if options.ablations else {}
    frozen, chosen = experiment.select(material, ways, folder=options.work, jobs=options.jobs)
    report = open_report(options.work, lambda _: pool_tasks([task.report for task in tasks]))
    figures = experiment.try_arms(material, report, frozen, seeds=options.seeds, jobs=options.jobs)
    truth = measured(tasks, ProxyRecipe(), seeds=range(1000, 1000 + options.seeds))
    harmful = {way: harmful_share(chosen[way], truth) for way in (TAILOR, UNGUARDED)}
    details = {
        "targets": list(material.targets),
        "seeds": options.seeds,
        "harmful_chosen": harmful,
        "chosen": {way: {t: c["tasks"] for t, c in by.items()} for way, by in chosen.items()},
        "races": {t: choice["race"] for t, choice in chosen[TAILOR].items()},
        "selections_sha256": frozen.sha256,
    } | summarise(figures)
    print(table(details | {"chosen": details["chosen"][TAILOR]}))
    print(f"clearly harmful in the chosen sets: {json.dumps(harmful)}")
    found = bars(details["accuracy"]["differences"], harmful, options.level)
    finish(f"tailor_{options.level}", found, equal=True, out=options.out, details=details)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=sorted(LEVELS), required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--ablations", action="store_true", help="try Tailor with parts left out")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is done")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


def material_of(tasks: Sequence[PlantedTask]) -> experiment.Material:
    """Return what choices are made from: train rows, and dev rows as those that are held out."""
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
    return experiment.Material(
        evidence=evidence_of(tasks),
        held=pool_tasks([task.dev for task in tasks]),
        targets=wanted,
        seed=SEED,
        leaked=leaked,
        inputs={"planted": content_hash(tasks)},
    )


def harmful_share(choices: Mapping[str, Mapping[str, Any]], truth: PlantedTruth) -> dict[str, Any]:
    """Return how many chosen tasks there are, and which share of them clearly harms their target."""
    sure_ST = clearly_harmful(truth.truth.mean_ST, truth.se_ST)
    at = truth.truth.sources.index, truth.truth.targets.index
    pairs = [
        (at[0](source), at[1](t)) for t, choice in choices.items() for source in choice["tasks"]
    ]
    harmful = sum(bool(sure_ST[pair]) for pair in pairs)
    share = harmful / len(pairs) if pairs else 0.0
    return {"pairs": len(pairs), "harmful": harmful, "share": round(share, 4)}


def bars(
    rows: Sequence[Mapping[str, Any]], harmful: Mapping[str, Mapping[str, Any]], level: str
) -> dict[str, Bar]:
    """Return the bars of a level."""
    by = {(row["arm"], row["against"]): row for row in rows}
    if not LEVELS[level].friends:
        return {"lost_to_target_only": (by[TAILOR, ALONE]["mean"], MOST_LOST, ">=")}
    return {
        "harmful_in_chosen": (harmful[TAILOR]["share"], MOST_HARMFUL, "<="),
        "above_random_low": (by[TAILOR, RANDOM]["low"], 0.0, ">="),
    }


if __name__ == "__main__":
    main()
