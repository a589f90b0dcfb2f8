"""How many complements: a race of nested sets on held-out rows of the target, the empty set included.

Each arm trains a small model on the target and the first candidates of the ranking, with the same seeds,
initial weights and number of rows; held-out *select* rows of the target give its loss. The winner is the
smallest set whose mean held-out loss exceeds the best arm's by at most one standard error or `MARGIN`,
whichever is larger. So the worst case is the target alone, up to noise. A backward check then leaves out
each chosen task. The loss of an arm is taken at the temperature that is best for it: see `calibrate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.relationships.proxy.model import losses, scores
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, gather_rows, train

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SLOPES = (0.0, *(2.0 ** (power / 2.0) for power in range(-10, 5)))
"""Inverse temperatures that an arm's loss is taken at, from no opinion at all to four times its own."""
SIZES = (0, 1, 2, 4, 8)
"""Sizes of the nested sets, beside that of all candidates."""
MARGIN = 0.005
"""Loss a row, in nats, that is no reason to take another task. On a target that is answered already, all
arms differ by thousandths, and by the same ones on every row: many standard errors, and no use."""

DECIMALS = 6
"""Of every figure that decides, so that no choice hangs on the last bits of a sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One arm of a race."""

    tasks: tuple[str, ...]
    loss: float
    """Mean over seeds of the loss on the target's held-out rows."""
    behind: float
    """Mean loss above the best arm's, paired by seed and row."""
    behind_se: float
    """Standard error of that difference, over seeds and rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """All arms, from the empty set to the largest, and the winner."""

    entries: tuple[Entry, ...]
    winner: int

    @property
    def tasks(self) -> tuple[str, ...]:
        """Complements that won."""
        return self.entries[self.winner].tasks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaceSetup:
    """What all arms of a race have in common."""

    target: str
    """The task to be helped."""
    pool: Pool
    """Train rows."""
    held: Pool
    """Held-out rows, of the target at least."""
    recipe: ProxyRecipe
    seeds: Sequence[int]
    """Each gives every arm its weights and rows."""
    ratio: float = 1.0
    """Rows of all complements together, as a multiple of the target's."""


def race(setup: RaceSetup, ranked: Sequence[str]) -> Race:
    """Race nested sets of the ranked candidates, the best first."""
    sizes = sorted({*(k for k in SIZES if k <= len(ranked)), len(ranked)})
    sets = [tuple(ranked[:k]) for k in sizes]
    return decide_race(sets, held_losses(setup, sets))


def check_backward(
    setup: RaceSetup, chosen: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Leave each chosen task out once, and drop those without which the held-out loss is no higher.

    Tasks can stand in for one another, so that dropping all of them at once may cost what dropping each
    alone did not: what is left must do no worse than the whole by more than a standard error, or all
    stay.

    Returns:
        The tasks that stay, in their sequence, and by how much the loss rose without each.
    """
    whole = tuple(chosen)
    sets = [whole, *(tuple(t for t in whole if t != out) for out in whole)]
    loss_A = held_losses(setup, sets).mean((1, 2))
    rises = {task: _rounded(loss_A[i] - loss_A[0]) for i, task in enumerate(whole, start=1)}
    kept = tuple(task for task in whole if rises[task] > 0.0)
    if kept == whole:
        return whole, rises
    return decide_race([kept, whole], held_losses(setup, [kept, whole])).tasks, rises


def shares_of(target: str, complements: Sequence[str], ratio: float) -> Mapping[str, float]:
    """Return the shares of an arm: 1 for the target, the ratio split evenly over its complements."""
    each = ratio / len(complements) if complements else 0.0
    return {target: 1.0, **dict.fromkeys(complements, each)}


def held_losses(setup: RaceSetup, sets: Sequence[tuple[str, ...]]) -> Floats:
    """Return the loss of every set, seed and held-out row of the target, calibrated: A x K x R.

    Raises:
        MixtureError: The target has no held-out rows.
    """
    held, target = setup.held, setup.target
    place = held.names.index(target)
    rows = np.arange(held.starts[place], held.starts[place + 1])[None]
    if not rows.size:
        raise MixtureError(
            f"the target '{target}' has no held-out rows to race on",
            remedy="give it `select` rows: see curate.select_min in params.yaml",
        )
    # the prefix is the one that the arms trained, wherever the target stands among the held-out tasks
    batch = gather_rows(held, np.full(rows.shape, setup.pool.names.index(target)), rows)
    seeds = setup.seeds
    arms = [Arm(s, shares_of(target, tasks, setup.ratio)) for tasks in sets for s in seeds]
    models = train(setup.pool, arms, setup.recipe)
    found = []
    for index in range(len(sets)):
        of_arm = range(index * len(seeds), (index + 1) * len(seeds))
        values_KRC = np.concatenate([scores(models.model(i), batch)[0] for i in of_arm])
        found.append(calibrate(values_KRC, batch.gold_MB[0]))
    return np.array(found, dtype=np.float64)


def calibrate(values_KRC: Floats, gold_R: Ints) -> Floats:
    """Return the loss of every seed and row at the one temperature that is best for an arm, K x R.

    A small model that saw few rows many times is overconfident, and any second task, related or not,
    makes it less so: by its own loss it would win for being unsure. At its best temperature it wins by
    what it tells apart. One figure is fitted to all held-out rows, for each arm alike.

    Args:
        values_KRC: Scores by seed, row and choice; minus infinity on padding.
        gold_R: Gold choice of each row.
    """
    gold_KR = np.broadcast_to(gold_R, values_KRC.shape[:2])
    tried = []
    for slope in SLOPES:
        # padding stays where it is: 0 times minus infinity is no number
        scaled = values_KRC * slope if slope else np.where(np.isfinite(values_KRC), 0.0, -np.inf)
        tried.append(losses(scaled, gold_KR).astype(np.float64))
    return tried[int(np.argmin([loss_KR.mean() for loss_KR in tried]))]


def decide_race(sets: Sequence[tuple[str, ...]], loss_AKR: Floats) -> Race:
    """Return the race's outcome: the smallest set within one standard error, or `MARGIN`, of the best.

    The standard error of a paired difference is taken over rows, each row's difference being its mean
    over seeds: another draw of held-out rows is the doubt that matters when there are few.
    """
    best = int(loss_AKR.mean(axis=(1, 2)).round(DECIMALS).argmin())
    entries = []
    for index, tasks in enumerate(sets):
        apart_R = (loss_AKR[index] - loss_AKR[best]).mean(axis=0)
        se = float(apart_R.std(ddof=1) / np.sqrt(len(apart_R))) if len(apart_R) > 1 else 0.0
        entries.append(
            Entry(
                tasks=tasks,
                loss=_rounded(loss_AKR[index].mean()),
                behind=_rounded(apart_R.mean()),
                behind_se=_rounded(se),
            )
        )
    winner = next(
        i for i, entry in enumerate(entries) if entry.behind <= max(entry.behind_se, MARGIN)
    )
    return Race(entries=tuple(entries), winner=winner)


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
