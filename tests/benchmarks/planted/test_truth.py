import numpy as np
import pytest

from benchmarks.planted.generate import generate, targets
from benchmarks.planted.levels import LEVELS
from benchmarks.planted.truth import measured, planted, shares
from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.proxy.training import ProxyRecipe


@pytest.fixture(scope="module")
def known():
    kept = ("task_00", "task_01", "task_02", "twin", "huge")
    tasks = [task for task in generate(LEVELS["easy"], seed=0) if task.name in kept]
    return tasks, measured(tasks, ProxyRecipe(steps=80, batch=16, hidden=16), seeds=[0, 1])


def test_friends_help_and_the_twin_harms(known):
    tasks, result = known
    names = [task.name for task in tasks]
    assert targets(tasks) == ("task_00", "task_02") == result.truth.targets
    gains = result.truth.mean_ST
    assert np.isnan(gains[names.index("task_00"), 0])
    assert (gains[names.index("task_01")] > 0).all()
    assert (gains[names.index("twin")] < -0.1).all()
    assert result.alone_KT.shape == (2, 2)
    assert 0.4 < result.alone_KT.mean() < 0.9
    # a standard error is there where a gain is, and is small against the twin's harm
    assert (np.isfinite(result.se_ST) == np.isfinite(gains)).all()
    assert (result.se_ST[names.index("twin")] < 0.05).all()


def test_the_sequence_of_tasks_does_not_matter(known):
    tasks, result = known
    back = measured(tasks[::-1], ProxyRecipe(steps=80, batch=16, hidden=16), seeds=[0, 1])
    there = [back.truth.targets.index(name) for name in result.truth.targets]
    assert back.truth.sources == result.truth.sources
    again = back.truth.gains_KST[:, :, there]
    # the last bits of a sum may decide a row or two of 1,500
    assert np.allclose(again, result.truth.gains_KST, atol=0.01, equal_nan=True)


def test_what_was_planted(known):
    tasks, _ = known
    values = planted(tasks)
    names = [task.name for task in tasks]
    assert values[names.index("task_00"), 0] == pytest.approx(1.0)
    assert values[names.index("huge")].tolist() == pytest.approx([0.0, 0.0])
    assert (values[names.index("twin")] < -0.5).all()


def test_shares_of_helpful_and_harmful_pairs():
    gains = np.array([[[0.02, np.nan], [-0.031, 0.009], [-0.02, 0.5]]])
    truth = Truth(sources=("a", "b", "c"), targets=("x", "y"), gains_KST=gains)
    assert shares(truth) == (0.4, 0.2)
