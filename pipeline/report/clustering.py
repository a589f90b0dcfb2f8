"""Order of tasks for a picture: hierarchical clustering by average linkage, deterministic, ties by name.

Two tasks are close if each ranks high among the sources of the other, whatever the unit of the scorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.agreement.ranking import mean_ranks
from pipeline.relationships.scores import ScoreMatrix

Floats = NDArray[np.float64]
FARTHEST = 1.0
"""Distance of groups between which no pair was scored: as far as a distance can be."""
_DIGITS = 9
"""Decimals that distances are compared by, so that no order hangs on the last bits of a sum."""


@dataclass(frozen=True, slots=True)
class Group:
    """A single task, or two groups that were put together."""

    names: tuple[str, ...]
    """Its tasks, in the sequence in which they are drawn."""
    height: float = 0.0
    """Mean distance of its two parts, in [0, 1]; 0 of a single task."""
    parts: tuple["Group", ...] = field(default=())
    """None or two."""

    def flipped(self) -> "Group":
        """Return the same group drawn the other way round."""
        # no recursion: where distances are equal, a tree is as deep as there are tasks
        inner = [self]
        for group in inner:
            inner.extend(group.parts)
        turned: dict[int, Group] = {}
        for group in reversed(inner):
            parts = tuple(turned[id(part)] for part in reversed(group.parts))
            turned[id(group)] = Group(group.names[::-1], group.height, parts)
        return turned[id(self)]


def tasks_of(matrix: ScoreMatrix) -> tuple[str, ...]:
    """Return all tasks of a matrix, sources and targets, by name."""
    return tuple(sorted({*matrix.sources, *matrix.targets}))


def square(matrix: ScoreMatrix, tasks: Sequence[str]) -> Floats:
    """Return the scores of `tasks`, sources x targets; NaN where there is none."""
    values_TT = np.full((len(tasks), len(tasks)), np.nan)
    place = {task: i for i, task in enumerate(tasks)}
    rows = [i for i, task in enumerate(matrix.sources) if task in place]
    columns = [i for i, task in enumerate(matrix.targets) if task in place]
    at = np.ix_(
        [place[matrix.sources[i]] for i in rows], [place[matrix.targets[i]] for i in columns]
    )
    values_TT[at] = matrix.values_ST[np.ix_(rows, columns)]
    return values_TT


def places(values_ST: Floats) -> Floats:
    """Return each source's place among the sources of its target: 1 the best, 0 the last.

    Ties share their mean place; the only source of a target has 0.5; NaN where there is no score.
    """
    result = np.full(values_ST.shape, np.nan)
    for target, column in enumerate(values_ST.T):
        known = np.isfinite(column)
        count = int(known.sum())
        ranks = mean_ranks(column[known])
        result[known, target] = (ranks - 1.0) / (count - 1) if count > 1 else 0.5
    return result


def closeness(values_TT: Floats) -> Floats:
    """Return the mean place of each two tasks among each other's sources, in [0, 1]; symmetric.

    Where one direction was scored, it alone counts; NaN where none was, as of a task with itself.
    """
    place_TT = places(values_TT)
    known = np.isfinite(place_TT)
    filled = np.where(known, place_TT, 0.0)
    counts = known.astype(np.float64) + known.T
    sums = filled + filled.T
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)
    return means


def clustered(names: Sequence[str], closeness_TT: Floats) -> Group:
    """Put tasks together two groups at a time, the closest first (average linkage, UPGMA).

    The distance of two tasks is 1 - closeness, that of two groups its mean over the pairs that have
    one. Of equal distances the pair whose groups hold the first names is taken. Each two parts are
    turned so that close tasks touch (Gruvaeus and Wainer, 1972).

    Args:
        names: At least one, each once, in any sequence.
        closeness_TT: Symmetric; NaN where unknown.
    """
    turn = sorted(range(len(names)), key=lambda i: names[i])
    known = np.isfinite(closeness_TT[np.ix_(turn, turn)])
    apart = np.where(known, 1.0 - closeness_TT[np.ix_(turn, turn)], FARTHEST)
    place = {names[i]: row for row, i in enumerate(turn)}
    groups = [Group((names[i],)) for i in turn]
    sums, counts = np.where(known, apart, 0.0), known.astype(np.float64)
    while len(groups) > 1:
        means = np.where(counts > 0, sums / np.maximum(counts, 1.0), FARTHEST).round(_DIGITS)
        means[np.tril_indices(len(groups))] = np.inf
        one, other = divmod(int(means.argmin()), len(groups))
        height = float(means[one, other])
        groups[one] = _joined(groups[one], groups.pop(other), height, apart, place)
        sums, counts = (_merged(values, one, other) for values in (sums, counts))
    return groups[0]


def _merged(values: Floats, one: int, other: int) -> Floats:
    """Return a symmetric matrix of groups after two of them became one, at the place of the first."""
    values = values.copy()
    values[one] += values[other]
    values[:, one] += values[:, other]
    rest = np.arange(len(values)) != other
    result: Floats = values[np.ix_(rest, rest)]
    return result


def _joined(one: Group, other: Group, height: float, apart: Floats, place: dict[str, int]) -> Group:
    """Return both as one group, turned so that the tasks that touch are the closest."""

    def gap(pair: tuple[Group, Group]) -> float:
        left, right = place[pair[0].names[-1]], place[pair[1].names[0]]
        return float(apart[left, right].round(_DIGITS))

    turns = [(a, b) for a in (one, one.flipped()) for b in (other, other.flipped())]
    left, right = min(turns, key=gap)  # of equals the first, which turns nothing
    return Group((*left.names, *right.names), height, (left, right))


def cut(group: Group, most: int) -> list[Group]:
    """Return at most `most` groups of the tree, in the sequence in which they are drawn.

    The group whose parts are farthest apart is divided first; of equals the first drawn.
    """
    groups = [group]
    while len(groups) < most and any(each.parts for each in groups):
        widest = max(
            range(len(groups)), key=lambda i: (bool(groups[i].parts), groups[i].height, -i)
        )
        groups[widest : widest + 1] = groups[widest].parts
    return groups
