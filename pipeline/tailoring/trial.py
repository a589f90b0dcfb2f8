"""The trial of Tailor: arms of equal cost beside one another, target by target.

Every arm of a target sees the same number of rows, of the target and of its complements together, and
starts from the same weights in each seed. What Tailor chose, and every draw of the arms beside it, is
fixed before a report row is looked at. Knows names, sizes, families, scores and pools; no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.proxy.judged import judged
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, Recipe, train
from pipeline.seeds import derive_rng
from pipeline.tailoring.race import shares_of

DRAWS = 10
"""Random choices of an arm that is a mean over them."""

Shares = Mapping[str, float]
Floats = NDArray[np.float64]

TAILOR, ALONE, RANDOM, FAMILY = "tailor", "target only", "random k", "same family k"
SHUFFLED, TOP, ALL_EQUAL, ALL_PROPORTIONAL = (
    "tailor, shuffled scores", "top k correlation", "all tasks, equal", "all tasks, proportional",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the arms beside Tailor look at."""

    sizes: Mapping[str, int]
    families: Mapping[str, str]
    correlation: Mapping[str, float]
    """Of the published recipe, by source."""
    scores: Mapping[str, float]
    """Tailor's own, which one arm shuffles."""


def arms_of(
    target: str, chosen: Sequence[str], beside: Beside, *, seed: int, ratio: float = 1.0
) -> dict[str, list[Shares]]:
    """Return every arm of a target as the shares of its trainings.

    Args:
        target: The task to be helped.
        chosen: What Tailor chose; every arm that chooses takes as many.
        beside: What they look at.
        seed: Of the random choices.
        ratio: Rows of all complements together, as a multiple of the target's.

    Returns:
        Shares by arm; an arm of several is a mean over them.
    """
    others = sorted(task for task in beside.sizes if task != target)
    k = len(chosen)
    family = [o for o in others if beside.families.get(o) == beside.families.get(target)]
    by_score = sorted(others, key=lambda o: (-beside.correlation.get(o, -np.inf), o))
    total = sum(beside.sizes[task] for task in others)
    proportional = {task: ratio * beside.sizes[task] / total for task in others}
    return {
        TAILOR: [shares_of(target, chosen, ratio)],
        ALONE: [shares_of(target, (), ratio)],
        RANDOM: _drawn(target, others, k, RANDOM, seed=seed, ratio=ratio),
        FAMILY: _drawn(target, family or others, k, FAMILY, seed=seed, ratio=ratio),
        TOP: [shares_of(target, by_score[:k], ratio)],
        SHUFFLED: _shuffled(target, others, k, beside.scores, seed=seed, ratio=ratio),
        ALL_EQUAL: [shares_of(target, others, ratio)],
        ALL_PROPORTIONAL: [{target: 1.0, **proportional}],
    }


def _drawn(
    target: str, others: Sequence[str], k: int, arm: str, *, seed: int, ratio: float
) -> list[Shares]:
    """Return `DRAWS` random choices of k tasks, or all of them where there are fewer."""
    rng = derive_rng(seed, "trial", arm, target)
    if k >= len(others):
        return [shares_of(target, others, ratio)]
    draws = [rng.choice(len(others), k, replace=False) for _ in range(DRAWS)]
    return [shares_of(target, [others[i] for i in sorted(draw)], ratio) for draw in draws]


def _shuffled(
    target: str,
    others: Sequence[str],
    k: int,
    scores: Mapping[str, float],
    *,
    seed: int,
    ratio: float,
) -> list[Shares]:
    """Return the k best by scores that were dealt out to the wrong tasks, `DRAWS` times."""
    rng = derive_rng(seed, "trial", SHUFFLED, target)
    known = [task for task in others if task in scores]
    found: list[Shares] = []
    for _ in range(DRAWS):
        dealt = dict(zip(known, rng.permutation([scores[task] for task in known]), strict=True))
        best = sorted(known, key=lambda task: (-dealt[task], task))[:k]
        found.append(shares_of(target, best, ratio))
    return found


def outcomes(
    pool: Pool,
    report: Pool,
    target: str,
    arms: Mapping[str, Sequence[Shares]],
    recipe: Recipe,
    *,
    seeds: Sequence[int],
) -> dict[str, dict[str, list[float]]]:
    """Train every arm of a target and answer its report rows.

    Choices that are the same in several arms are trained once.

    Returns:
        `accuracy` and `loss` (nats), each by arm, a value a seed; a mean over the arm's choices where it
        has several.
    """
    distinct = list(
        {_key(shares): shares for choices in arms.values() for shares in choices}.items()
    )
    trained = [Arm(seed, shares) for _, shares in distinct for seed in seeds]
    found = judged(train(pool, trained, recipe), pool, report, target)
    at = {key: index for index, (key, _) in enumerate(distinct)}
    shape = (len(distinct), len(seeds))
    result = {}
    for measure, values_MR in (("accuracy", found.right_MR), ("loss", found.loss_MR)):
        by_choice = values_MR.mean(axis=1).reshape(shape)
        result[measure] = {
            arm: by_choice[[at[_key(shares)] for shares in choices]].mean(axis=0).tolist()
            for arm, choices in arms.items()
        }
    return result


def _key(shares: Shares) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(shares.items()))
