import numpy as np

from pipeline.relationships.cost import measure_seconds, word_seconds
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe


def test_a_cost_is_worded_in_units_of_its_size():
    assert word_seconds(1200, 0.05) == "1,200 small trainings, about 60 CPU seconds"
    assert word_seconds(12000, 0.05) == "12,000 small trainings, about 10 CPU minutes"


def test_a_training_is_timed_on_tasks_that_have_rows():
    def task(name, rows):
        return FeatureTask(
            name=name, features_OD=np.ones((2 * rows, 3), np.float32),
            first=np.arange(0, 2 * rows + 1, 2), gold=np.zeros(rows, int),
        )  # fmt: skip

    pool = pool_tasks([task("none", 0), task("some", 4)])
    assert 0.0 < measure_seconds(pool, ProxyRecipe(steps=5, batch=4, hidden=4)) < 1.0
