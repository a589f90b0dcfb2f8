"""Score matrices: how much each source task should help each target task, with their origin.

A score that was not measured is missing (NaN here, null in files), never 0. Values are rounded to 1e-4
when a matrix is made, so that no choice hangs on the last bits of a sum.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract.files import read_json, write_json
from pipeline.errors import ArtefactError, unknown_name
from pipeline.schema import SCORE
from pipeline.tables import read_parquet, write_parquet

VERSION = 2
DIGITS = 4
"""Decimals that a score keeps."""

Unit = Literal["similarity", "predicted_gain"]
"""A similarity ranks only; a predicted gain is in the metric's own unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a matrix comes from; nothing in it changes from one run to the next."""

    scorer: str
    version: str
    """Of the formula; another result needs another version."""
    seed: int
    inputs: Mapping[str, str]
    """SHA-256 of each file that was read."""
    cost: Mapping[str, float]
    """What it took, in units that do not depend on the machine: rows read, trainings."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreMatrix:
    """How much each of S source tasks is expected to help each of T target tasks."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    values_ST: NDArray[np.float64]
    """Higher is better; comparable inside a column. NaN: not measured, or a task with itself."""
    se_ST: NDArray[np.float64] | None
    """Standard errors; NaN where unknown, None where the scorer has none."""
    directional: bool
    """False: score(s, t) is score(t, s) by construction."""
    unit: Unit
    provenance: Provenance
    signed: bool = False
    """Whether 0 lies between help and harm."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """What else the scorer has to say, as JSON."""

    def __post_init__(self) -> None:
        shape = (len(self.sources), len(self.targets))
        for name in ("values_ST", "se_ST"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != shape:
                raise ValueError(f"{name} has shape {values.shape}, expected {shape}")
            rounded = np.round(values.astype(np.float64), DIGITS) + 0.0  # no -0.0
            own = np.array(self.sources)[:, None] == np.array(self.targets)[None, :]
            object.__setattr__(self, name, np.where(own, np.nan, rounded))

    def column(self, target: str) -> dict[str, float]:
        """Return the scores that were measured for a target, by source in name order.

        Raises:
            ArtefactError: The matrix has no such target.
        """
        if target not in self.targets:
            what, remedy = unknown_name("target", target, self.targets)
            raise ArtefactError(what, where=f"scores of '{self.provenance.scorer}'", remedy=remedy)
        values = self.values_ST[:, self.targets.index(target)]
        pairs = sorted(zip(self.sources, values.tolist(), strict=True))
        return {source: value for source, value in pairs if not np.isnan(value)}

    @property
    def null_band(self) -> float | None:
        """The size that 95 % of random scores stay below; null where the scorer does not say it."""
        chosen = self.extras.get("variants", {}).get(self.extras.get("score"), {})
        value = self.extras.get("null_q95", chosen.get("null", {}).get("q95_abs"))
        return None if value is None else float(value)


def reliability(values_KST: NDArray[np.float64]) -> float | None:
    """Return how well a mean over all runs would repeat: split halves, stepped up to full length.

    The mean correlation over off-diagonal pairs of two runs, by the Spearman-Brown formula for K runs;
    null where there is one run, or nothing varies.
    """
    runs, tasks = values_KST.shape[0], values_KST.shape[1]
    off = ~np.eye(tasks, values_KST.shape[2], dtype=bool)
    known = off & np.isfinite(values_KST).all(axis=0)
    flat = [values[known] for values in values_KST]
    if runs < 2 or known.sum() < 3 or any(np.ptp(values) == 0.0 for values in flat):
        return None
    r = float(np.corrcoef(flat)[np.triu_indices(runs, 1)].mean())
    return round(runs * r / (1.0 + (runs - 1) * r), DIGITS) if r > 0.0 else round(r, DIGITS)


def widen(matrix: ScoreMatrix, tasks: tuple[str, ...], *, why: str) -> ScoreMatrix:
    """Return a matrix of some tasks as one of more: pairs of the others have no score.

    Args:
        matrix: Sources and targets are the same tasks.
        tasks: Those and others, in the sequence of the result.
        why: What the others lack, for the warning that names them.

    Returns:
        The same scores; what `extras` holds as a matrix of the tasks is widened with nulls.
    """
    others = [task for task in tasks if task not in matrix.sources]
    at = [tasks.index(task) for task in matrix.sources]
    size = len(matrix.sources)

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.full((len(tasks), len(tasks)), np.nan)
        result[np.ix_(at, at)] = values
        return result

    def extra(value: Any) -> Any:
        square = isinstance(value, list) and len(value) == size
        if not square or not all(isinstance(row, list) and len(row) == size for row in value):
            return value
        return as_rows(spread(np.array(value, dtype=np.float64)))

    warning = f"not scored: {', '.join(others)} ({why})"
    origin = matrix.provenance
    return replace(
        matrix,
        sources=tasks,
        targets=tasks,
        values_ST=spread(matrix.values_ST),
        se_ST=None if matrix.se_ST is None else spread(matrix.se_ST),
        provenance=replace(origin, warnings=(*origin.warnings, warning)),
        extras={key: extra(value) for key, value in matrix.extras.items()},
    )


def frame_of(matrix: ScoreMatrix) -> pl.DataFrame:
    """Return a matrix as rows of `schema.SCORE`: all pairs but a task with itself, by names."""
    none_ST = np.full(matrix.values_ST.shape, np.nan)
    se_ST = none_ST if matrix.se_ST is None else matrix.se_ST
    rows = [
        (source, target, matrix.values_ST[s, t], se_ST[s, t])
        for s, source in enumerate(matrix.sources)
        for t, target in enumerate(matrix.targets)
        if source != target
    ]
    schema = {"source": pl.String, "target": pl.String, "score": pl.Float64, "se": pl.Float64}
    pairs = pl.DataFrame(rows, schema=schema, orient="row").sort("source", "target")
    return pairs.with_columns(pl.col("score", "se").fill_nan(None))


def write_scores(matrix: ScoreMatrix, folder: Path) -> None:
    """Write `<scorer>.parquet` (the pairs) and `<scorer>.json` (all else) into a folder."""
    scorer = matrix.provenance.scorer
    write_parquet(frame_of(matrix), folder / f"{scorer}.parquet", SCORE)
    value = {
        "version": VERSION,
        "sources": list(matrix.sources),
        "targets": list(matrix.targets),
        "directional": matrix.directional,
        "unit": matrix.unit,
        "signed": matrix.signed,
        "extras": dict(matrix.extras),
        "provenance": asdict(matrix.provenance),
    }
    write_json(value, folder / f"{scorer}.json")


def read_scores(folder: Path, scorer: str) -> ScoreMatrix:
    """Read what `write_scores` wrote.

    Raises:
        ArtefactError: There is no such scorer, or its files are damaged or do not fit together.
    """
    known = sorted(path.stem for path in folder.glob("*.parquet"))
    if folder.is_dir() and scorer not in known:
        what, remedy = unknown_name("scorer", scorer, known)
        raise ArtefactError(what, where=f"{folder}: tailor.scorer", remedy=remedy)
    value = read_json(folder / f"{scorer}.json")
    frame = read_parquet(folder / f"{scorer}.parquet", SCORE)
    try:
        sources, targets = tuple(value["sources"]), tuple(value["targets"])
        origin = value["provenance"] | {"warnings": tuple(value["provenance"]["warnings"])}
        return ScoreMatrix(
            sources=sources,
            targets=targets,
            values_ST=_matrix(frame, "score", sources, targets),
            se_ST=_matrix(frame, "se", sources, targets),
            directional=value["directional"],
            unit=value["unit"],
            signed=value["signed"],
            provenance=Provenance(**origin),
            extras=value["extras"],
        )
    except (KeyError, TypeError) as error:
        raise ArtefactError(
            f"is incomplete: {error}",
            where=str(folder / f"{scorer}.json"),
            remedy="delete the folder and run `dvc repro relate`",
        ) from None


def _matrix(
    frame: pl.DataFrame, column: str, sources: tuple[str, ...], targets: tuple[str, ...]
) -> NDArray[np.float64]:
    row, place = ({name: i for i, name in enumerate(names)} for names in (sources, targets))
    values_ST = np.full((len(sources), len(targets)), np.nan)
    at = [row[name] for name in frame["source"]], [place[name] for name in frame["target"]]
    values_ST[at] = frame[column].fill_null(float("nan")).to_numpy()
    return values_ST


def as_rows(values: NDArray[np.float64]) -> list[list[float | None]]:
    """Return a matrix as JSON: rounded as scores are, NaN as null."""
    rounded = np.round(values, DIGITS) + 0.0
    return [[None if np.isnan(x) else x for x in row] for row in rounded.tolist()]
