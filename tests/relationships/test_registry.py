"""What every scorer promises, whatever its formula."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from benchmarks.planted.levels import LEVELS
from pipeline.config.params import RelateParams
from pipeline.errors import ArtefactError
from pipeline.relationships.agreement.measure import PER_TARGET
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.registry import SCORERS
from pipeline.relationships.scorer import SYMMETRIC, Need, Scorer
from pipeline.relationships.scorers.gradient import GradientCosine
from pipeline.relationships.scorers.measured import MeasuredGain
from pipeline.relationships.scorers.small_prefix import SmallPrefix
from pipeline.relationships.scores import Provenance

FEATURED = [name for name, scorer in SCORERS.items() if "features" in scorer.needs]
TRAINS_NOTHING = {"embedding"}
"""Of those."""
OFF = ~np.eye(3, dtype=bool)


def scorer_of(name) -> Scorer:
    return SmallPrefix(steps_per_task=5) if name == "small_prefix" else SCORERS[name]()


def test_every_scorer_says_what_it_is():
    assert {"prefix", "source_head", "measured"} <= set(SCORERS)
    for name, scorer in SCORERS.items():
        assert scorer.name == name
        assert scorer.needs <= set(get_args(Need))
        assert set(scorer.views) <= {"choice", "text"}
        # features and states are those of choices, which the text view has not
        choices = {"features", "prefix_states"} & scorer.needs
        assert (scorer.views == ("choice",)) == bool(choices), name


def test_settings_reach_the_scorer_that_has_them():
    params = RelateParams(centre=False)
    assert not SCORERS["prefix"].from_params(params).centre
    assert not SCORERS["prefix_state"].from_params(params).centre
    assert SCORERS["text"].from_params(params) == SCORERS["text"]()


def test_runs_become_a_mean_with_its_standard_error():
    evidence = Evidence(tasks=("a", "b", "c"), inputs={"here": "f00"})
    runs = np.full((3, 3, 3), np.nan)
    runs[:, OFF] = [[1.0, 2, 3, 4, 5, 6], [3.0, 2, 3, 4, 5, np.nan], [5.0, 2, 3, 4, 5, 6]]
    got = MeasuredGain().matrix_of(evidence, runs, seed=4, cost={"rows": 2.0}, extras={"more": 1})
    assert got.column("b") == {"a": 3.0}  # a pair that one run lacks has no mean
    assert got.se_ST[0, 1] == pytest.approx(2.0 / 3**0.5, abs=1e-4)
    assert set(got.extras) == {"more", "reliability"}
    assert (got.unit, got.signed, got.directional) == ("predicted_gain", True, True)
    assert got.provenance == Provenance(
        scorer="measured", version="1", seed=4, inputs={"here": "f00"}, cost={"rows": 2.0}
    )
    single = GradientCosine().matrix_of(evidence, runs[:1], seed=4, warnings=("careful",))
    assert single.se_ST is None
    assert single.provenance.warnings == (SYMMETRIC, "careful")


@pytest.mark.parametrize("name", FEATURED)
def test_scores_do_not_hang_on_the_sequence_of_tasks(name, toy, budget):
    """Exactly: batches are put together by the tasks' names, and draws are keyed by them."""
    got = scorer_of(name).fit(toy, budget, seed=3)
    turned = replace(
        toy, tasks=toy.tasks[::-1], features=dict(sorted(toy.features.items(), reverse=True))
    )
    other = scorer_of(name).fit(turned, budget, seed=3)
    np.testing.assert_array_equal(got.values_ST, other.values_ST[::-1, ::-1])
    np.testing.assert_array_equal(got.se_ST, other.se_ST[::-1, ::-1])


@pytest.mark.parametrize("name", FEATURED)
def test_the_same_evidence_and_seed_give_the_same_and_another_seed_not(name, toy, budget):
    fit = scorer_of(name).fit
    one = fit(toy, budget, seed=3).values_ST
    np.testing.assert_array_equal(one, fit(toy, budget, seed=3).values_ST)
    assert (one != fit(toy, budget, seed=4).values_ST).any()


@pytest.mark.parametrize("name", FEATURED)
def test_provenance_and_shape(name, toy, budget):
    scorer = scorer_of(name)
    got = scorer.fit(toy, budget, seed=3)
    assert got.sources == got.targets == toy.tasks
    assert np.isnan(np.diag(got.values_ST)).all()
    assert np.isfinite(got.values_ST[~np.eye(4, dtype=bool)]).all()
    asymmetric = not np.array_equal(got.values_ST, got.values_ST.T, equal_nan=True)
    assert got.directional == asymmetric
    origin = got.provenance
    assert (origin.scorer, origin.seed, origin.inputs) == (name, 3, {"here": "f00"})
    if name in TRAINS_NOTHING:
        assert scorer.cost(toy, budget).runs == 0
        return
    assert origin.cost["small_trainings"] == scorer.cost(toy, budget).runs > 0
    assert "reliability" in got.extras


@pytest.mark.parametrize("name", FEATURED)
def test_missing_features_are_named(name, toy, budget):
    without = replace(toy, features={k: v for k, v in toy.features.items() if k != "berry"})
    said = f"scorer '{name}' needs features of task 'berry', and there are none"
    with pytest.raises(ArtefactError, match=said) as error:
        scorer_of(name).fit(without, budget, seed=3)
    assert "run `dvc repro features`, or take the scorer out" in str(error.value)


@pytest.mark.parametrize("name", FEATURED)
def test_a_source_that_teaches_nothing_has_no_score_or_a_measured_one(
    name, toy, budget, make, gather
):
    """Rows of a single choice: never a 0 that was not measured, and no warning of NumPy's."""
    evidence = gather(make("alone", (1.0, 0.0, 0.0), choices=1), *toy.features.values())
    got = scorer_of(name).fit(evidence, budget, seed=3)
    inner = got.values_ST[1:, 1:]
    assert np.isfinite(inner[~np.eye(4, dtype=bool)]).all()
    assert not (got.values_ST == 0.0).any() or name == "measured"


@pytest.mark.parametrize("name", ["logme", "hscore", "source_head"])
def test_names_count_where_something_is_drawn_by_them(name, toy, budget):
    """The walk through a task's rows is keyed by its name, so another name is another draw."""
    names = {task: f"x_{task}" for task in toy.tasks}
    renamed = replace(
        toy,
        tasks=tuple(names.values()),
        features={names[t]: replace(f, name=names[t]) for t, f in toy.features.items()},
    )
    one, two = (scorer_of(name).fit(e, budget, seed=3).values_ST for e in (toy, renamed))
    assert (one != two).any()
    # another draw, not another answer
    off = ~np.eye(4, dtype=bool)
    assert np.corrcoef(one[off], two[off])[0, 1] > 0.8


def test_the_page_tells_of_every_scorer_and_metric():
    page = (Path(__file__).parents[2] / "docs/relationships.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    told = {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}
    metrics = {name.partition("@")[0] for name in PER_TARGET}
    assert {*SCORERS, "stack", *LEVELS, *metrics} <= {name.partition("@")[0] for name in told}
    for level in LEVELS.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{level.name}` |"))
        cluster = 1 if level.friends else 0
        assert f"| {level.general:g} : {cluster} : {level.own:g} | {level.noise:g} |" in row
        low, high = level.flips
        assert f"{100 * low:g} to {100 * high:g} % | {level.rows[0]} to {level.rows[1]} |" in row
