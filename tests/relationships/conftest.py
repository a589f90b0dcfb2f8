"""Tiny tasks of fixed features whose relations are known: a friend, a foe, and one that is neither."""

import numpy as np
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import FeatureTask
from pipeline.relationships.proxy.training import ProxyRecipe, TrainingBudget

RECIPE = ProxyRecipe(steps=40, batch=18, hidden=4)
DIRECTIONS = {
    "apple": (1.0, 0.0, 0.0),
    "berry": (0.9, 0.3, 0.0),
    "chalk": (0.0, 0.0, 1.0),
    "doubt": (-1.0, 0.0, 0.0),
}


def task_of(name, direction, *, rows=40, seed=0, choices=2):
    """Rows of random choices, the gold one furthest along a direction."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, choices, len(direction))).astype(np.float32)
    return FeatureTask(
        name=name,
        features_OD=x.reshape(-1, len(direction)),
        first=np.arange(0, choices * rows + 1, choices),
        gold=(x @ np.array(direction)).argmax(axis=1).astype(np.int64),
    )


def evidence_of(*tasks):
    return Evidence(
        tasks=tuple(task.name for task in tasks),
        features={task.name: task for task in tasks},
        sizes={task.name: len(task) for task in tasks},
        inputs={"here": "f00"},
    )


@pytest.fixture
def toy():
    """`apple` and `berry` ask nearly the same, `doubt` the opposite, `chalk` something else."""
    found = [task_of(n, d, seed=i) for i, (n, d) in enumerate(DIRECTIONS.items())]
    return evidence_of(*found)


@pytest.fixture
def budget():
    return TrainingBudget(seeds=2, recipe=RECIPE)


@pytest.fixture
def make():
    """Makes a task; see `task_of`."""
    return task_of


@pytest.fixture
def gather():
    """Makes evidence of tasks."""
    return evidence_of
