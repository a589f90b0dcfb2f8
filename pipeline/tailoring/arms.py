"""The arms of a comparison: what is trained beside Tailor's choice, target by target.

Every arm of a target sees the same number of rows, of the target and of its complements together, and
starts from the same weights in each seed. What Tailor chose, and every draw of the arms beside it, is
fixed before a report row is looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.relationships.proxy.readings import judge
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, train
from pipeline.seeds import derive_rng
from pipeline.tailoring.race import shares_of

DRAWS = 10
"""Random choices of an arm that is a mean over them."""

Shares = Mapping[str, float]

TAILOR, ALONE, RANDOM, FAMILY = "tailor", "target only", "random k", "same family k"
SHUFFLED, TOP, ALL_EQUAL, ALL_PROPORTIONAL = (
    "tailor, shuffled scores", "top k correlation", "all tasks, equal", "all tasks, proportional",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmInputs:
    """What the arms beside Tailor choose by."""

    sizes: Mapping[str, int]
    families: Mapping[str, str]
    correlation: Mapping[str, float]
    """Of the published recipe, by source."""
    scores: Mapping[str, float]
    """Tailor's own, which one arm shuffles."""


def arms_of(
    target: str, chosen: Sequence[str], inputs: ArmInputs, *, seed: int, ratio: float = 1.0
) -> dict[str, list[Shares]]:
    """Return every arm of a target as the shares of its trainings.

    Args:
        target: The task to be helped.
        chosen: What Tailor chose; every arm that chooses takes as many.
        inputs: What they choose by.
        seed: Of the random choices.
        ratio: Rows of all complements together, as a multiple of the target's.

    Returns:
        Shares by arm; an arm of several is a mean over them.
    """
    others = sorted(task for task in inputs.sizes if task != target)
    k = len(chosen)
    family = [o for o in others if inputs.families.get(o) == inputs.families.get(target)] or others
    by_score = sorted(others, key=lambda o: (-inputs.correlation.get(o, -np.inf), o))
    shuffling = derive_rng(seed, "trial", SHUFFLED, target)

    def arms(*sets: Sequence[str]) -> list[Shares]:
        return [shares_of(target, tasks, ratio) for tasks in sets]

    total = sum(inputs.sizes[task] for task in others)
    proportional = {task: ratio * inputs.sizes[task] / total for task in others}
    return {
        TAILOR: arms(chosen),
        ALONE: arms(()),
        RANDOM: arms(*draw_sets(others, k, rng=derive_rng(seed, "trial", RANDOM, target))),
        FAMILY: arms(*draw_sets(family, k, rng=derive_rng(seed, "trial", FAMILY, target))),
        TOP: arms(by_score[:k]),
        SHUFFLED: arms(*shuffle_scores(inputs.scores, others, k, rng=shuffling)),
        ALL_EQUAL: arms(others),
        ALL_PROPORTIONAL: [{target: 1.0, **proportional}],
    }


def draw_sets(tasks: Sequence[str], k: int, *, rng: np.random.Generator) -> list[Sequence[str]]:
    """Return `DRAWS` random choices of k tasks, or all of them where there are fewer."""
    if k >= len(tasks):
        return [tasks]
    draws = [rng.choice(len(tasks), k, replace=False) for _ in range(DRAWS)]
    return [[tasks[i] for i in sorted(draw)] for draw in draws]


def shuffle_scores(
    scores: Mapping[str, float], tasks: Sequence[str], k: int, *, rng: np.random.Generator
) -> list[Sequence[str]]:
    """Return the k best by scores that were dealt out to the wrong tasks, `DRAWS` times."""
    known = [task for task in tasks if task in scores]
    found: list[Sequence[str]] = []
    for _ in range(DRAWS):
        dealt = dict(zip(known, rng.permutation([scores[task] for task in known]), strict=True))
        found.append(sorted(known, key=lambda task: (-dealt[task], task))[:k])
    return found


def train_arms(
    pool: Pool,
    report: Pool,
    arms: Mapping[str, Mapping[str, Sequence[Shares]]],
    recipe: ProxyRecipe,
    seeds: Sequence[int],
    target: str,
) -> dict[str, dict[str, list[float]]]:
    """Train every arm of a target and answer its report rows.

    Choices that are the same in several arms are trained once.

    Args:
        pool: Train rows.
        report: Report rows, of the target at least.
        arms: Shares of the trainings, by target and arm.
        recipe: Of every training.
        seeds: Of every arm.
        target: The task to be helped.

    Returns:
        `accuracy` and `loss` (nats), each by arm, a value a seed; a mean over the arm's choices where it
        has several.
    """
    distinct = {_key(shares): shares for choices in arms[target].values() for shares in choices}
    trained = [Arm(seed, shares) for shares in distinct.values() for seed in seeds]
    found = judge(train(pool, trained, recipe), pool, report, target)
    at = {key: index for index, key in enumerate(distinct)}
    result = {}
    for measure, values_MR in (("accuracy", found.right_MR), ("loss", found.loss_MR)):
        by_choice = values_MR.mean(axis=1).reshape(len(distinct), len(seeds))
        result[measure] = {
            arm: by_choice[[at[_key(shares)] for shares in choices]].mean(axis=0).tolist()
            for arm, choices in arms[target].items()
        }
    return result


def _key(shares: Shares) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(shares.items()))
