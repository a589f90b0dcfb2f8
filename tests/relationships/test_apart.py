"""Models of every task alone: trained once for one evidence, and asked by whoever wants."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.apart import cost_apart, trained_apart
from pipeline.relationships.proxy import runs


@pytest.fixture
def trained(monkeypatch):
    """Seeds of every training that was done."""
    seen, real = [], runs.apart
    monkeypatch.setattr(
        runs, "apart", lambda *a, seeds: seen.append(list(seeds)) or real(*a, seeds=seeds)
    )
    return seen


def test_a_second_scorer_finds_the_first_one_s_models(toy, budget, trained):
    one = trained_apart(toy, budget, seed=3, scorer="a")
    assert trained_apart(toy, budget, seed=3, scorer="b") is one
    assert len(trained) == 1
    assert (len(one.models), len(one.probes)) == (2, 4)


@pytest.mark.parametrize("change", ["seed", "seeds", "recipe", "evidence"])
def test_another_training_is_trained(toy, budget, trained, change):
    first = trained_apart(toy, budget, seed=3, scorer="a")
    other = {
        "seed": (toy, budget, 4),
        "seeds": (toy, replace(budget, seeds=1), 3),
        "recipe": (toy, replace(budget, recipe=budget.recipe.of_steps(5)), 3),
        "evidence": (replace(toy, tasks=toy.tasks[:3]), budget, 3),
    }[change]
    evidence, spending, seed = other
    assert trained_apart(evidence, spending, seed=seed, scorer="a") is not first
    assert len(trained) == 2


def test_figures_are_taken_of_each_source_on_each_target_behind_the_source_s_prefix(toy, budget):
    found = trained_apart(toy, budget, seed=3, scorer="a")
    asked = []

    def figure(model, batch):
        asked.append((model.linear_MD.sum(), int(batch.task_MB[0, 0]), len(batch.gold_MB[0])))
        return float(len(asked))

    values = found.figures(figure)
    assert values.shape == (2, 4, 4)
    assert values[1, 2, 3] == 16 + 2 * 4 + 3 + 1
    weights, prefix, rows = asked[16 + 2 * 4 + 3]
    assert weights == found.models[1].model(2).linear_MD.sum()
    assert prefix == 2
    assert rows == len(found.probes[3].gold_MB[0])
    assert np.isfinite(values).all()


def test_the_cost_is_a_training_a_task_and_seed(toy, budget):
    cost = cost_apart(toy, budget)
    assert (cost.runs, cost.flops) == (8, 8 * budget.recipe.flops(3))
