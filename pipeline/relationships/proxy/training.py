"""Training of many small models side by side: same initial weights, same steps, same rows in all arms.

An arm says which share of a training's rows each task gives. All arms of a seed start from the same
weights and go through each task's rows in the same sequence, so that two arms differ by their tasks
alone. Each batch holds all tasks of the arm in the proportion of the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.mixing.quotas import quotas
from pipeline.relationships.proxy.model import Batch, Weights, draw_weights, gradients
from pipeline.relationships.proxy.tasks import Pool
from pipeline.seeds import derive_rng, derive_seed

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_MOMENTS = (0.9, 0.999)
_EPSILON = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRecipe:
    """How every arm is trained."""

    steps: int = 150
    batch: int = 32
    hidden: int = 32
    learning_rate: float = 0.01
    weight_decay: float = 0.01
    """Decoupled, times the learning rate."""
    together: int = 48
    """Models trained side by side; shapes time and memory, not results."""

    @property
    def rows(self) -> int:
        """Rows that an arm sees."""
        return self.steps * self.batch

    def of_steps(self, steps: int) -> "ProxyRecipe":
        """Return the same recipe with another number of steps."""
        return replace(self, steps=steps)

    def flops(self, width: int, *, choices: int = 3) -> float:
        """Return about how many operations a training takes: two a weight forward, four backward."""
        return 6.0 * self.rows * choices * width * self.hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBudget:
    """What a scorer may spend on trainings of its own."""

    seeds: int = 3
    """Trainings of everything that is trained."""
    recipe: ProxyRecipe = field(default_factory=ProxyRecipe)


@dataclass(frozen=True, slots=True)
class Arm:
    """One training: its seed, and the share of its rows that each task gets."""

    seed: int
    shares: Mapping[str, float]


def train(pool: Pool, arms: Sequence[Arm], recipe: ProxyRecipe) -> Weights:
    """Train a model for each arm.

    Args:
        pool: The train rows of all tasks.
        arms: What each model sees; rows are split by the shares exactly, by largest remainder.
        recipe: Steps, batch, sizes.

    Returns:
        M models, in the arms' sequence.

    Raises:
        MixtureError: An arm names a task that the pool does not have or that has no rows.
    """
    parts = [
        _train(pool, arms[low : low + recipe.together], recipe)
        for low in range(0, len(arms), recipe.together)
    ]
    names = [field.name for field in fields(Weights)]
    return Weights(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def derive_seeds(seed: int, *names: str, count: int) -> list[int]:
    """Return the seeds of `count` trainings of one kind, from the run's seed and the kind's names."""
    return [derive_seed(seed, *names, index) % 2**63 for index in range(count)]


def train_each_alone(pool: Pool, recipe: ProxyRecipe, *, seeds: Sequence[int]) -> list[Weights]:
    """Train every task alone: T models for each seed."""
    tasks = len(pool.names)
    weights = train(pool, [Arm(seed, {name: 1.0}) for seed in seeds for name in pool.names], recipe)
    return [weights.part(run * tasks, (run + 1) * tasks) for run in range(len(seeds))]


def train_jointly(pool: Pool, recipe: ProxyRecipe, *, seeds: Sequence[int]) -> Weights:
    """Train one model on all tasks, equal rows of each, for each seed."""
    return train(pool, [Arm(seed, dict.fromkeys(pool.names, 1.0)) for seed in seeds], recipe)


def _train(pool: Pool, arms: Sequence[Arm], recipe: ProxyRecipe) -> Weights:
    seeds = [arm.seed for arm in arms]
    width = pool.features_OD.shape[1]
    weights = draw_weights(seeds, width=width, hidden=recipe.hidden, tasks=len(pool.names))
    plans = [schedule(pool, arm, recipe) for arm in arms]
    task_NMB = np.stack([plan[0] for plan in plans], axis=1)
    row_NMB = np.stack([plan[1] for plan in plans], axis=1)
    first = [np.zeros_like(array) for array in weights.arrays()]
    second = [np.zeros_like(array) for array in weights.arrays()]
    for step in range(recipe.steps):
        grads, _ = gradients(weights, gather_rows(pool, task_NMB[step], row_NMB[step]))
        # linear decay to zero: the last steps average out what single batches did
        rate = recipe.learning_rate * (1.0 - step / recipe.steps)
        for array, grad, mean, square in zip(
            weights.arrays(), grads.arrays(), first, second, strict=True
        ):
            _adam(array, grad, mean, square, step=step, rate=rate, decay=recipe.weight_decay)
    return weights


def _adam(
    array: Floats,
    grad: Floats,
    mean: Floats,
    square: Floats,
    *,
    step: int,
    rate: float,
    decay: float,
) -> None:
    """Do one AdamW step in place."""
    one, two = _MOMENTS
    mean += (1.0 - one) * (grad - mean)
    square += (1.0 - two) * (grad * grad - square)
    scale = np.float32(np.sqrt(1.0 - two ** (step + 1)) / (1.0 - one ** (step + 1)))
    array *= np.float32(1.0 - rate * decay)
    array -= np.float32(rate) * scale * mean / (np.sqrt(square) + np.float32(_EPSILON))


def schedule(pool: Pool, arm: Arm, recipe: ProxyRecipe) -> tuple[Ints, Ints]:
    """Return the task and the row of every place of every batch, steps x batch each.

    Tasks are spread evenly over the steps; the n-th row of a task is the n-th of its own walk through
    whole shuffled epochs, which depends on the seed and the task's name alone.
    """
    unknown = sorted(set(arm.shares) - set(pool.names))
    if unknown:
        raise MixtureError(f"there is no task '{unknown[0]}'", expected=", ".join(pool.names))
    counts = quotas(arm.shares, total=recipe.rows)
    places, tasks, rows = [], [], []
    for name, count in counts.items():
        if not count:
            continue
        index = pool.names.index(name)
        size = int(pool.sizes[index])
        if not size:
            raise MixtureError(f"task '{name}' has no rows")
        places.append((np.arange(count) + 0.5) / count)
        tasks.append(np.full(count, index))
        rows.append(pool.starts[index] + _walk(name, size, count, seed=arm.seed))
    turn = np.argsort(np.concatenate(places), kind="stable")
    shape = (recipe.steps, recipe.batch)
    return np.concatenate(tasks)[turn].reshape(shape), np.concatenate(rows)[turn].reshape(shape)


def _walk(name: str, size: int, count: int, *, seed: int) -> Ints:
    epochs = -(-count // size)
    walks = [derive_rng(seed, "walk", name, epoch).permutation(size) for epoch in range(epochs)]
    return np.concatenate(walks)[:count]


def gather_rows(pool: Pool, task_MB: Ints, row_MB: Ints) -> Batch:
    """Return the rows of a batch with their features."""
    choices_MBC = pool.choices_RC[row_MB]
    return Batch(
        features_MBCD=pool.features_OD[choices_MBC],
        real_MBC=choices_MBC < len(pool.features_OD) - 1,
        gold_MB=pool.gold_R[row_MB],
        task_MB=task_MB,
    )
