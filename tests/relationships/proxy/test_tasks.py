import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks


def task(name="a", counts=(2, 3, 1), width=2, start=0):
    total = sum(counts)
    return FeatureTask(
        name=name,
        features_OD=np.arange(start, start + total * width, dtype=np.float32).reshape(total, width),
        first=np.concatenate([[0], np.cumsum(counts)]),
        gold=np.array([c - 1 for c in counts]),
    )


def test_taking_rows_keeps_their_choices():
    some = task().take(np.array([1, 0]))
    assert some.features_OD[:, 0].tolist() == [4, 6, 8, 0, 2]
    assert (some.first.tolist(), some.gold.tolist()) == ([0, 3, 5], [2, 1])


def test_a_pool_pads_with_the_last_row():
    pool = pool_tasks([task("a"), task("b", counts=(2,), start=100)])
    assert pool.choices_RC.tolist() == [[0, 1, 8], [2, 3, 4], [5, 8, 8], [6, 7, 8]]
    assert pool.features_OD[8].tolist() == [0, 0]
    assert pool.features_OD[6].tolist() == [100, 101]
    assert (pool.starts.tolist(), pool.sizes.tolist()) == ([0, 3, 4], [3, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gold": np.array([0, 0])}, "do not fit together"),
        ({"gold": np.array([0, 3, 0])}, "a gold choice lies outside"),
        ({"features_OD": np.zeros((5, 2), np.float32)}, "do not fit together"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, said):
    good = task()
    parts = {"name": "a", "features_OD": good.features_OD, "first": good.first, "gold": good.gold}
    with pytest.raises(DataError, match=said):
        FeatureTask(**(parts | change))


def test_a_pool_refuses_twins_and_other_widths():
    with pytest.raises(DataError, match="a task is there twice"):
        pool_tasks([task("a"), task("a")])
    with pytest.raises(DataError, match=r"features have the widths \[2, 3\]"):
        pool_tasks([task("a"), task("b", width=3)])
