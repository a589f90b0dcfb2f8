"""Trainings that scorers share: of every task alone, or of all together for a few steps."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy.shared import SINGLE_TASK, WARM_JOINT
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import derive_seeds, train_each_alone, train_jointly
from pipeline.relationships.scorers.logme import HScore, LogME
from pipeline.relationships.scorers.lookahead import LookAhead
from pipeline.relationships.scorers.prefix_gradient import PrefixGradient
from pipeline.relationships.scorers.prior import Prior
from pipeline.relationships.scorers.source_head import SourceHead


def pool_of(evidence):
    return pool_tasks(list(evidence.features.values()))


def test_single_tasks_are_trained_alone_in_each_seed(toy, budget):
    found = SINGLE_TASK.train(pool_of(toy), budget, seed=3)
    seeds = derive_seeds(3, "relate", count=2)
    expected = train_each_alone(pool_of(toy), budget.recipe, seeds=seeds)
    assert len(found.runs) == 2
    for got, wanted in zip(found.runs, expected, strict=True):
        assert (got.head_MH == wanted.head_MH).all()
    assert [len(batch.gold_MB[0]) for batch in found.probes] == [40] * 4


def test_joint_models_are_trained_on_all_tasks_for_a_few_steps(toy, budget):
    found = WARM_JOINT.train(pool_of(toy), budget, seed=3)
    seeds = derive_seeds(3, "relate", count=2)
    expected = train_jointly(pool_of(toy), budget.recipe.of_steps(15), seeds=seeds)
    assert [model.head_MH.shape for model in found.runs] == [(1, 4)] * 2
    assert (found.runs[1].head_MH == expected.model(1).head_MH).all()


@pytest.mark.parametrize("first", [SourceHead(), LookAhead()])
def test_a_scorer_asks_the_models_that_the_evidence_has(toy, budget, first):
    models = first.models(toy, budget, seed=3)
    given = replace(toy, models={first.shares.name: models})
    assert first.models(given, budget, seed=3) is models
    second = LogME() if first.shares == SINGLE_TASK else PrefixGradient()
    assert second.models(given, budget, seed=3) is models
    np.testing.assert_array_equal(
        second.fit(given, budget, seed=3).values_ST, second.fit(toy, budget, seed=3).values_ST
    )


def test_a_scorer_that_shares_nothing_has_no_models(toy, budget):
    with pytest.raises(TypeError, match="scorer 'prior' names no shared training"):
        Prior().models(toy, budget, seed=3)


def test_figures_are_taken_of_each_source_on_each_target_behind_the_source_s_prefix(toy, budget):
    found = SINGLE_TASK.train(pool_of(toy), budget, seed=3)
    asked = []

    def figure(model, batch):
        asked.append((model.linear_MD.sum(), int(batch.task_MB[0, 0]), len(batch.gold_MB[0])))
        return float(len(asked))

    values = found.ask_each(figure)
    assert values.shape == (2, 4, 4)
    assert values[1, 2, 3] == 16 + 2 * 4 + 3 + 1
    weights, prefix, rows = asked[16 + 2 * 4 + 3]
    assert weights == found.runs[1].model(2).linear_MD.sum()
    assert prefix == 2
    assert rows == len(found.probes[3].gold_MB[0])


def test_the_cost_is_a_training_a_task_and_seed_or_one_a_seed(toy, budget):
    cost = HScore().cost(toy, budget)
    assert (cost.runs, cost.flops) == (8, 8 * budget.recipe.flops(3))
    cost = PrefixGradient().cost(toy, budget)
    assert (cost.runs, cost.flops) == (2, 2 * budget.recipe.of_steps(15).flops(3))
