"""How many rows each complement gets: by saturating returns, or in proportion to the gains; capped.

Rows of one source give less and less: n of them are worth `g (1 - exp(-n / tau))`, g being what the
source can give at all and tau the rows after which 63 % of it is there. The most is had where the
marginal returns `g / tau exp(-n / tau)` are equal, but for caps: water-filling. Exact arithmetic,
logarithms being decimals of 28 digits, so that a budget is the same on every machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from pipeline.config.mixture_card import Tailor
from pipeline.config.strategies.base import decimal, rounded
from pipeline.mixing.quotas import apportioned, quotas

_EXACT = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBudget:
    """Rows of a tailored mixture."""

    target: int
    """Of the target: its epochs times its rows."""
    asked: int
    """Of all complements together, by the ratio."""
    complements: Mapping[str, int]
    """Of each complement, by name; they sum to less than `asked` where caps bind all of them."""

    @property
    def placed(self) -> int:
        """Rows of all complements together."""
        return sum(self.complements.values())


def plan_rows(gains: Mapping[str, float], sizes: Mapping[str, int], tailor: Tailor) -> RowBudget:
    """Split the rows of the complements.

    Args:
        gains: What each complement that was taken can give, in any unit; may be empty.
        sizes: Train rows by task, the target's among them.
        tailor: `epochs` of the target, `ratio` of the complements' rows to the target's, how they are
            split (`budget`), and the caps: `max_epochs` of a complement's rows, and, where there are
            several, `max_share` of the rows asked for.

    Returns:
        Exact integers, by largest remainder, ties by name. A gain that is not positive gets nothing
        beside one that is; where none is positive, all count as equal.
    """
    target = rounded(tailor.epochs, sizes[tailor.target])
    asked = rounded(tailor.ratio, target)
    share = decimal(tailor.max_share) if len(gains) > 1 else Fraction(1)
    caps = {
        task: int(min(decimal(tailor.max_epochs) * sizes[task], share * asked))
        for task in sorted(gains)
    }
    weights = {task: max(decimal(gains[task]), Fraction(0)) for task in sorted(gains)}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, Fraction(1))
    if tailor.budget == "proportional":
        rows = water_fill(weights, caps, total=asked)
    else:
        rows = saturate(weights, scales(sizes, sorted(gains), asked=asked), caps, total=asked)
    return RowBudget(target=target, asked=asked, complements=rows)


def scales(sizes: Mapping[str, int], tasks: list[str], *, asked: int) -> dict[str, Fraction]:
    """Return tau of each complement: an even part of the rows asked for, or its own rows if fewer.

    A fixed tau would give a small budget to the best source alone and split a large one evenly,
    whatever the gains; tied to the budget, gains count alike at every size, and sources of equal gain
    get equal parts. Who has fewer rows than that repeats itself earlier.
    """
    even = Fraction(asked, max(len(tasks), 1))
    return {task: min(even, Fraction(sizes[task])) for task in tasks}


def saturate(
    gains: Mapping[str, Fraction],
    scale: Mapping[str, Fraction],
    caps: Mapping[str, int],
    *,
    total: int,
) -> dict[str, int]:
    """Split `total` so that the sum of all `g (1 - exp(-n / tau))` is greatest, below the caps.

    The optimum is `n = tau (ln(g / tau) - level)`, cut to [0, cap], at the one level at which the rows
    sum to the total. They are linear in the level between the levels at which some task begins or is
    full, so that it is found exactly.

    Args:
        gains: g, non-negative; a gain of 0 gets nothing.
        scale: tau in rows; may be 0 where the cap is.
        caps: Most rows that each may get.
        total: Rows to split; less is given where all caps bind.

    Returns:
        Integers by name, each at most its cap, less than one off the optimum, summing to `total` or to
        the sum of the caps of those with a gain.
    """
    live = [task for task in sorted(gains) if gains[task] > 0 and caps[task] > 0]
    begin = {task: _log(gains[task] / scale[task]) for task in live}
    room = sum(caps[task] for task in live)

    def rows_at(level: Fraction) -> dict[str, Fraction]:
        free = {task: scale[task] * (begin[task] - level) for task in live}
        return {task: min(max(free[task], Fraction(0)), Fraction(caps[task])) for task in live}

    level = _level(
        {*begin.values(), *(begin[task] - caps[task] / scale[task] for task in live)},
        lambda at: sum(rows_at(at).values(), Fraction(0)),
        total=min(total, room),
    )
    rows = apportioned(rows_at(level), total=min(total, room))
    return dict.fromkeys(sorted(gains), 0) | rows


def _level(
    bends: set[Fraction], rows_at: Callable[[Fraction], Fraction], *, total: int
) -> Fraction:
    """Return where a falling function, linear between its bends, is `total`; 0 without bends."""
    above = max(bends, default=Fraction(0))
    for below in sorted(bends, reverse=True):
        low, high = rows_at(above), rows_at(below)
        if high >= total:
            part = (total - low) / (high - low) if high > low else Fraction(0)
            return above - part * (above - below)
        above = below
    return above


def _log(value: Fraction) -> Fraction:
    quotient = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(quotient.ln(_EXACT))


def water_fill(
    weights: Mapping[str, Fraction], caps: Mapping[str, int], *, total: int
) -> dict[str, int]:
    """Split `total` by weights without exceeding any cap.

    Args:
        weights: Non-negative; a weight of 0 gets nothing.
        caps: Most that each may get.
        total: Rows to split; less is given where all caps bind.

    Returns:
        Integers by name, each at most its cap, summing to `total` or to the sum of the caps of those
        with a weight.
    """
    given = dict.fromkeys(sorted(weights), 0)
    free = [task for task in given if weights[task] > 0]
    left = total
    while free:
        whole = sum(weights[task] for task in free)
        over = [task for task in free if left * weights[task] > caps[task] * whole]
        if not over:
            return given | quotas({task: weights[task] for task in free}, total=left)
        for task in over:
            given[task] = caps[task]
            left -= caps[task]
        free = [task for task in free if task not in over]
    return given
