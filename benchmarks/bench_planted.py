"""Which scorers find the planted relations? All of them, beside all baselines, at four frozen levels.

The truth of each level is measured: every source is trained with every target, in three seeds. Scorers
see train rows only. The bars of the middle level: the best scorer that needs no trainings of pairs
reaches 0.8 of the oracle's Spearman (the oracle knows what was planted, not what training makes of it),
and is 0.4 above the best scorer that reads text alone.

Usage: python -m benchmarks.bench_planted [--levels easy,middle,hard,no_friends] [--seeds 3] [--out FILE]
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Bar, finish
from benchmarks.planted.evidence import evidence_of
from benchmarks.planted.generate import generate
from benchmarks.planted.levels import LEVELS
from benchmarks.planted.truth import PlantedTruth, measured, planted, shares
from pipeline.commands.agree import as_json, table
from pipeline.relationships.agreement.compare import align, compare_scorers
from pipeline.relationships.agreement.measure import Agreement, measure_agreement
from pipeline.relationships.proxy.training import ProxyRecipe, TrainingBudget
from pipeline.relationships.registry import SCORERS
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.stack import stack

ROOT = Path(__file__).parent.parent
TEXT_ONLY = ("text", "text_js")
PAIRWISE = ("measured",)
"""Scorers that train pairs."""
STACKED = ("source_head", "gradient", "lookahead")
MIDDLE = "middle"


@dataclass(frozen=True)
class Level:
    """What a level gave."""

    truth: PlantedTruth
    rows: list[Agreement]
    seconds: dict[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Score every level and report."""
    options = _options(arguments)
    levels = {}
    for name in options.levels.split(","):
        levels[name] = level = scored(name, seeds=options.seeds)
        helpful, harmful = shares(level.truth.truth)
        print(
            f"\n{name}: {helpful:.0%} of the pairs help, {harmful:.0%} clearly harm; targets alone "
            f"{level.truth.alone_KT.mean():.3f}"
        )
        print(table(level.rows))
    details = {name: _details(level) for name, level in levels.items()}
    bars = middle_bars(levels[MIDDLE].rows) if MIDDLE in levels else {}
    finish("planted", bars, equal=True, out=options.out, details=details)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", default=",".join(LEVELS))
    parser.add_argument("--seeds", type=int, default=3)
    out = ROOT / "benchmarks" / "results" / "planted.json"
    parser.add_argument("--out", type=Path, default=out)
    return parser.parse_args(arguments)


def scorers() -> tuple[Scorer, ...]:
    """Return every scorer that can look at planted tasks."""
    given = {"texts", "cards", "features"}
    return tuple(scorer() for scorer in SCORERS.values() if scorer.needs <= given)


def scored(name: str, *, seeds: int) -> Level:
    """Generate a level, measure its truth and hold every scorer against it."""
    tasks = generate(LEVELS[name], seed=0)
    evidence = evidence_of(tasks)
    seconds, matrices = {}, []
    for scorer in scorers():
        start = time.process_time()
        matrices.append(scorer.fit(evidence, TrainingBudget(), seed=1))
        seconds[scorer.name] = round(time.process_time() - start, 2)
    matrices.append(stack([m for m in matrices if m.provenance.scorer in STACKED]))
    start = time.process_time()
    # other seeds than the scorers': their trainings are not the truth's
    known = measured(tasks, ProxyRecipe(), seeds=range(1000, 1000 + seeds))
    seconds["truth"] = round(time.process_time() - start, 2)
    text = next(m for m in matrices if m.provenance.scorer in TEXT_ONLY)
    rows = compare_scorers(
        matrices,
        known.truth,
        seed=0,
        sizes=evidence.sizes,
        families=evidence.families,
        text=align(text, known.truth),
    )
    rows.append(measure_agreement("oracle", planted(tasks), known.truth, seed=0))
    return Level(known, rows, seconds)


def middle_bars(rows: Sequence[Agreement]) -> dict[str, Bar]:
    """Return the bars of the middle level."""
    rho = {row.name: row.figures["spearman"].mean for row in rows}
    names = [scorer.name for scorer in scorers()] + ["stack"]
    free = [name for name in names if name not in (*PAIRWISE, *TEXT_ONLY, "prior")]
    best = max(free, key=lambda name: rho[name])
    print(f"\nbest without trainings of pairs: {best}")
    return {
        "best_over_oracle_spearman": (rho[best] / rho["oracle"], 0.8, ">="),
        "best_above_text_spearman": (rho[best] - max(rho[n] for n in TEXT_ONLY), 0.4, ">="),
    }


def _details(level: Level) -> dict[str, Any]:
    helpful, harmful = shares(level.truth.truth)
    rows = [as_json(row, level.truth.truth) for row in level.rows]
    return {
        "helpful": round(helpful, 4),
        "clearly_harmful": round(harmful, 4),
        "alone": round(float(np.mean(level.truth.alone_KT)), 4),
        "cpu_seconds": level.seconds,
        "scorers": [{key: row[key] for key in row if key != "per_target"} for row in rows],
    }


if __name__ == "__main__":
    main()
