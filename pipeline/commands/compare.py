"""`taskloom compare NAME`: does Tailor's choice help, beside what one would do without it?

For each target Tailor chooses from train and `select` rows. Then eight arms are trained on the small
model, with as many steps and rows and from the same weights, in paired seeds: the target alone, all tasks
(equally, and by size), as many random tasks, as many of the target's family, the top by prefix
correlation, Tailor, and Tailor with its scores dealt to the wrong tasks. Selections are frozen and hashed
before a report row is opened. A run that was stopped goes on where it was.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.commands.feature_pools import Features, make_report_pool, read_pools, targets_of
from pipeline.commands.truth import count
from pipeline.config.settings import TailorSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.engine.ledger import fingerprint
from pipeline.layout import Layout
from pipeline.publish import alone
from pipeline.relationships.cost import measure_seconds, word_seconds
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import Pool, pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe, TrainingBudget, derive_seeds
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.stages.tailor import leaked_shares
from pipeline.tailoring import experiment
from pipeline.tailoring.arms import (
    ALL_EQUAL,
    ALONE,
    DRAWS,
    FAMILY,
    RANDOM,
    SHUFFLED,
    TAILOR,
    TOP,
)
from pipeline.tailoring.candidates import gather_facts
from pipeline.tailoring.choose import Parts, parts_of
from pipeline.tailoring.frozen import Frozen, freeze, open_report
from pipeline.tailoring.verdict import claims, means, negated, verdict

VERSION = 1
REPORT_ROWS = 512
ORDER = (TAILOR, ALONE, RANDOM, FAMILY, TOP, SHUFFLED, ALL_EQUAL)


def main(arguments: Sequence[str]) -> None:
    """Choose, freeze, try, report.

    Raises:
        ArtefactError: Features are missing or do not fit, or other selections are frozen already.
        ConfigError: A target is unknown or has no `select` rows.
    """
    options = _parser().parse_args(arguments)
    layout = Layout(options.name)
    features = read_pools(layout, rows=options.rows)
    material = material_of(layout, features, targets_of(features, options.targets))
    ways = ways_of(layout, ablations=options.ablations)
    out = options.out or layout.data / "comparison"
    print_cost(material, features, ways, seeds=options.seeds)
    with alone(out / ".locks" / "compare", "a comparison"):
        frozen = select(material, features, ways, out=out, jobs=options.jobs)
        print(f"selections frozen: {frozen.sha256}", flush=True)
        report = open_report(
            out, lambda it: make_report_pool(layout, features, it, rows=options.report_rows)
        )
        figures = try_arms(material, report, frozen, options, out=out)
        result = result_of(figures, material, frozen, features, options)
        write_json(result, out / "compare.json")
    print(table(result))
    print(f"written to {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom compare", description=__doc__)
    parser.add_argument("name", help="a mixture")
    parser.add_argument("--targets", help="tasks, separated by commas; all where left out")
    parser.add_argument("--seeds", type=count, default=5, help="paired seeds of every arm (5)")
    parser.add_argument("--jobs", type=count, default=1, help="processes (1)")
    parser.add_argument("--rows", type=count, help="most train rows of a task; all where left out")
    parser.add_argument(
        "--report-rows", type=count, default=REPORT_ROWS, help=f"most of a target ({REPORT_ROWS})"
    )
    parser.add_argument(
        "--ablations", action="store_true", help="Tailor with each part left out, too"
    )
    parser.add_argument("--out", type=Path, help="folder; data/NAME/comparison where left out")
    return parser


def material_of(layout: Layout, features: Features, targets: Sequence[str]) -> experiment.Material:
    """Return what choices are made from: train rows, and `select` rows of the targets."""
    evidence = Evidence(
        tasks=features.tasks,
        features=dict(features.train),
        sizes={name: len(features.train[name]) for name in features.tasks},
        families=dict(features.families),
        inputs={k: v for k, v in features.inputs.items() if k.startswith("train/")},
    )
    return experiment.Material(
        evidence=evidence,
        held=features.select_pool(),
        targets=tuple(sorted(targets)),
        recipe=ProxyRecipe(),
        seed=features.seed,
        leaked={target: leaked_shares(layout, target, features.tasks) for target in targets},
    )


def ways_of(layout: Layout, *, ablations: bool) -> dict[str, Parts]:
    """Return a race with the card's parts and, if asked for, with one of them left out each time."""
    whole = parts_of(read(TailorSettings, layout.settings("tailor")).tailor)
    return {TAILOR: whole} | (experiment.ablations(whole) if ablations else {})


