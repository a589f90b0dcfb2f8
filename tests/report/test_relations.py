"""Frames of the relationship page, by hand."""

import numpy as np
import pytest

from pipeline.relationships.agreement.truth import Truth
from pipeline.report import relations
from tests.report.matrices import matrix

ONE = matrix(
    [[None, 0.5, 0.25, 0.0], [0.75, None, 0.5, 0.0], [0.5, 0.0, None, 0.0], [0.25, 1.0, 0.0, None]],
    scorer="one",
)
"""Sources a to d by targets a to d."""


def test_every_target_has_its_best_and_its_last_source():
    rows = relations.best_sources(ONE).rows()
    assert rows[0] == ("a", 3, "b 0.750", "c 0.500", "d 0.250", None)
    many = matrix([[None] * 5, [4.0] * 5, [3.0] * 5, [2.0] * 5, [1.0] * 5])
    assert relations.best_sources(many).rows()[0] == (
        "a",
        4,
        "b 4.000",
        "c 3.000",
        "d 2.000",
        "e 1.000",
    )
    assert relations.best_sources(matrix([[None, None], [1.0, None]])).rows() == [
        ("a", 1, "b 1.000", None, None, None),
        ("b", 0, None, None, None, None),
    ]


def test_asymmetry_names_the_higher_direction_and_both_ranks():
    assert relations.asymmetry(ONE, most=3).rows() == [
        ("d", "b", 1.0, 0.0, 1.0, 1, 1),  # all sources of d are level, so b is first of them too
        ("b", "c", 0.5, 0.0, 0.5, 1, 3),
        ("b", "a", 0.75, 0.5, 0.25, 1, 2),
    ]
    assert relations.asymmetry(ONE).height == 5


def test_pairs_that_were_scored_one_way_have_no_asymmetry():
    assert relations.asymmetry(matrix([[None, 1.0], [None, None]])).height == 0
    assert relations.asymmetry(matrix([[None, 1.0], [1.0, None]])).height == 0


def test_agreement_is_the_mean_rank_correlation_of_columns():
    back = matrix(-ONE.values_ST, scorer="back")
    frame = relations.agreement([ONE, back])
    assert frame.columns == ["scorer", "one", "back"]
    # of d all sources are level: it says nothing, and does not count
    assert frame.rows() == [("one", None, pytest.approx(-1.0)), ("back", pytest.approx(-1.0), None)]


def test_scorers_without_three_sources_in_common_have_no_agreement():
    few = matrix([[None, 1.0], [2.0, None]], scorer="few")
    assert relations.agreement([ONE, few])["few"].to_list() == [None, None]


def truth(values, names="abcd"):
    return Truth(sources=tuple(names), targets=tuple(names), gains_KST=np.array(values)[None])


def test_scorers_stand_against_the_truth_best_first():
    gains = ONE.values_ST * 2.0
    back = matrix(-ONE.values_ST, scorer="back", unit="predicted_gain")
    frame = relations.against_truth([back, ONE], truth(gains), seed=0)
    assert frame["scorer"].to_list() == ["one", "back"]
    assert frame["spearman"].to_list() == pytest.approx([1.0, -1.0])
    assert frame["targets"].to_list() == [3, 3]
    assert frame["calibration"].to_list() == [None, pytest.approx(-2.0)]


def test_a_scorer_of_other_tasks_does_not_stand_there():
    others = matrix([[None, 1.0], [2.0, None]], names=["x", "y"])
    assert relations.against_truth([others], truth(ONE.values_ST), seed=0).height == 0


def test_points_are_pairs_that_have_both():
    measured = truth([[np.nan, 1.0], [2.0, np.nan]], "bx")
    assert relations.predicted(ONE, measured).height == 0
    assert relations.predicted(ONE, truth([[np.nan, 0.125], [np.nan, np.nan]], "ab")).rows() == [
        ("a", "b", 0.5, 0.125)
    ]
