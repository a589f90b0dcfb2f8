"""Token budgets: how many rows of a task's walk reach a number of tokens, and what rows drawn hold.

Pure on arrays of lengths. Which rows come first is the walk's business: its last, broken epoch decides
how many tokens a number of rows has, exactly, without the order being built.
"""

from collections.abc import Callable
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

Walk = Callable[[int], NDArray[np.uint32]]
"""Epoch -> the task's rows in the sequence in which that epoch draws them."""


def drawn(lengths_N: NDArray[np.int64], quota: int, walk: Walk) -> int:
    """Return what the first `quota` rows of a walk hold: exact, without building the order.

    Args:
        lengths_N: Tokens of each of a task's N rows.
        quota: Rows drawn (>= 0).
        walk: The task's walk.
    """
    if not quota:
        return 0
    whole, left = divmod(quota, len(lengths_N))
    total = whole * int(lengths_N.sum())
    return total + int(lengths_N[walk(whole)[:left]].sum()) if left else total


def reached(lengths_N: NDArray[np.int64], target: Fraction, walk: Walk) -> int:
    """Return how many rows of a walk come nearest to a number of tokens.

    Args:
        lengths_N: Tokens of each of a task's N rows (>= 0, one above 0).
        target: Tokens asked for (>= 0).
        walk: The task's walk.

    Returns:
        The number of rows whose tokens are nearest to `target`, the smallest of them where several
        are. So it is off by half a row's tokens at most.
    """
    epoch_tokens = int(lengths_N.sum())
    whole = floor(target / epoch_tokens)
    rest = target - whole * epoch_tokens
    if not rest:
        return whole * len(lengths_N)
    # running_M[i]: tokens of the first i rows of the broken epoch, M = N + 1
    running_M = np.zeros(len(lengths_N) + 1, dtype=np.int64)
    np.cumsum(lengths_N[walk(whole)], out=running_M[1:])
    above = int(np.searchsorted(running_M, floor(rest), side="right"))
    below = int(np.searchsorted(running_M, running_M[above - 1], side="left"))
    nearer_above = int(running_M[above]) - rest < rest - int(running_M[below])
    return whole * len(lengths_N) + (above if nearer_above else below)
