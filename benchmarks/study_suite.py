"""Are the suite's planted relations real? Each source helps or harms its target in joint training.

For every pair of `mixtures/suite_relations.csv` the small encoder of `params.yaml` is trained on target
and source, half of the rows each, and on the target alone, with the same number of rows in all; every
stage and the trainer are the project's own. The gain is the accuracy on the target's report rows with
the source minus without. Each seed draws its own data, initial weights and order. Beside it: whether
text similarity alone would tell the relations, as Spearman's rho over the same pairs.

Each training is kept in a table as soon as it is done, so that a study that was stopped goes on.

How the suite came to be, since the figures depend on it. Tasks, forms and relations were designed by
looking at trial trainings, not fixed beforehand:

- A first design (one text, two classes) was given up: whether it was learned at all turned on the seed.
- `dinner_strength` and `barn_diet` were meant as neutral decoys; they are called harmful since trials
  showed that they are.
- `dinner_rating` (+0.33, -0.39) and `kinder_word` (+0.06, -0.03), meant as helpful for `dinner_verdict`,
  were taken out of the table when their sign turned with the seed; so was a third one, after a single
  trial (-0.05) of one text about animals for `barn_lift`.
- Pairs were added and neutral ones dropped until text similarity said little about the relations, so
  the small rho is a property of the list by construction and not a finding.
- Seed 0, and of one target seed 1, had been looked at on earlier versions; seed 2 had not.

So this confirms that the planted relations hold in the suite as it ships. It is no evidence of how often
such designs would.

Usage: python -m benchmarks.study_suite [--seeds 3] [--rows 4800] [--arms FILE] [--out FILE]
"""

import argparse
import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import polars as pl

from benchmarks.harness import Bar, finish
from benchmarks.study_project import (
    ALONE,
    NAME,
    ROOT,
    StudyProject,
    recipe_key,
    trained_accuracy,
)
from pipeline.layout import Layout
from pipeline.relationships.scorers.text import BUCKETS, centroid_cosines, coverage, hashed_tfidf

RELATIONS = ROOT / "mixtures" / "suite_relations.csv"
PLANTED = {"helpful": 1, "harmful": -1, "neutral": 0, "duplicate": 0}
TEXT_ROWS = 96


@dataclass(frozen=True)
class Pair:
    """One line of the table of known relations."""

    source: str
    target: str
    relation: str


Arms = dict[tuple[int, str, str], float]
"""Accuracy on the target's report rows by (seed, target, source)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing of the study and report."""
    options = _options(arguments)
    pairs = read_relations(RELATIONS)
    arms: Arms = {}
    similarities: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        with (
            tempfile.TemporaryDirectory() as folder,
            StudyProject(Path(folder), tasks_of(pairs), pairs[0].target, seed),
        ):
            if seed == 0:
                similarities = text_similarities(pairs)
            key = recipe_key(options.rows)
            arms |= read_arms(options.arms, key)
            for target, source in _missing(arms, pairs, seed):
                accuracy = trained_accuracy(target, source, rows=options.rows, seed=seed)
                arms[seed, target, source] = accuracy
                append_arm(options.arms, key, seed, target, source, accuracy)
                print(f"seed {seed}: {target} with {source}: {accuracy:.3f}", flush=True)
    table = gains(arms, pairs, seeds=options.seeds)
    show_gains(table)
    planted = [PLANTED[pair.relation] for pair in pairs]
    rhos = {name: spearman(values, planted) for name, values in similarities.items()}
    finish(
        "suite",
        bars(table, rhos),
        equal=True,
        out=options.out,
        details={"rows": options.rows, "seeds": options.seeds, "rho": rhos, "pairs": table},
        packages=("torch", "transformers", "tokenizers"),
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4800, help="rows of each training")
    results = ROOT / "benchmarks" / "results"
    parser.add_argument("--arms", type=Path, default=results / "suite_arms.csv")
    parser.add_argument("--out", type=Path, default=results / "suite.json")
    options = parser.parse_args(arguments)
    options.arms, options.out = options.arms.absolute(), options.out.absolute()
    return options


def read_relations(path: Path) -> list[Pair]:
    """Read the table of known relations."""
    rows = pl.read_csv(path).select("source", "target", "relation").rows()
    return [Pair(*row) for row in rows]


def tasks_of(pairs: Sequence[Pair]) -> list[str]:
    """Return the tasks of all pairs, sorted."""
    return sorted({name for pair in pairs for name in (pair.source, pair.target)})


