import numpy as np
import pytest

from pipeline.relationships.agreement.compare import align, compare_scorers
from pipeline.relationships.agreement.measure import asymmetry_captured, measure_agreement
from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.scores import Provenance, ScoreMatrix

NAN = np.nan
NAMES = ("a", "b", "c", "d")


def truth(runs=3, seed=0, names=NAMES):
    rng = np.random.default_rng(seed)
    gains = rng.normal(size=(len(names), len(names)))
    np.fill_diagonal(gains, NAN)
    noisy = gains + 0.01 * rng.normal(size=(runs, len(names), len(names)))
    return Truth(sources=names, targets=names, gains_KST=noisy)


def matrix(values, names=NAMES, unit="similarity"):
    origin = Provenance(scorer="mine", version="1", seed=0, inputs={}, cost={})
    return ScoreMatrix(
        sources=names, targets=names, values_ST=values, se_ST=None, directional=True, unit=unit,
        provenance=origin,
    )  # fmt: skip


def rows(*arguments, **options):
    return {row.name: row for row in compare_scorers(*arguments, seed=0, **options)}


def test_perfect_scores_and_the_company_they_are_in():
    known = truth()
    table = rows([matrix(known.mean_ST)], known, sizes=dict.fromkeys(NAMES, 5), families={"a": "x"})
    assert list(table) == [
        "mine", "random", "size", "same family", "popularity", "ceiling of symmetric scores",
        "ceiling of one run",
    ]  # fmt: skip
    best = table["mine"].figures
    assert best["spearman"].mean == pytest.approx(1.0)
    assert best["ndcg_linear"].mean == pytest.approx(1.0)
    assert best["regret_of_mean@1"].mean == pytest.approx(0.0, abs=1e-3)
    assert table["mine"].asymmetry == pytest.approx(1.0)
    assert table["mine"].pairs == 12
    assert table["random"].figures["spearman"].mean == 0.0
    assert np.isnan(table["ceiling of symmetric scores"].asymmetry)
    assert 0.9 < table["ceiling of one run"].figures["spearman"].mean <= 1.0


def test_random_is_the_mean_gain():
    known = truth()
    figures = rows([], known)["random"].figures
    assert figures["gain@1"].mean == pytest.approx(np.nanmean(known.mean_ST))


def test_popularity_plus_text_needs_text():
    known = truth()
    assert "popularity + text" not in rows([], known)
    assert "popularity + text" in rows([], known, text=known.mean_ST)


def test_partial_overlap_is_aligned_by_name():
    known = truth(names=("a", "b", "c"))
    values = np.arange(16.0).reshape(4, 4)
    result = align(matrix(values, names=("b", "z", "c", "y")), known)
    expected = [[NAN, NAN, NAN], [NAN, NAN, 2.0], [NAN, 8.0, NAN]]
    assert np.array_equal(result, expected, equal_nan=True)


def test_a_target_of_two_sources_does_not_count():
    known = truth()
    scores = known.mean_ST.copy()
    scores[1, 0] = NAN
    result = measure_agreement("x", scores, known, seed=0)
    assert np.isnan(result.per_target["spearman"][0])
    assert result.figures["spearman"].targets == 3
    assert result.pairs == 9


def test_calibration_is_the_slope_of_gains_on_predictions():
    known = truth(runs=1)
    result = measure_agreement("x", known.mean_ST * 2, known, seed=0, predicts_gain=True)
    assert result.calibration == pytest.approx(0.5)
    assert measure_agreement("x", known.mean_ST, known, seed=0).calibration is None


def test_names_and_their_sequence_do_not_matter():
    known, turn = truth(), [2, 0, 3, 1]
    names = tuple(NAMES[i] for i in turn)
    other = Truth(
        sources=names, targets=names, gains_KST=known.gains_KST[:, turn][:, :, turn]
    )  # fmt: skip
    scores = np.random.default_rng(5).integers(0, 3, (4, 4)).astype(float)
    one = measure_agreement("x", scores, known, seed=0)
    two = measure_agreement("x", scores[turn][:, turn], other, seed=0)
    for key, value in one.figures.items():
        assert two.figures[key].mean == pytest.approx(value.mean, nan_ok=True), key
    assert two.asymmetry == pytest.approx(one.asymmetry)


def test_asymmetry_of_a_reversed_score_is_minus_one():
    known = truth(runs=1)
    assert asymmetry_captured(known.mean_ST.T, known) == pytest.approx(-1.0)
