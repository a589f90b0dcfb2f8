"""Measured gains: what a source did for a target, by seed; the truth that scores are held against.

A table has the columns `target`, `source`, `gain` and, where gains were measured more than once, `seed`.
A gain is in the metric's own unit, positive where the source helped. Pairs that were not measured are
missing, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.errors import ConfigError

COLUMNS = ("target", "source", "gain")
_REMEDY = "give the columns target, source, gain, and seed where there are several runs a pair"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """Gains of S sources for T targets in K runs."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    gains_KST: NDArray[np.float64]
    """NaN where a pair was not measured in a run, and for a task with itself."""

    @property
    def mean_ST(self) -> NDArray[np.float64]:  # noqa: N802 - the suffix is its shape
        """Mean over the runs of a pair; NaN where there is none."""
        return mean_over_runs(self.gains_KST)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.gains_KST)


def mean_over_runs(gains_KST: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first axis of what is not NaN; NaN where all is."""
    known = np.isfinite(gains_KST)
    sums = np.where(known, gains_KST, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    means: NDArray[np.float64] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def read_truth(path: Path, *, names: Mapping[str, str] | None = None) -> Truth:
    """Read a table of gains, CSV or Parquet by its ending.

    Args:
        path: The table.
        names: What a task of the table is called here, where that differs.

    Raises:
        ConfigError: The file is missing, lacks a column, holds something that is no finite number, or
            a pair twice in one run.
    """
    frame = _read(path)
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise ConfigError(
            f"lacks the column '{missing[0]}'", where=str(path), expected=", ".join(COLUMNS)
        )
    seed = pl.col("seed").cast(pl.String) if "seed" in frame.columns else pl.lit("0").alias("seed")
    try:
        frame = frame.select(pl.col("target", "source").cast(pl.String), _gain(), seed)
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise ConfigError(
            f"not a table of gains: {first}", where=str(path), remedy=_REMEDY
        ) from None
    if names:
        frame = frame.with_columns(pl.col("target", "source").replace(dict(names)))
    _check(frame, path)
    return _truth(frame.filter(pl.col("source") != pl.col("target")))


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise ConfigError("does not exist", where=str(path), expected="a table of gains")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = (str(error).splitlines() or ["unreadable"])[0]
        raise ConfigError(f"not a table: {first}", where=str(path), remedy=_REMEDY) from None


def _gain() -> pl.Expr:
    return pl.col("gain").cast(pl.Float64)


def _check(frame: pl.DataFrame, path: Path) -> None:
    lines = frame.with_row_index("line", offset=2)
    bad = lines.filter(
        pl.col("target").is_null() | pl.col("source").is_null() | ~pl.col("gain").is_finite()
    )
    if bad.height:
        row = bad.row(0, named=True)
        raise ConfigError(
            f"line {row['line']}: target {row['target']!r}, source {row['source']!r}, "
            f"gain {row['gain']!r}",
            where=str(path),
            expected="two names and a finite number, or an empty gain",
        )
    twice = frame.group_by("target", "source", "seed").len().filter(pl.col("len") > 1)
    if twice.height:
        row = twice.sort("target", "source").row(0, named=True)
        raise ConfigError(
            f"the pair of target '{row['target']}' and source '{row['source']}' is there "
            f"{row['len']} times in run {row['seed']}",
            where=str(path),
            expected="one gain a pair and run",
            remedy="add a column 'seed' that tells the runs apart",
        )


def _truth(frame: pl.DataFrame) -> Truth:
    frame = frame.filter(pl.col("gain").is_not_null())
    sources = tuple(frame["source"].unique().sort())
    targets = tuple(frame["target"].unique().sort())
    seeds = frame["seed"].unique().sort().to_list()
    gains_KST = np.full((len(seeds), len(sources), len(targets)), np.nan)
    at = [
        [names.index(value) for value in frame[column]]
        for names, column in ((seeds, "seed"), (sources, "source"), (targets, "target"))
    ]
    gains_KST[at[0], at[1], at[2]] = frame["gain"].to_numpy()
    return Truth(sources=sources, targets=targets, gains_KST=gains_KST)
