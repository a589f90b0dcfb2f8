import numpy as np
import pytest

from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds, train_jointly
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scores import reliability


def test_the_mean_over_trainings_with_its_doubts(toy, budget):
    got = SmallPrefix(steps_per_task=10).fit(toy, budget, seed=3)
    pool = pool_tasks(list(toy.features.values()))
    models = train_jointly(
        pool, budget.recipe.of_steps(40), seeds=derive_seeds(3, "relate", count=2)
    )
    values = np.stack(
        [correlations(rows.astype(np.float64), centre=True) for rows in models.prefix_MTH]
    )
    np.testing.assert_allclose(got.values_ST, values.mean(axis=0), atol=6e-5)
    np.testing.assert_allclose(got.se_ST, np.abs(values[0] - values[1]) / 2, atol=6e-5)
    assert got.extras["reliability"] == reliability(values)
    assert got.extras["null_q95"] == null_band((4, 4), centre=True, seed=3)["q95"]


def test_it_is_symmetric_and_says_so(toy, budget):
    got = SmallPrefix(steps_per_task=2).fit(toy, budget, seed=3)
    assert not got.directional
    np.testing.assert_array_equal(got.values_ST, got.values_ST.T)
    assert "symmetric" in got.provenance.warnings[0]


def test_prefixes_that_never_moved_have_no_score(make, gather, budget):
    """Rows of a single choice teach nothing, so all prefixes stay one vector."""
    tasks = [make(name, (1.0, 0.0), rows=5, choices=1) for name in ("a", "b", "c")]
    got = SmallPrefix(steps_per_task=1).fit(gather(*tasks), budget, seed=3)
    assert np.isnan(got.values_ST).all()
    assert got.extras["reliability"] is None


def test_cost_grows_with_the_tasks(toy, budget):
    cost = SmallPrefix(steps_per_task=10).cost(toy, budget)
    assert cost.runs == 2
    assert cost.flops == pytest.approx(2 * budget.recipe.of_steps(40).flops(3))
