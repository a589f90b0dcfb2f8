"""`taskloom agree SCORES --truth FILE`: hold relationship scores against measured gains.

SCORES is a folder of score files (`data/NAME/scores`) or one of its `.parquet` files. The truth is any
table of yours, CSV or Parquet, with the columns target, source, gain, and seed where there are several
runs a pair; only tasks that both know count.
"""

import argparse
import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.config.catalog import load_tasks, names
from pipeline.errors import ConfigError
from pipeline.layout import CARDS
from pipeline.relationships.agreement.compare import align, compare_scorers
from pipeline.relationships.agreement.measure import Agreement, Figure
from pipeline.relationships.agreement.truth import Truth, read_truth
from pipeline.relationships.scores import ScoreMatrix, read_scores

SHOWN = ("spearman", "ndcg_linear", "ndcg_exponential", "gain@5", "harmful@5", "regret_of_mean@5")
"""Metrics of the printed table; `--json` has all."""
TEXT = "text"
"""Scorer that `popularity + text` takes its text from."""


def main(arguments: Sequence[str]) -> None:
    """Print how scores stand among the baselines.

    Raises:
        ConfigError: A table is unusable, or scores and truth have no target in common.
    """
    options = _parser().parse_args(arguments)
    truth = read_truth(options.truth, names=_pairs(options.names))
    matrices = _matrices(options.scores)
    _check_overlap(matrices, truth, scores=options.scores, path=options.truth)
    text = next((align(m, truth) for m in matrices if m.provenance.scorer == TEXT), None)
    rows = compare_scorers(
        matrices,
        truth,
        seed=options.seed,
        sizes=_sizes(options.sizes),
        families=_families(truth) or None,
        text=text,
    )
    if options.json:
        print(json.dumps([as_json(row, truth) for row in rows], indent=2, sort_keys=True))
        return
    print(
        f"{len(truth.targets)} targets, {len(truth.sources)} sources, {truth.runs} runs a pair; "
        "means over targets, 95 % intervals by bootstrap over targets"
    )
    print(table(rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom agree", description=__doc__)
    parser.add_argument("scores", type=Path, help="folder of scores, or one .parquet of it")
    parser.add_argument("--truth", type=Path, required=True, help="table: target, source, gain")
    parser.add_argument(
        "--names", type=Path, help="CSV of two columns: a task's name in the truth, its name here"
    )
    parser.add_argument("--sizes", type=Path, help="CSV of two columns: task, train rows")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    return parser


def _matrices(path: Path) -> list[ScoreMatrix]:
    if path.suffix == ".parquet":
        return [read_scores(path.parent, path.stem)]
    found = sorted(file.stem for file in path.glob("*.parquet"))
    if not found:
        raise ConfigError(
            "holds no scores",
            where=str(path),
            expected="a folder of score files, or one of them",
            remedy="run `dvc repro relate`, then give data/NAME/scores",
        )
    return [read_scores(path, scorer) for scorer in found]


def _check_overlap(
    matrices: Sequence[ScoreMatrix], truth: Truth, *, scores: Path, path: Path
) -> None:
    for matrix in matrices:
        if not set(matrix.targets) & set(truth.targets):
            raise ConfigError(
                f"knows none of the targets of {scores}",
                where=str(path),
                expected=f"tasks such as {', '.join(matrix.targets[:4])}",
                remedy="give --names FILE, a CSV with each task's name there and its name here",
            )


def _pairs(path: Path | None) -> dict[str, str]:
    """Read a CSV of two columns, without a header."""
    if path is None:
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"not readable: {error}", where=str(path)) from None
    for number, line in enumerate(lines, start=1):
        if len(line) != 2:
            raise ConfigError(
                f"line {number} has {len(line)} columns", where=str(path), expected="2"
            )
    return {first.strip(): second.strip() for first, second in lines}


def _sizes(path: Path | None) -> dict[str, int] | None:
    if path is None:
        return None
    sizes = _pairs(path)
    for task, rows in sizes.items():
        if not rows.isdecimal():
            raise ConfigError(f"'{task}' has {rows!r} rows", where=str(path), expected="a number")
    return {task: int(rows) for task, rows in sizes.items()}


def _families(truth: Truth) -> dict[str, str]:
    """Return the families of the tasks that have a card here."""
    tasks = sorted({*truth.sources, *truth.targets} & set(names(CARDS)))
    cards = load_tasks(CARDS, tasks, where=str(CARDS))
    return {task: card.family for task, card in cards.items()}


def table(rows: Sequence[Agreement]) -> str:
    """Word the standings as a table: one line a scorer or baseline."""
    width = max(len("scorer"), *(len(row.name) for row in rows))
    head = " ".join(
        [f"{'scorer':<{width}}", *(f"{name:>24}" for name in SHOWN), f"{'asymmetry':>10}"]
    )
    lines = [head]
    for row in rows:
        cells = [f"{_cell(row.figures[name]):>24}" for name in SHOWN]
        lines.append(" ".join([f"{row.name:<{width}}", *cells, f"{_number(row.asymmetry):>10}"]))
    return "\n".join(lines)


def _cell(figure: Figure) -> str:
    if math.isnan(figure.mean):
        return "-"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def as_json(row: Agreement, truth: Truth) -> dict[str, Any]:
    """Return how a scorer agrees with the truth as JSON; what is undefined is null."""
    return {
        "name": row.name,
        "pairs": row.pairs,
        **_rounded({"asymmetry": row.asymmetry, "calibration": row.calibration}),
        "figures": {name: _rounded(asdict(figure)) for name, figure in row.figures.items()},
        "per_target": {
            name: _rounded(dict(zip(truth.targets, values.tolist(), strict=True)))
            for name, values in row.per_target.items()
        },
    }


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        key: None if value is None or math.isnan(value) else round(value, 6)
        for key, value in values.items()
    }
