"""Quotas: rates and a number of rows to exact integers, by largest remainder.

With rates 2 and 1, ten rows are split 7 and 3. All arithmetic is exact, so that a quota is off its
share by less than one row whatever the rates, and is the same on every machine.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from pipeline.config.strategies.base import check_rate, decimal
from pipeline.errors import MixtureError

MAX_EPOCHS = 256
"""Epochs that the order's one byte can count."""

MAX_ROWS = 2**32
"""Mixture rows that the order's four bytes can count."""


def shares(rates: Mapping[str, float | Fraction]) -> dict[str, Fraction]:
    """Return each member's share: in [0, 1], summing to 1 exactly, in name order.

    Raises:
        MixtureError: A rate is not a number that can be used, or all are 0.
    """
    for name in sorted(rates):
        check_rate(name, rates[name])
    exact = {name: _exact(rate) for name, rate in sorted(rates.items())}
    whole = sum(exact.values())
    if whole == 0:
        raise MixtureError("no task of the mixture is drawn", expected="one rate above 0 at least")
    return {name: rate / whole for name, rate in exact.items()}


def quotas(rates: Mapping[str, float | Fraction], *, total: int) -> dict[str, int]:
    """Split `total` rows by `rates`, exactly, by largest remainder; ties go by name.

    Args:
        rates: Unnormalised, finite, >= 0, one above 0 at least.
        total: Rows to split (>= 0).

    Returns:
        Integers that sum to `total`, in name order, each less than one off `total * rate / sum`;
        0 where the rate is 0.

    Raises:
        MixtureError: All rates are 0 and `total` is not.
    """
    exact = {name: _exact(rates[name]) for name in rates}
    whole = sum(exact.values())
    if whole == 0:
        if total:
            raise MixtureError(f"{total} rows cannot be split: all rates are 0")
        return dict.fromkeys(sorted(rates), 0)
    return apportioned({name: total * value / whole for name, value in exact.items()}, total=total)


def apportioned(exact: Mapping[str, Fraction], *, total: int) -> dict[str, int]:
    """Round exact amounts down or up to integers of a given sum, by largest remainder.

    Rounding the members of a whole to the whole's own rounded sum keeps both less than one off their
    exact amounts, level by level.

    Args:
        exact: Amounts (>= 0) that sum to less than one more or less than `total`.
        total: What the integers sum to.

    Returns:
        Integers in name order; among equal remainders those of earlier names are rounded up.
    """
    names = sorted(exact)
    down = {name: floor(exact[name]) for name in names}
    # the sort is stable and names are sorted already, so that they break ties
    by_remainder = sorted(names, key=lambda name: down[name] - exact[name])
    for name in by_remainder[: total - sum(down.values())]:
        down[name] += 1
    return down


def _exact(rate: float | Fraction) -> Fraction:
    return rate if isinstance(rate, Fraction) else decimal(rate)


def check_quotas(quotas: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Check that an order of these quotas can be stored.

    Raises:
        MixtureError: A task is to be drawn without rows, or more often than 256 times over.
    """
    for task in sorted(quotas):
        if quotas[task] and not sizes.get(task, 0):
            raise MixtureError(
                f"{quotas[task]} rows are to be drawn of task '{task}', which has none",
                where=f"tasks.{task}",
                remedy="take the task out of the mixture, or set its count to 0",
            )
        if quotas[task] > MAX_EPOCHS * sizes.get(task, 0):
            raise MixtureError(
                f"task '{task}' would be repeated {quotas[task] / sizes[task]:.0f} times: "
                f"{quotas[task]} rows drawn of {sizes[task]}",
                where=f"tasks.{task}",
                expected=f"at most {MAX_EPOCHS} epochs of a task",
                remedy="lower its weight, or the mixture's rows",
            )
