import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorers.prior import Prior

EVIDENCE = Evidence(
    tasks=("a", "b", "c"),
    sizes={"a": 10, "b": 1000, "c": 0},
    forms={"a": "span", "b": "span", "c": "classification"},
    families={"a": "x", "b": "y", "c": "x"},
    inputs={"train/a": "f00"},
)


def fit(evidence, seed=0):
    return Prior().fit(evidence, TrainingBudget(), seed=seed)


def test_family_form_and_size_by_hand():
    got = fit(EVIDENCE)
    expected = [
        [math.nan, 0.5 + 0.1, 1.0 + 0.1],  # log10 of 10 rows
        [0.5 + 0.3, math.nan, 0.3],
        [1.0, 0.0, math.nan],  # no rows add nothing
    ]
    np.testing.assert_allclose(got.values_ST, expected, atol=1e-12)
    assert got.directional
    assert got.se_ST is None
    assert got.provenance.inputs == {"train/a": "f00"}


def test_what_is_unknown_is_not_the_same():
    bare = replace(EVIDENCE, forms={}, families={})
    np.testing.assert_allclose(fit(bare).column("a")["b"], 0.3)
    assert fit(bare).column("b") == {"a": 0.1, "c": 0.0}


@pytest.mark.parametrize("order", [("c", "a", "b"), ("b", "c", "a")])
def test_the_sequence_of_tasks_does_not_matter(order):
    got, other = fit(EVIDENCE), fit(replace(EVIDENCE, tasks=order))
    for target in order:
        assert got.column(target) == other.column(target)


def test_names_and_seeds_do_not_matter():
    names = {"a": "zebra", "b": "mule", "c": "ant"}
    renamed = Evidence(
        tasks=tuple(names[task] for task in EVIDENCE.tasks),
        **{
            key: {names[task]: value for task, value in getattr(EVIDENCE, key).items()}
            for key in ("sizes", "forms", "families")
        },
    )
    np.testing.assert_array_equal(fit(EVIDENCE).values_ST, fit(renamed, seed=9).values_ST)


def test_it_costs_nothing():
    assert Prior().cost(EVIDENCE, TrainingBudget()) == Cost()
