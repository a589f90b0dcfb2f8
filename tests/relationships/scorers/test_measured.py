from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.gains import measure_gains
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds
from pipeline.relationships.scorers.measured import HELD_OUT, MeasuredGain, split_rows


def parts_of(evidence, *, seed=0):
    parts = [split_rows(evidence.features[task], seed=seed) for task in evidence.tasks]
    return pool_tasks([part[0] for part in parts]), pool_tasks([part[1] for part in parts])


def test_gains_are_falls_of_the_held_out_loss(toy, budget):
    kept, held = parts_of(toy, seed=1)
    got = MeasuredGain().fit(toy, replace(budget, seeds=1), seed=1)
    found = measure_gains(
        kept, held, "apple", budget.recipe, seeds=derive_seeds(1, "relate", count=1)
    )
    assert got.column("apple") == pytest.approx(
        dict(zip(found.sources, found.loss.gain_KS[0].tolist(), strict=True)), abs=1e-4
    )
    assert np.isnan(np.diag(got.values_ST)).all()


def test_held_out_rows_are_not_trained_on(make):
    task = make("a", (1.0, 0.0), rows=50)
    kept, held = split_rows(task, seed=1)
    assert (len(kept), len(held)) == (50 - round(50 * HELD_OUT), round(50 * HELD_OUT))
    seen = {row.tobytes() for row in kept.features_OD}
    assert not seen & {row.tobytes() for row in held.features_OD}
    assert len(seen) + 2 * len(held) == 100


def test_the_smallest_tasks_have_a_row_of_each_kind_if_they_can(make):
    assert [len(part) for part in split_rows(make("a", (1.0, 0.0), rows=2), seed=1)] == [1, 1]
    assert [len(part) for part in split_rows(make("a", (1.0, 0.0), rows=1), seed=1)] == [1, 0]


def test_a_target_without_held_out_rows_has_no_gain(toy, budget, make, gather):
    tiny = make("tiny", (1.0, 0.0, 0.0), rows=1)
    evidence = gather(*list(toy.features.values())[:2], tiny)
    got = MeasuredGain().fit(evidence, budget, seed=1)
    assert got.column("tiny") == {}
    assert set(got.column("apple")) == {"berry", "tiny"}


def test_a_friend_gains_and_a_foe_harms(make, gather, budget):
    """Of 32 features one counts, which few rows do not show; and the big task gains nothing back."""
    way = np.eye(32)[0]
    evidence = gather(
        make("apple", way, rows=80, seed=1),
        make("berry", way, rows=400, seed=2),
        make("doubt", -way, rows=400, seed=3),
    )
    longer = replace(budget, recipe=budget.recipe.of_steps(200))
    got = MeasuredGain().fit(evidence, longer, seed=1)
    column = got.column("apple")
    assert column["berry"] > 0.1 > -0.1 > column["doubt"]
    assert got.column("berry")["apple"] < 0.0
    assert (got.unit, got.directional) == ("predicted_gain", True)


def test_cost_is_a_training_a_pair_and_one_a_target(toy, budget):
    cost = MeasuredGain().cost(toy, budget)
    assert cost.runs == 2 * (4 * 3 + 4)
    assert cost.flops == cost.runs * budget.recipe.flops(3)
    got = MeasuredGain().fit(toy, replace(budget, seeds=1), seed=1)
    assert got.provenance.cost["small_trainings"] == 16.0
    assert got.se_ST is None
