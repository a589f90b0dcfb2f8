"""How many rows each complement gets: the budget split by score, capped, the rest given to others.

Water-filling in exact arithmetic: shares proportional to the positive part of the scores; who would
exceed a cap gets the cap, and what is left is split anew among the others. Knows numbers only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pipeline.config.mixture_card import Tailor
from pipeline.mixing.quotas import decimal, quotas, rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
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


def budget(scores: Mapping[str, float], sizes: Mapping[str, int], tailor: Tailor) -> Budget:
    """Split the rows of the complements.

    Args:
        scores: Score of each complement that was taken; may be empty.
        sizes: Train rows by task, the target's among them.
        tailor: `epochs` of the target, `ratio` of the complements' rows to the target's, and the
            caps: `max_epochs` of a complement's rows, and, where there are several, `max_share` of
            the rows asked for.

    Returns:
        Exact integers, by largest remainder, ties by name. Where no score is positive the split is
        equal.
    """
    target = rounded(tailor.epochs, sizes[tailor.target])
    asked = rounded(tailor.ratio, target)
    share = decimal(tailor.max_share) if len(scores) > 1 else Fraction(1)
    caps = {
        task: int(min(decimal(tailor.max_epochs) * sizes[task], share * asked))
        for task in sorted(scores)
    }
    weights = {task: max(decimal(scores[task]), Fraction(0)) for task in sorted(scores)}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, Fraction(1))
    return Budget(target=target, asked=asked, complements=water_fill(weights, caps, total=asked))


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
