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
    assert figures.accuracy(per_task, ["b", "a"], series=["chance", "compass"]).rows() == [
        ("b", "chance", 0.25),
        ("a", "chance", 0.5),
        ("b", "compass", None),
        ("a", "compass", 0.9),
    ]


def test_a_race_s_bars_are_standard_errors_of_the_distance_to_the_best():
    arms = [
        {"k": 4, "tasks": [], "loss": 0.5, "behind": 0.0, "se": 0.0, "won": False},
        {"k": 0, "tasks": [], "loss": 0.75, "behind": 0.25, "se": 0.125, "won": True},
    ]
    assert figures.race(arms).rows() == [(0, 0.75, 0.625, 0.875, True), (4, 0.5, 0.5, 0.5, False)]


TASK_LOG = pl.DataFrame(
    {
        "step": [1, 2, 2, 3, 4],
        "task": ["a", "a", "b", "a", "a"],
        "examples": [1, 3, 2, 4, 4],
        "loss": [4.0, 0.0, 1.5, 0.5, 0.25],
        "accuracy": [0.0, 1.0, 0.5, 1.0, 0.5],
    }
)


def test_lines_of_a_task_are_put_together_by_their_examples():
    frame = figures.loss_by_task({"compass": TASK_LOG}, points=2)
    assert frame.rows() == [
        ("compass", "a", 2, 4, 1.0, 0.75),
        ("compass", "a", 4, 8, 0.375, 0.75),
        ("compass", "b", 2, 2, 1.5, 0.5),
    ]
    assert figures.loss_by_task({"compass": TASK_LOG}).height == 5


def test_the_task_with_the_highest_last_loss_comes_first():
    both = {"compass": TASK_LOG, "tailored": TASK_LOG.with_columns(pl.lit(9.0).alias("loss"))}
    assert figures.worst_first(figures.loss_by_task(both, points=2)) == ["b", "a"]
