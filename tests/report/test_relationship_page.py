"""The relationship sections: what is there is shown, what is missing is a sentence."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.agreement.truth import Truth
from pipeline.report import relationship_page as made
from tests.report.matrices import matrix

RNG = np.random.default_rng(4)
VALUES = np.where(np.eye(5, dtype=bool), np.nan, RNG.normal(size=(5, 5)))
GAINS = matrix(VALUES, scorer="gainer", unit="predicted_gain")
TWO = matrix(VALUES + VALUES.T, scorer="even", directional=False)


def words(section):
    return " ".join(section.notes)


def test_the_scorer_that_tailor_chose_by_comes_first():
    section = made.relationships([GAINS, TWO], chosen_by="even", target="a")
    assert [tab.title for tab in section.tabs] == ["even", "gainer"]
    assert "2 scorers over 5 tasks" in words(section)
    assert "groups" not in words(section)
    even, gainer = section.tabs
    assert "Tailor chose by it" in words(even)
    assert "there is no asymmetry to show" in words(even)
    assert (len(even.figures), len(even.tables)) == (1, 0)
    assert "the 10 pairs whose two directions differ most" in words(gainer)
    assert (len(gainer.figures), len(gainer.tables)) == (2, 1)
    assert "20 of 20 pairs were scored" in words(gainer)


def test_a_scorer_without_a_score_is_a_sentence():
    empty = matrix([[None, None], [None, None]], scorer="empty")
    (tab,) = made.relationships([empty], chosen_by="empty", target=None).tabs
    assert "It scored no pair: there is nothing to draw." in words(tab)
    assert (tab.figures, tab.tables) == ((), ())


def test_many_warnings_are_folded_up():
    few, many = (replace(TWO.provenance, warnings=tuple(f"w{i}" for i in range(n))) for n in (5, 6))
    (tab,) = made.relationships([replace(TWO, provenance=few)], chosen_by="x", target=None).tabs
    assert {"w0", "w4"} <= set(tab.notes)
    (tab,) = made.relationships([replace(TWO, provenance=many)], chosen_by="x", target=None).tabs
    assert "w0" not in tab.notes
    title, frame = tab.folded[1]
    assert (title, frame["warning"].to_list()[-1]) == ("6 warnings of the scorer", "w5")


def test_too_many_tasks_are_drawn_as_groups_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr(made, "MOST_TASKS", 3)
    section = made.relationships([GAINS], chosen_by="even", target="a")
    assert "each picture draws 3 groups of them" in words(section)
    assert section.tabs[0].figures[0].count("→") == 9
    assert section.tabs[0].folded[0][1].height == 5


def test_one_scorer_agrees_with_nobody():
    assert "one scorer alone" in words(made.agreement([TWO]))
    (table,) = made.agreement([TWO, GAINS]).tables
    assert table.columns == ["scorer", "even", "gainer"]


def test_without_measured_gains_the_page_says_where_to_put_them():
    section = made.gains([TWO, GAINS], None, origin="data/x/truth/gains.csv", target="a")
    assert section.notes[0].endswith("target, source, gain at data/x/truth/gains.csv.")
    assert (section.figures, section.tables) == ((), ())


def test_predictions_are_held_against_the_measured_scorer():
    measured = matrix(VALUES, scorer="measured", unit="predicted_gain")
    section = made.gains([TWO, GAINS, measured], None, origin="there", target="a")
    assert "Measured gains: the scorer 'measured', 5 targets. Rank" in words(section)
    (table,) = section.tables
    assert table["scorer"].to_list() == ["gainer", "even"]
    assert table["spearman"][0] == pytest.approx(1.0)
    (drawing,) = section.figures
    assert "other targets" in drawing


def test_a_given_truth_goes_before_the_measured_scorer():
    measured = matrix(VALUES, scorer="measured", unit="predicted_gain")
    truth = Truth(sources=tuple("abcde"), targets=tuple("abcde"), gains_KST=np.stack([VALUES] * 2))
    section = made.gains([TWO, measured], truth, origin="gains.csv", target="a")
    assert "Measured gains: gains.csv, 5 targets. Rank" in words(section)
    assert section.tables[0]["scorer"].to_list() == ["measured", "even"]
    section = made.gains([TWO], truth, origin="gains.csv", target="a")
    assert "there is no scatter plot" in words(section)
    assert section.figures == []


def test_a_truth_of_other_tasks_is_a_sentence():
    truth = Truth(sources=("x",), targets=("y",), gains_KST=np.ones((1, 1, 1)))
    section = made.gains([TWO], truth, origin="gains.csv", target="a")
    assert section.notes == ["No scorer and gains.csv have three sources of a target in common."]


def test_many_points_are_thinned_and_the_target_s_stay(monkeypatch):
    monkeypatch.setattr(made, "MOST_POINTS", 8)
    measured = matrix(VALUES, scorer="measured", unit="predicted_gain")
    section = made.gains([GAINS, measured], None, origin="there", target="a")
    assert "'gainer': 8 of 20 pairs are drawn, all of the target's among them." in section.notes
