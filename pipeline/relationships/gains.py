"""Measured gains: every source trained with a target, and the target alone, from the same weights.

A gain is what training on source and target, half of the rows each, gives on held rows of the target
above training on the target alone with as many rows in all: accuracy of joint minus alone, and the loss
of alone minus joint. So both are positive where the source helped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.proxy.readings import judge
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, train

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gains:
    """What S sources did for a target in K runs, in one unit."""

    alone_K: Floats
    """Of the target alone: accuracy, or loss."""
    gain_KS: Floats
    se_S: Floats
    """Standard error of the mean over runs; see `two_way_se`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetGains:
    """What S sources did for one target."""

    target: str
    sources: tuple[str, ...]
    accuracy: Gains
    loss: Gains

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        value = asdict(self)
        for unit in ("accuracy", "loss"):
            value[unit] = {key: array.tolist() for key, array in value[unit].items()}
        return value


def from_json(value: Mapping[str, Any]) -> TargetGains:
    """Return what `TargetGains.as_json` gave.

    Raises:
        KeyError, TypeError, ValueError: It is something else.
    """
    units = {
        unit: Gains(**{key: np.array(rows, dtype=np.float64) for key, rows in value[unit].items()})
        for unit in ("accuracy", "loss")
    }
    return TargetGains(target=value["target"], sources=tuple(value["sources"]), **units)


def measure_gains(
    pool: Pool, held: Pool, target: str, recipe: ProxyRecipe, *, seeds: Sequence[int]
) -> TargetGains:
    """Train every other task with a target, and the target alone, and judge held rows of the target.

    Args:
        pool: Train rows of all tasks.
        held: Rows that gains are measured on.
        target: The task that is helped.
        recipe: The same for all trainings.
        seeds: Each gives initial weights and row sequences to all trainings of a run.

    Returns:
        Gains by run; NaN where the target has no held row.
    """
    sources = tuple(name for name in pool.names if name != target)
    shares = [{target: 1.0}, *({source: 0.5, target: 0.5} for source in sources)]
    models = train(pool, [Arm(seed, one) for seed in seeds for one in shares], recipe)
    seen = judge(models, pool, held, target)
    shape = (len(seeds), len(shares), seen.loss_MR.shape[1])
    return TargetGains(
        target=target,
        sources=sources,
        accuracy=_gains(seen.right_MR.reshape(shape).astype(np.float64), sign=1.0),
        loss=_gains(seen.loss_MR.reshape(shape), sign=-1.0),
    )


def _gains(values_KAR: Floats, *, sign: float) -> Gains:
    """Return the gains over the first arm; NaN without rows."""
    runs, arms, rows = values_KAR.shape
    if not rows:
        none = np.full((runs, arms - 1), np.nan)
        return Gains(alone_K=np.full(runs, np.nan), gain_KS=none, se_S=none[0])
    apart_KSR = sign * (values_KAR[:, 1:] - values_KAR[:, :1])
    return Gains(
        alone_K=values_KAR[:, 0].mean(axis=1),
        gain_KS=apart_KSR.mean(axis=2),
        se_S=np.array([two_way_se(apart_KSR[:, s]) for s in range(arms - 1)]),
    )


def two_way_se(values_KR: Floats) -> float:
    """Return the standard error of a mean over runs and rows, both of which could have been others.

    `sqrt(var over runs of the run's mean / K + var over rows of the row's mean / R)`: crossed random
    effects without the correction for what both share, so that it errs to the large side. A way with a
    single member adds nothing.
    """
    parts = [values_KR.mean(axis=1), values_KR.mean(axis=0)]
    return float(np.sqrt(sum(p.var(ddof=1) / len(p) for p in parts if len(p) > 1)))


def truth_of(found: Sequence[TargetGains], *, unit: str = "accuracy") -> Truth:
    """Return gains as the truth that scores are held against.

    Args:
        found: One entry a target, of the same number of runs.
        unit: `accuracy` or `loss`.
    """
    sources = tuple(sorted({source for one in found for source in one.sources}))
    runs = len(getattr(found[0], unit).gain_KS) if found else 0
    gains_KST = np.full((runs, len(sources), len(found)), np.nan)
    for place, one in enumerate(found):
        at = [sources.index(source) for source in one.sources]
        gains_KST[:, at, place] = getattr(one, unit).gain_KS
    return Truth(sources=sources, targets=tuple(one.target for one in found), gains_KST=gains_KST)


def se_of(found: Sequence[TargetGains], truth: Truth, *, unit: str = "accuracy") -> Floats:
    """Return the standard errors of the truth's mean gains, sources x targets; NaN where unmeasured."""
    se_ST = np.full((len(truth.sources), len(truth.targets)), np.nan)
    for place, one in enumerate(found):
        at = [truth.sources.index(source) for source in one.sources]
        se_ST[at, place] = getattr(one, unit).se_S
    return se_ST


def clearly_harmful(gain: Floats, se: Floats) -> NDArray[np.bool_]:
    """Return where a gain is below 0 by more than two standard errors; False where unmeasured."""
    result: NDArray[np.bool_] = np.nan_to_num(gain + 2.0 * se, nan=0.0) < 0.0
    return result
