"""`taskloom truth NAME`: measure what every task really does for every other, on the small model.

Every source is trained with every target, half of the rows each, and every target alone, with as many
rows in all, from the same weights, in several seeds; gains are judged on `select` rows of the target,
which no scorer sees. A run that was stopped goes on where it was. Then `taskloom agree data/NAME/scores
--truth data/NAME/truth/gains.csv` holds scorers against it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipeline.commands.feature_pools import Features, read_pools, targets_of
from pipeline.contract.files import whole_file, write_json
from pipeline.engine.ledger import fingerprint
from pipeline.engine.run import run
from pipeline.layout import Layout
from pipeline.publish import alone
from pipeline.relationships.cost import measure_seconds, word_seconds
from pipeline.relationships.gains import (
    TargetGains,
    clearly_harmful,
    from_json,
    measure_gains,
    se_of,
    truth_of,
)
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import ProxyRecipe, derive_seeds
from pipeline.relationships.scores import reliability

VERSION = 1


def main(arguments: Sequence[str]) -> None:
    """Measure the gains of a mixture's tasks and write them.

    Raises:
        ArtefactError: Features are missing or do not fit, or the folder cannot be written.
        ConfigError: A target is unknown or has no `select` rows.
    """
    options = _parser().parse_args(arguments)
    layout, recipe = Layout(options.name), ProxyRecipe()
    features = read_pools(layout, rows=options.rows)
    targets = targets_of(features, options.targets)
    out = options.out or layout.data / "truth"
    pool = features.train_pool()
    trainings = len(targets) * len(features.tasks) * options.seeds
    print(word_seconds(trainings, measure_seconds(pool, recipe)), flush=True)
    seeds = derive_seeds(features.seed, "truth", count=options.seeds)
    origin = _origin(features, recipe, seeds, rows=options.rows)
    with alone(out / ".locks" / "truth", "a measurement of gains"):
        act = partial(_measure, pool, features.select_pool(), recipe, tuple(seeds))
        keys = dict.fromkeys(targets, fingerprint(origin))
        done = run(act, keys, jobs=options.jobs, ledger=out / "done.jsonl", title="truth")
        found = [from_json(gains) for gains in done.values()]
        write(found, seeds, origin, out)
    print(summary(found))
    print(f"written to {out}; next: taskloom agree {layout.scores} --truth {out / 'gains.csv'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom truth", description=__doc__)
    parser.add_argument("name", help="a mixture")
    parser.add_argument("--targets", help="tasks, separated by commas; all where left out")
    parser.add_argument("--seeds", type=count, default=3, help="trainings of every pair (3)")
    parser.add_argument("--jobs", type=count, default=1, help="processes (1)")
    parser.add_argument("--rows", type=count, help="most train rows of a task; all where left out")
    parser.add_argument("--out", type=Path, help="folder; data/NAME/truth where left out")
    return parser


def count(text: str) -> int:
    """Return a number from 1 up, of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 up")
    return int(text)


def _measure(
    pool: Pool, held: Pool, recipe: ProxyRecipe, seeds: Sequence[int], target: str
) -> dict[str, Any]:
    return measure_gains(pool, held, target, recipe, seeds=seeds).as_json()


def _origin(
    features: Features, recipe: ProxyRecipe, seeds: Sequence[int], *, rows: int | None
) -> dict[str, Any]:
    """Return all that the gains depend on."""
    return {
        "version": VERSION,
        "encoder": features.encoder,
        "inputs": dict(features.inputs),
        "tasks": {name: len(features.train[name]) for name in features.tasks},
        "rows": rows,
        "recipe": asdict(recipe),
        "seeds": list(seeds),
        "judged_on": "select",
    }


def write(
    found: Sequence[TargetGains], seeds: Sequence[int], origin: dict[str, Any], out: Path
) -> None:
    """Write `gains.csv` (a row a pair), `gains_runs.csv` (a row a pair and seed) and `truth.json`."""
    truth, loss = truth_of(found), truth_of(found, unit="loss")
    pairs, runs = [], []
    for one in found:
        for s, source in enumerate(one.sources):
            names = {"target": one.target, "source": source}
            figures = {
                "gain": one.accuracy.gain_KS[:, s].mean(),
                "se": one.accuracy.se_S[s],
                "loss_gain": one.loss.gain_KS[:, s].mean(),
                "loss_se": one.loss.se_S[s],
            }
            pairs.append(names | {key: round(float(v), 6) for key, v in figures.items()})
            for k, seed in enumerate(seeds):
                gain, fall = one.accuracy.gain_KS[k, s], one.loss.gain_KS[k, s]
                runs.append(
                    names | {"seed": seed, "gain": round(gain, 6), "loss_gain": round(fall, 6)}
                )
    for name, rows in (("gains.csv", pairs), ("gains_runs.csv", runs)):
        with whole_file(out / name) as temporary:
            pl.DataFrame(rows).write_csv(temporary)
    value = origin | {
        "alone": {one.target: round(float(one.accuracy.alone_K.mean()), 6) for one in found},
        "alone_loss": {one.target: round(float(one.loss.alone_K.mean()), 6) for one in found},
        "helpful": _share(found, harmful=False),
        "harmful": _share(found, harmful=True),
        "reliability": reliability(truth.gains_KST) if len(found) == len(truth.sources) else None,
        "loss_reliability": reliability(loss.gains_KST)
        if len(found) == len(truth.sources)
        else None,
    }
    write_json(value, out / "truth.json")


def _share(found: Sequence[TargetGains], *, harmful: bool) -> float:
    """Return the share of pairs that clearly harm, or that clearly help: beyond two standard errors."""
    truth = truth_of(found)
    gain, se = truth.mean_ST, se_of(found, truth)
    sure = clearly_harmful(gain if harmful else -gain, se)
    return round(float(sure[np.isfinite(gain)].mean()), 4)


def summary(found: Sequence[TargetGains]) -> str:
    """Return what was measured, in words."""
    gain = truth_of(found).mean_ST
    known = gain[np.isfinite(gain)]
    return (
        f"{len(known)} pairs: {_share(found, harmful=False):.0%} clearly help, "
        f"{_share(found, harmful=True):.0%} clearly harm (beyond two standard errors); gains from "
        f"{known.min():+.3f} to {known.max():+.3f}, median {np.median(known):+.3f}"
    )
