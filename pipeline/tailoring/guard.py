"""The guard: candidates that would do harm, by the evidence, are refused before any is ranked.

Only evidence with a sign shows harm: a source whose answers or gradients point away from the target.
Similarity alone refuses no task, it only ranks. A source that holds the target's own held-out texts is a
leak, whatever it would gain.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAK_SHARE = 0.01
"""Share of the target's held-out texts with a near duplicate in the source from which it is a leak."""
NEGATIVE_ROWS = 0.5
"""Share of the target's rows that a step on the source makes worse above which it is refused: most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the evidence says of one candidate for one target; null or NaN where nothing was measured."""

    value: float | None = None
    """Of a scorer whose sign means something: above 0 it should help."""
    se: float | None = None
    """Standard error of the value."""
    negative_rows: float | None = None
    """Share of the target's train rows that a step on the source would make worse."""
    leaked: float | None = None
    """Share of the target's held-out texts that are nearly in the source."""


def refusals(signs: Mapping[str, Signs]) -> dict[str, str]:
    """Return why candidates are refused, by name; those that may stay are not in it."""
    found = {}
    for task in sorted(signs):
        reasons = _reasons(signs[task])
        if reasons:
            found[task] = "refused: " + "; ".join(reasons)
    return found


def _reasons(signs: Signs) -> Sequence[str]:
    reasons = []
    leaked, value, negative = map(_known, (signs.leaked, signs.value, signs.negative_rows))
    if leaked is not None and leaked > LEAK_SHARE:
        reasons.append(f"{leaked:.0%} of the target's held-out texts are nearly in it")
    if value is not None and value + (_known(signs.se) or 0.0) < 0.0:
        reasons.append(f"its score {value:.3f} is below 0 by more than a standard error")
    if negative is not None and negative > NEGATIVE_ROWS:
        reasons.append(f"a step on it would make {negative:.0%} of the target's rows worse")
    return reasons


def _known(value: float | None) -> float | None:
    """Return a figure; null where it is NaN, which a sum would spread to what is known."""
    return None if value is None or math.isnan(value) else value
