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
from pipeline.layout import Layout
from pipeline.publish import alone
from pipeline.relationships.cost import measure_seconds, word_seconds
from pipeline.relationships.evidence import Evidence
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
from pipeline.tailoring.choose import Parts, parts_of
from pipeline.tailoring.frozen import Frozen, open_report
from pipeline.tailoring.verdict import summarise

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
    layout, jobs = Layout(options.name), options.jobs
    features = read_pools(layout, rows=options.rows)
    material = material_of(layout, features, targets_of(features, options.targets))
    ways = ways_of(layout, ablations=options.ablations)
    out = options.out or layout.data / "comparison"
    print_cost(material, ways, seeds=options.seeds)
    with alone(out / ".locks" / "compare", "a comparison"):
        frozen, _ = experiment.select(material, ways, folder=out, jobs=jobs)
        print(f"selections frozen: {frozen.sha256}", flush=True)
        report = open_report(
            out, lambda it: make_report_pool(layout, features, it, rows=options.report_rows)
        )
        figures = experiment.try_arms(material, report, frozen, seeds=options.seeds, jobs=jobs)
        result = origin_of(material, frozen, features, options) | summarise(figures)
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
    )
    return experiment.Material(
        evidence=evidence,
        held=features.select_pool(),
        targets=tuple(sorted(targets)),
        seed=features.seed,
        leaked={target: leaked_shares(layout, target, features.tasks) for target in targets},
        inputs=features.inputs,
    )


def ways_of(layout: Layout, *, ablations: bool) -> dict[str, Parts]:
    """Return a race with the card's parts and, if asked for, with one of them left out each time."""
    whole = parts_of(read(TailorSettings, layout.settings("tailor")).tailor)
    return {TAILOR: whole} | (experiment.ablations(whole) if ablations else {})


def print_cost(material: experiment.Material, ways: Mapping[str, Parts], *, seeds: int) -> None:
    """Print what the comparison takes at most, measured on a few trainings."""
    targets, others = len(material.targets), len(material.evidence.tasks) - 1
    most = experiment.count_trainings(targets, others, seeds, ways=len(ways), draws=DRAWS)
    seconds = measure_seconds(material.train_pool(), material.recipe)
    print(f"at most {word_seconds(most, seconds)}", flush=True)


def origin_of(
    material: experiment.Material,
    frozen: Frozen,
    features: Features,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Return what compare.json says of what was compared."""
    choices = {t: entry["choice"] for t, entry in frozen.selections["targets"].items()}
    return {
        "version": VERSION,
        "mixture": options.name,
        "targets": sorted(choices),
        "seeds": options.seeds,
        "train_rows": dict(material.evidence.sizes),
        "recipe": asdict(material.recipe),
        "encoder": features.encoder,
        "selections_sha256": frozen.sha256,
        "chosen": {t: choice["tasks"] for t, choice in choices.items()},
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
