"""Which scorers to believe on tasks of one's own? All against measured gains, beside all baselines.

`taskloom truth NAME` measures gains on `select` rows; scorers see train rows, and no more of them than
the trainings of the truth did. The bar: at least one scorer without trainings of pairs is above both a
random choice inside the family and popularity + text, on NDCG or Regret@5, by a paired bootstrap over
targets. Run in a project's folder, after `taskloom truth`; `prefix` and `prefix_state` are held against
the truth where the project has a compass model, and the stage `features` was told to read it.

Usage: python -m benchmarks.study_truth NAME --truth FOLDER --out FILE.json
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.bench_planted import PAIRWISE, STACKED, TEXT_ONLY, scorers
from benchmarks.harness import Bar, finish
from pipeline.commands.agree import as_json, table
from pipeline.commands.feature_pools import Features, read_pools
from pipeline.layout import Layout
from pipeline.relationships.agreement.compare import align, compare_scorers
from pipeline.relationships.agreement.intervals import bootstrap_interval
from pipeline.relationships.agreement.measure import Agreement
from pipeline.relationships.agreement.truth import Truth, read_truth
from pipeline.relationships.evidence import Evidence, read_prefixes
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorers.embedding import NearestRows
from pipeline.relationships.scorers.prefix import PrefixCorrelation, PrefixStateCorrelation
from pipeline.relationships.scorers.text import TextSimilarity
from pipeline.relationships.scores import ScoreMatrix
from pipeline.relationships.stack import stack

BASELINES = ("same family", "popularity + text")
FIGURES = {"ndcg_linear": 1.0, "ndcg_exponential": 1.0, "regret_of_mean@5": -1.0}
"""What scorers are held against baselines by, and which way is better."""
DRAWN, DRAWS = NearestRows(), 8
"""A scorer that reads few rows and trains nothing: it counts where most draws of them would."""
UNITS = {"accuracy": "gain", "loss": "loss_gain"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Score all pairs, hold the scores against the truth, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--truth", type=Path, required=True, help="folder of `taskloom truth`")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    said = json.loads((options.truth / "truth.json").read_text(encoding="utf-8"))
    layout = Layout(options.name)
    features = read_pools(layout, rows=said["rows"])
    evidence = evidence_of(layout, features)
    matrices = scored(layout, evidence)
    details: dict[str, Any] = {
        key: said[key]
        for key in (
            "encoder", "rows", "recipe", "seeds", "judged_on", "helpful", "harmful",
            "reliability", "loss_reliability", "alone",
        )
    }  # fmt: skip
    bars: dict[str, Bar] = {}
    for unit, column in UNITS.items():
        truth = truth_in(options.truth / "gains_runs.csv", column)
        rows = compare_scorers(
            matrices,
            truth,
            seed=0,
            sizes=evidence.sizes,
            families=evidence.families,
            text=align(next(m for m in matrices if m.provenance.scorer in TEXT_ONLY), truth),
        )
        print(f"\n{unit}: {len(truth.targets)} targets, {truth.runs} runs a pair")
        print(table(rows))
        leads = leads_of(rows, evidence, truth)
        winners = [one["scorer"] for one in leads if one["beats"]]
        print(f"above both baselines: {', '.join(winners) or 'none'}")
        bars[f"{unit}_scorers_above_baselines"] = (float(len(winners)), 1.0, ">=")
        kept = [as_json(row, truth) for row in rows]
        details[unit] = {
            "scorers": [{k: v for k, v in row.items() if k != "per_target"} for row in kept],
            "leads": leads,
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.truth / "gains.csv", options.out.with_suffix(".csv"))
    finish(options.out.stem, bars, equal=True, out=options.out, details=details)


def evidence_of(layout: Layout, features: Features) -> Evidence:
    """Return what scorers see: train rows as texts and as features, and the model's prefixes."""
    examples = {t: pl.scan_parquet(layout.curated(t, "train")) for t in features.tasks}
    first = {t: rows.select("form").head(1).collect() for t, rows in examples.items()}
    path = layout.model("compass") / "prefixes.safetensors"
    states = layout.features / "prefix_states.safetensors"
    return Evidence(
        tasks=features.tasks,
        examples=examples,
        features=dict(features.train),
        sizes={t: len(features.train[t]) for t in features.tasks},
        forms={t: str(rows.item()) for t, rows in first.items() if rows.height},
        families=dict(features.families),
        prefixes=read_prefixes(path) if path.is_file() else None,
        prefix_states=read_prefixes(states) if states.is_file() else None,
    )


