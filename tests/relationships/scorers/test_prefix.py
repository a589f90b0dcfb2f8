import numpy as np
import pytest

from pipeline.errors import ArtefactError
from pipeline.relationships.evidence import Evidence, Prefixes
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scorers.prefix import (
    PrefixCorrelation,
    PrefixStateCorrelation,
    correlations,
    movement,
    null_band,
)
from pipeline.seeds import derive_rng

TASKS = ("a", "b", "c", "d")


def prefixes(*, shared, moved=True, tasks=TASKS, width=64):
    """Prefixes of which `a` and `b` learnt the same, `c` the opposite, and `d` something else."""
    rng = derive_rng(1, "test")
    base = rng.standard_normal(width)
    initial = np.tile(base, (4, 1)) if shared else rng.standard_normal((4, width))
    skill, other = rng.standard_normal((2, width))
    change = np.array([skill, skill, -skill, other]) * (1.0 if moved else 1e-8)
    order = [TASKS.index(task) for task in tasks]
    return Prefixes(tasks=tasks, initial_TD=initial[order], final_TD=(initial + change)[order])


def score(found, *, centre=True, tasks=TASKS):
    scorer: Scorer = PrefixCorrelation(centre=centre)
    return scorer.fit(Evidence(tasks=tasks, prefixes=found), TrainingBudget(), seed=13)


def test_correlations_are_pearson_s():
    vectors = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.5], [3.0, 2.0, 1.0]])
    got = correlations(vectors, centre=False)
    expected = np.corrcoef(vectors)
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert got[0, 2] == pytest.approx(-1.0)


def test_centring_subtracts_the_mean_prefix():
    vectors = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 6.5], [3.0, 2.0, 1.0]])
    expected = np.corrcoef(vectors - vectors.mean(axis=0))
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(correlations(vectors, centre=True), expected, atol=1e-12)


def test_a_vector_that_does_not_vary_has_no_correlation():
    got = correlations(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [3.0, 2.0, 2.0]]), centre=False)
    assert np.isnan(got[0]).all()
    assert np.isnan(got[:, 0]).all()
    assert got[1, 2] == pytest.approx(-0.8660, abs=1e-4)


def test_prefixes_that_start_as_one_vector_have_no_scores_before_training():
    shared = np.tile(derive_rng(2, "x").standard_normal(64), (5, 1))
    assert np.isnan(correlations(shared, centre=True)).all()


def test_the_score_finds_what_was_learnt_together():
    matrix = score(prefixes(shared=True))

    assert matrix.column("a")["b"] == 1.0
    assert matrix.column("a")["c"] < -0.5
    assert not matrix.directional
    np.testing.assert_array_equal(matrix.values_ST, matrix.values_ST.T)


def test_raw_and_centred_are_both_kept_and_the_setting_picks_the_score():
    found = prefixes(shared=False)
    for centre, name in ((True, "centred"), (False, "raw")):
        matrix = score(found, centre=centre)
        assert matrix.extras["score"] == name
        np.testing.assert_allclose(
            np.array(matrix.extras["variants"][name]["values"], dtype=float), matrix.values_ST
        )
    assert list(matrix.extras["variants"]) == [
        "raw", "centred", "change", "change_centred", "step0", "step0_centred",
    ]  # fmt: skip


def test_change_from_the_start_is_what_was_added():
    variants = score(prefixes(shared=False)).extras["variants"]
    assert variants["change"]["values"][0][1:3] == [1.0, -1.0]
    shared = score(prefixes(shared=True)).extras["variants"]
    assert shared["change_centred"]["values"] == shared["centred"]["values"]
    assert shared["step0_centred"]["pairs"] == 0
    assert shared["step0_centred"]["mean_abs"] is None


def test_the_null_band_is_what_random_vectors_give():
    band = null_band((20, 400), centre=False, seed=1)
    assert band == null_band((20, 400), centre=False, seed=1)
    # r of normal vectors has standard deviation 1/sqrt(400): mean |r| 0.8, quantile 1.96 of those
    assert band["mean"] == pytest.approx(0.8 / 20, abs=0.002)
    assert band["q95"] == pytest.approx(1.96 / 20, abs=0.004)
    assert np.isnan(null_band((1, 8), centre=True, seed=1)["q95"])


def test_scores_inside_the_null_band_are_visible_and_warned_of():
    rng = derive_rng(3, "noise")
    noise = Prefixes(
        tasks=tuple("abcdefghij"),
        initial_TD=rng.standard_normal((10, 64)),
        final_TD=rng.standard_normal((10, 64)),
    )
    matrix = score(noise, centre=False, tasks=noise.tasks)
    variant = matrix.extras["variants"]["raw"]
    assert variant["inside_null"] >= 0.9
    assert variant["null"]["q95_abs"] == pytest.approx(1.96 / 8, abs=0.02)
    assert matrix.provenance.warnings == (
        "symmetric: the score of a pair says nothing of who helps whom",
        "9 of 10 pairs or more lie inside the band of random vectors",
    )


def test_prefixes_that_hardly_moved_are_warned_of():
    found = prefixes(shared=False, moved=False)
    warnings = score(found).provenance.warnings
    assert "the scores are those of the untrained prefixes: training hardly moved them" in warnings
    assert "centring 4 prefixes alone gives a mean correlation near -0.333" in warnings
    assert movement(found).max() < 1e-7
    assert movement(prefixes(shared=False)).min() > 0.5


def test_scores_do_not_depend_on_the_order_of_tasks():
    first = score(prefixes(shared=True))
    second = score(prefixes(shared=True, tasks=("c", "a", "d", "b")))
    np.testing.assert_array_equal(first.values_ST, second.values_ST)
    assert first.extras["variants"] == second.extras["variants"]


def test_a_model_of_another_mixture_is_refused():
    with pytest.raises(ArtefactError, match="the model has no prefix for task 'e'"):
        score(prefixes(shared=True), tasks=("a", "e"))
    with pytest.raises(ArtefactError, match="scorer 'prefix' needs a trained model"):
        score(None)


def test_states_in_context_are_another_score_of_the_same_formula():
    found = prefixes(shared=False)
    scorer = PrefixStateCorrelation()
    evidence = Evidence(tasks=TASKS, prefixes=prefixes(shared=True), prefix_states=found)
    matrix = scorer.fit(evidence, TrainingBudget(), seed=13)
    assert scorer.name == matrix.provenance.scorer == "prefix_state"
    np.testing.assert_array_equal(matrix.values_ST, score(found).values_ST)
    assert matrix.extras["variants"] == score(found).extras["variants"]
    assert matrix.extras["variants"]["step0_centred"]["pairs"] == 6
    with pytest.raises(ArtefactError, match="scorer 'prefix_state' needs a trained model") as error:
        scorer.fit(Evidence(tasks=TASKS, prefixes=found), TrainingBudget(), seed=13)
    assert "run `dvc repro features`" in str(error.value)


def test_one_task_alone_has_no_pairs():
    matrix = score(prefixes(shared=True), tasks=("a",))
    assert np.isnan(matrix.values_ST).all()
    assert matrix.extras["variants"]["centred"]["null"]["q95_abs"] is None
