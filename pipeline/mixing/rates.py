"""Rates: how often each task is drawn, relative to the others, by the card's strategy.

Pure on names, sizes and weights. Knows no file, no seed and no text.
"""

import math
from collections.abc import Mapping

from pipeline.config.mixture_card import MixtureTask, Sampling
from pipeline.errors import MixtureError
from pipeline.mixing.quotas import rounded

_DIGITS = 12
"""Significant digits of a power: what is left after that differs between maths libraries."""


def rates(
    sizes: Mapping[str, int], tasks: Mapping[str, MixtureTask], sampling: Sampling
) -> dict[str, float]:
    """Return each task's unnormalised rate, by name in name order.

    Args:
        sizes: Train rows of each task (>= 0).
        tasks: What the mixture says of each of them: weight, count.
        sampling: Strategy, with its temperature and cap.

    Returns:
        Rates >= 0. Under `counts` a rate is the count itself; else it is the weight (default 1)
        times the strategy's own rate. 0 only where a count is 0.

    Raises:
        MixtureError: A rate is NaN, infinite or negative, or its task has no rows.
    """
    result = {}
    for task in sorted(tasks):
        rate = _rate(sizes.get(task, 0), tasks[task], sampling)
        check_rate(task, rate)
        if not sizes.get(task, 0) and tasks[task].count != 0:
            raise MixtureError(
                f"task '{task}' is in the mixture but has no train rows",
                where=f"tasks.{task}",
                remedy="see curation/drops.parquet for where its rows went, or take the task out",
            )
        result[task] = rate
    return result


def _rate(rows: int, entry: MixtureTask, sampling: Sampling) -> float:
    if sampling.strategy == "counts":
        return float(entry.count or 0)
    weight = 1.0 if entry.weight is None else entry.weight
    if sampling.strategy in ("equal", "weights"):
        return weight
    return weight * size_rate(rows, cap=sampling.cap, temperature=sampling.temperature or 1.0)


def size_rate(
    rows: int, *, scale: float = 1.0, cap: float | None = None, temperature: float = 1.0
) -> float:
    """Return the rate that a task has by its size, as SeqIO's `mixing_rate_num_examples` does.

    Args:
        rows: Rows of the task (>= 0).
        scale: Multiplies the rows first.
        cap: Size above which a task counts as no larger.
        temperature: T > 0; the capped size is taken to the power 1/T, last.
    """
    rate = rows * scale
    if cap is not None:
        rate = min(rate, cap)
    if temperature != 1.0 and rate > 0.0:
        try:
            rate = float(f"{rate ** (1.0 / temperature):.{_DIGITS}g}")
        except OverflowError:
            rate = math.inf
    return float(rate)


def check_rate(task: str, rate: float) -> None:
    """Check one rate.

    Raises:
        MixtureError: It is NaN, infinite or negative; names the task.
    """
    if math.isfinite(rate) and rate >= 0.0:
        return
    raise MixtureError(
        f"the rate of task '{task}' is {rate}",
        where=f"tasks.{task}",
        expected="a finite number that is not negative",
        remedy="check its weight and the temperature",
    )


def shares(rates: Mapping[str, float]) -> dict[str, float]:
    """Return each task's share of the rows asked for: in [0, 1], summing to 1, in name order.

    Raises:
        MixtureError: A rate is not a number that can be used, or all are 0.
    """
    for task in sorted(rates):
        check_rate(task, rates[task])
    largest = max(rates.values(), default=0.0)
    if largest == 0.0:
        raise MixtureError("no task of the mixture is drawn", expected="one rate above 0 at least")
    total = math.fsum(rate / largest for rate in rates.values())
    return {task: rates[task] / largest / total for task in sorted(rates)}


def positions(sizes: Mapping[str, int], rates: Mapping[str, float], sampling: Sampling) -> int:
    """Return how many rows the mixture has in all.

    Args:
        sizes: Train rows of each task.
        rates: As `rates` returns them.
        sampling: Gives `rows`, or `epochs` (a multiple of all tasks' rows, a half rounded up), or
            the strategy `counts`.

    Raises:
        MixtureError: It has none.
    """
    if sampling.strategy == "counts":
        total = sum(int(rate) for rate in rates.values())
    elif sampling.rows is not None:
        total = sampling.rows
    else:
        total = rounded(sampling.epochs or 0.0, sum(sizes[task] for task in rates))
    if total == 0:
        raise MixtureError("the mixture has no rows", remedy="raise 'rows', 'epochs' or a count")
    return total