def read_arms(path: Path, key: str) -> Arms:
    """Read the trainings that are already done under this recipe."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (int(row["seed"]), row["target"], row["source"]): float(row["accuracy"])
            for row in csv.DictReader(file)
            if row["recipe"] == key
        }


def append_arm(path: Path, key: str, seed: int, target: str, source: str, accuracy: float) -> None:
    """Keep one result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(["recipe", "seed", "target", "source", "accuracy"])
        writer.writerow([key, seed, target, source, f"{accuracy:.4f}"])


def _missing(arms: Arms, pairs: Sequence[Pair], seed: int) -> Iterator[tuple[str, str]]:
    """Yield target and source of the trainings to do, each target alone first."""
    for target in dict.fromkeys(pair.target for pair in pairs):
        sources = [pair.source for pair in pairs if pair.target == target]
        for source in (ALONE, *sources):
            if (seed, target, source) not in arms:
                yield target, source


def text_similarities(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Return each pair's similarity by hashed TF-IDF, four ways: what of the text, and how compared."""
    layout = Layout(NAME)
    tasks = tasks_of(pairs)
    stem = ("context", "question")
    found = {}
    for part, columns in (("stem", stem), ("stem and choices", (*stem, "choices"))):
        texts = {task: _texts(layout.curated(task, "train"), columns) for task in tasks}
        vectors = hashed_tfidf(texts, buckets=BUCKETS)
        ways = {"centroid": centroid_cosines(vectors), "nearest": coverage(vectors)[0]}
        for way, matrix in ways.items():
            found[f"{way}, {part}"] = [
                float(matrix[tasks.index(pair.source), tasks.index(pair.target)]) for pair in pairs
            ]
    return found


def _texts(path: Path, columns: Sequence[str]) -> pl.Series:
    rows = pl.read_parquet(path).sort("content_hash").head(TEXT_ROWS)
    parts = [pl.col(name).list.join(" ") if name == "choices" else pl.col(name) for name in columns]
    return rows.select(text=pl.concat_str(parts, separator=" "))["text"]


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Spearman's rank correlation; ties get their mean rank."""
    ranks = [pl.Series(values, dtype=pl.Float64).rank("average") for values in (left, right)]
    return round(float(np.corrcoef(np.stack(ranks))[0, 1]), 4)


def gains(arms: Arms, pairs: Sequence[Pair], *, seeds: int) -> list[dict[str, object]]:
    """Return one row a pair: accuracies, gain per seed, mean, standard error, whether as planted.

    `as_planted`: helpful and harmful pairs have their sign in every seed.
    """
    table: list[dict[str, object]] = []
    for pair in pairs:
        alone = [arms[seed, pair.target, ALONE] for seed in range(seeds)]
        joint = [arms[seed, pair.target, pair.source] for seed in range(seeds)]
        differences = [with_it - without for with_it, without in zip(joint, alone, strict=True)]
        sign = PLANTED[pair.relation]
        table.append(
            {
                "source": pair.source,
                "target": pair.target,
                "relation": pair.relation,
                "alone": round(mean(alone), 4),
                "joint": round(mean(joint), 4),
                "gains": [round(gain, 4) for gain in differences],
                "gain": round(mean(differences), 4),
                "se": round(stdev(differences) / seeds**0.5, 4) if seeds > 1 else None,
                "as_planted": all(gain * sign > 0 for gain in differences) if sign else None,
            }
        )
    return table


def show_gains(table: Sequence[Mapping[str, object]]) -> None:
    """Print the table, by target and gain."""
    frame = pl.DataFrame(table, infer_schema_length=None).sort(
        "target", "gain", descending=[False, True]
    )
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=160):
        print(
            frame.select(
                "target", "source", "relation", "alone", "joint", "gain", "se", "as_planted"
            )
        )


def bars(table: Sequence[Mapping[str, object]], rhos: Mapping[str, float]) -> dict[str, Bar]:
    """Return the figures with their bars."""
    right = [row["relation"] for row in table if row["as_planted"]]
    return {
        "pairs with the planted sign in every seed": (len(right), 6, ">="),
        "of them helpful": (right.count("helpful"), 1, ">="),
        "of them harmful": (right.count("harmful"), 1, ">="),
        "largest |rho| of text similarity and relation": (max(map(abs, rhos.values())), 0.15, "<="),
    }


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