def scored(layout: Layout, evidence: Evidence) -> list[ScoreMatrix]:
    """Return the scores of every scorer that this evidence is enough for, and their stack."""
    every = list(scorers())
    if evidence.prefixes is not None:
        every.append(PrefixCorrelation())
    if evidence.prefix_states is not None:
        every.append(PrefixStateCorrelation())
    matrices = [scorer.fit(evidence, TrainingBudget(), seed=1) for scorer in every]
    return [*matrices, stack([m for m in matrices if m.provenance.scorer in STACKED])]


def truth_in(path: Path, column: str) -> Truth:
    """Return one unit of a table of runs."""
    if column == "gain":
        return read_truth(path)
    frame = pl.read_csv(path).drop("gain").rename({column: "gain"})
    other = path.with_name(f"{path.stem}_{column}.csv")
    frame.write_csv(other)
    return read_truth(other)


def leads_of(rows: Sequence[Agreement], evidence: Evidence, truth: Truth) -> list[dict[str, Any]]:
    """Return `lead` of every scorer that trains no pairs."""
    leads = [lead(row, rows) for row in rows if is_free(row)]
    again = draws_above(evidence, truth)
    print(f"{DRAWN.name}: above both baselines in {again} of {DRAWS} draws of its rows")
    for one in leads:
        if one["scorer"] == DRAWN.name:
            one["draws"] = {"of": DRAWS, "beat": again}
            one["beats"] = 2 * again > DRAWS
    return leads


def draws_above(evidence: Evidence, truth: Truth) -> int:
    """Return in how many draws of its rows the scorer that draws them is above both baselines."""
    text = TextSimilarity().fit(evidence, TrainingBudget(), seed=1)
    found = 0
    for seed in range(1, DRAWS + 1):
        rows = compare_scorers(
            [text, DRAWN.fit(evidence, TrainingBudget(), seed=seed)],
            truth,
            seed=0,
            families=evidence.families,
            text=align(text, truth),
        )
        row = next(row for row in rows if row.name == DRAWN.name)
        found += bool(lead(row, rows)["beats"])
    return found


def is_free(row: Agreement) -> bool:
    """Whether a row is a scorer's that trains no pairs."""
    names = {scorer.name for scorer in scorers()} | {"stack", "prefix", "prefix_state"}
    return row.name in names - {*PAIRWISE}


def lead(row: Agreement, rows: Sequence[Agreement]) -> dict[str, Any]:
    """Return by how much a scorer is above each baseline on each figure, paired by target."""
    by: Mapping[str, Agreement] = {one.name: one for one in rows}
    found: dict[str, Any] = {"scorer": row.name, "above": {}}
    for figure, sign in FIGURES.items():
        found["above"][figure] = {}
        for name in BASELINES:
            apart = sign * (row.per_target[figure] - by[name].per_target[figure])
            low, high = bootstrap_interval(apart[:, None], seed=0)
            mean = float(np.nanmean(apart))
            found["above"][figure][name] = {
                "mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4),
            }  # fmt: skip
    found["beats"] = any(
        all(found["above"][figure][name]["low"] > 0.0 for name in BASELINES) for figure in FIGURES
    )
    return found


if __name__ == "__main__":
    main()
