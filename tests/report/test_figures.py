"""Frames for charts hold exactly what the stages wrote."""

import polars as pl

from pipeline.report import figures


def test_tasks_of_a_family_stand_together():
    families = {"b": "x", "a": "y", "c": "x"}
    assert figures.by_family(families) == ["b", "c", "a"]


def test_scores_are_put_into_the_order_of_the_tasks():
    scores = pl.DataFrame(
        {
            "source": ["a", "b", "a", "gone"],
            "target": ["b", "a", "a", "a"],
            "score": [0.1, 0.2, None, 1.0],
            "se": [None] * 4,
        }
    )
    assert figures.relationships(scores, ["b", "a"]).rows() == [
        ("a", "b", 0.1),
        ("b", "a", 0.2),
        ("a", "a", None),
    ]


def test_an_audit_becomes_a_bar_asked_and_a_bar_got():
    audit = {"tasks": [{"task": "a", "share": 0.25, "got_share": 0.2, "quota": 1}]}
    assert figures.composition({"compass": audit}).rows() == [
        ("compass", "a", "asked", 0.25),
        ("compass", "a", "got", 0.2),
    ]


def test_long_logs_are_averaged_over_equal_stretches():
    log = pl.DataFrame({"step": range(1, 11), "loss": [float(i) for i in range(10)]})
    frame = figures.losses({"compass": log}, points=5)
    assert frame.rows()[:2] == [("compass", 2, 0.5), ("compass", 4, 2.5)]
    assert frame.height == 5


def test_short_logs_are_kept_as_they_are():
    log = pl.DataFrame({"step": [1, 2], "loss": [2.0, 1.0]})
    assert figures.losses({"a": log, "b": log}).rows() == [
        ("a", 1, 2.0),
        ("a", 2, 1.0),
        ("b", 1, 2.0),
        ("b", 2, 1.0),
    ]


def test_accuracy_is_unfolded_by_series_in_the_order_of_the_tasks():
    per_task = pl.DataFrame(
        {"task": ["a", "b"], "family": ["x", "x"], "chance": [0.5, 0.25], "compass": [0.9, None]}
    )
    assert figures.accuracy(per_task, ["b", "a"]).rows() == [
        ("b", "chance", 0.25),
        ("a", "chance", 0.5),
        ("b", "compass", None),
        ("a", "compass", 0.9),
    ]
