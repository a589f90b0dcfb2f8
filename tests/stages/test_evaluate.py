import numpy as np
import polars as pl

from pipeline.metrics.answers import answers_of
from pipeline.stages.evaluate import baseline_figures, by_task
from pipeline.training.view import JudgedTask, PromptName


def frame(choices, label=None, labels=None):
    rows = len(choices)
    return pl.DataFrame(
        {
            "choices": pl.Series(choices, dtype=pl.List(pl.String)),
            "label": pl.Series(label or [None] * rows, dtype=pl.Int32),
            "labels": pl.Series(labels or [None] * rows, dtype=pl.List(pl.Int32)),
        }
    )


def answered(table, scores):
    golds = [row or [] for row in table["labels"].to_list()]
    return answers_of(
        np.array(scores, dtype=np.float32),
        np.concatenate(([0], np.cumsum(table["choices"].list.len().to_numpy()))).astype(np.int64),
        label=table["label"].fill_null(-1).cast(pl.Int64).to_numpy(),
        golds=np.array([gold for row in golds for gold in row], dtype=np.int64),
        gold_offsets=np.concatenate(([0], np.cumsum([len(r) for r in golds]))).astype(np.int64),
        multi=table["labels"].is_not_null().to_numpy(),
        source=np.arange(table.height),
    )


def test_baselines_of_fixed_classes_are_the_majority():
    train = frame([["no", "yes"]] * 4, label=[1, 1, 0, 1])
    report = frame([["no", "yes"]] * 4, label=[1, 0, 0, None])
    found = baseline_figures([answered(report, [0.0] * 8)], train, report)
    assert found == {"chance": 0.5, "majority": 0.333333, "choice_only": 0.333333}


def test_baselines_of_gold_sets_count_hits():
    classes = ["a", "b", "c", "d"]
    train = frame([classes] * 3, labels=[[0, 2], [2], [1, 2]])
    report = frame([classes] * 3, labels=[[2, 3], [0], []])
    found = baseline_figures([answered(report, [0.0] * 12)], train, report)
    assert found == {"chance": 0.375, "majority": 0.5, "choice_only": 0.5}


def test_the_wording_of_choices_is_its_own_baseline():
    cue = [["blue sky", "not red"], ["not one", "two"], ["x", "not y"], ["not p", "q"]] * 10
    train = frame(cue, label=[1, 0, 1, 0] * 10)
    report = frame([["apple", "not pear"], ["not seven", "eight"]], label=[1, 0])
    found = baseline_figures([answered(report, [0.0] * 4)], train, report)
    assert (found["majority"], found["choice_only"]) == (0.5, 1.0)


def test_a_row_counts_once_for_the_baselines_whatever_its_prompts():
    train = frame([["no", "yes"]] * 3, label=[1, 1, 0])
    report = frame([["no", "yes"]] * 3, label=[1, 0, 0])
    one, other = answered(report, [0.0] * 6), answered(report[:1], [0.0] * 2)
    found = baseline_figures([one, other], train, report)
    assert found == {"chance": 0.5, "majority": 0.333333, "choice_only": 0.333333}


def test_chance_is_that_of_the_options_that_were_asked():
    report = frame([["no", "yes"]] * 2, label=[1, 0])
    four = frame([["a", "b", "c", "d"]] * 2, label=[1, 0])
    train = frame([["no", "yes"]], label=[1])
    parts = [answered(report, [0.0] * 4), answered(four, [0.0] * 8)]
    assert baseline_figures(parts, train, report)["chance"] == 0.375


def test_without_train_rows_there_is_chance_alone():
    report = frame([["no", "yes"]] * 2, label=[1, 0])
    for train in (frame([]), frame([["no", "yes"]], label=[None])):
        assert baseline_figures([answered(report, [0.0] * 4)], train, report) == {"chance": 0.5}


def test_a_task_without_report_rows_has_no_baselines():
    empty = frame([])
    train = frame([["a", "b"]], label=[0])
    assert baseline_figures([answered(empty, [])], train, empty) == {}


def test_answers_of_a_task_stand_together():
    nothing = answered(frame([]), [])
    parts = [
        JudgedTask(task, "x", nothing, None, prompt=PromptName(prompt, prompt))
        for task, prompt in (("a", "p"), ("a", "q"), ("b", "p"))
    ]
    assert by_task(parts) == {"a": parts[:2], "b": parts[2:]}