def print_cost(
    material: experiment.Material, features: Features, ways: Mapping[str, Parts], *, seeds: int
) -> None:
    """Print what the comparison takes at most, measured on a few trainings."""
    targets, others = len(material.targets), len(features.tasks) - 1
    most = experiment.count_trainings(targets, others, seeds, ways=len(ways), draws=DRAWS)
    seconds = measure_seconds(features.train_pool(), material.recipe)
    print(f"at most {word_seconds(most, seconds)}", flush=True)


def select(
    material: experiment.Material,
    features: Features,
    ways: Mapping[str, Parts],
    *,
    out: Path,
    jobs: int,
) -> Frozen:
    """Choose for every target and freeze what was chosen."""
    evidence, seed = material.evidence, material.seed
    budget = TrainingBudget(recipe=material.recipe)
    scores = SourceHead().fit(evidence, budget, seed=seed)
    facts = gather_facts(evidence, scores, budget, seed=seed)
    key = experiment.key_of(material, features.inputs, ways)
    ledger = out / "choices.jsonl"
    chosen = experiment.choose_all(material, facts, ways, ledger=ledger, key=key, jobs=jobs)
    correlation = SmallPrefix().fit(evidence, budget, seed=seed)
    settled = experiment.settle_arms(material, scores, chosen, correlation)
    return freeze(settled | {"made_from": key, "encoder": features.encoder}, out)


def try_arms(
    material: experiment.Material,
    report: Pool,
    frozen: Frozen,
    options: argparse.Namespace,
    *,
    out: Path,
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Train every arm and answer the report rows; see `experiment.try_arms`."""
    seeds = derive_seeds(material.seed, "trial", count=options.seeds)
    sizes = dict(zip(report.names, report.sizes.tolist(), strict=True))
    origin = [frozen.sha256, asdict(material.recipe), seeds, sizes]
    return experiment.try_arms(
        pool_tasks([material.evidence.features[name] for name in material.evidence.tasks]),
        report,
        frozen.selections,
        material.recipe,
        seeds=seeds,
        ledger=out / "outcomes.jsonl",
        key=fingerprint(origin),
        jobs=options.jobs,
    )


def result_of(
    figures: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    material: experiment.Material,
    frozen: Frozen,
    features: Features,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Return the content of compare.json."""
    accuracy = figures["accuracy"]
    rows = verdict(accuracy, seed=0)
    choices = {t: entry["choice"] for t, entry in frozen.selections["targets"].items()}
    return {
        "version": VERSION,
        "mixture": options.name,
        "targets": sorted(accuracy),
        "seeds": options.seeds,
        "train_rows": dict(material.evidence.sizes),
        "recipe": asdict(material.recipe),
        "encoder": features.encoder,
        "selections_sha256": frozen.sha256,
        "chosen": {t: choice["tasks"] for t, choice in choices.items()},
        "accuracy": {"arms": means(accuracy), "differences": rows},
        "loss": {
            "arms": means(figures["loss"]),
            "differences": verdict(negated(figures["loss"]), seed=0),
        },
        "claims": claims(accuracy, rows),
        "outcomes": figures,
    }


def table(result: Mapping[str, Any]) -> str:
    """Return the arms, and Tailor against each, in words and points of accuracy."""
    arms = result["accuracy"]["arms"]
    names = [*(arm for arm in ORDER if arm in arms), *sorted(set(arms) - set(ORDER))]
    width = max(map(len, names))
    lines = [
        f"{len(result['targets'])} targets, {result['seeds']} paired seeds; accuracy on report rows",
        *(f"  {arm:<{width}}  {arms[arm]:.3f}" for arm in names),
        "",
        "differences in points, 95 % intervals by bootstrap over targets, then seeds:",
    ]
    for row in result["accuracy"]["differences"]:
        mean, low, high = (100.0 * row[key] for key in ("mean", "low", "high"))
        lines.append(
            f"  {row['arm']} minus {row['against']:<{width}}  {mean:+.2f} [{low:+.2f}, {high:+.2f}]  "
            f"p {row['p']:.4f}  {row['wins']} wins, {row['ties']} ties, {row['losses']} losses; "
            f"worst {row['worst']} {100.0 * row['worst_by']:+.1f}"
        )
    empty = sum(not tasks for tasks in result["chosen"].values())
    sizes = [len(tasks) for tasks in result["chosen"].values()]
    lines.append(
        f"\nTailor took no task for {empty} targets, {median(sizes):g} in the median, "
        f"{max(sizes)} at most; {result['claims']['share_below_alone']:.0%} of the targets are below "
        "the target alone"
    )
    return "\n".join(lines)
