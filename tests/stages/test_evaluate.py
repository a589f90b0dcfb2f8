import numpy as np
import polars as pl
import pytest

from pipeline.config.params import EvaluateParams
from pipeline.config.settings import EvaluateSettings
from pipeline.metrics.answers import answers_of
from pipeline.stages.evaluate import (
    baseline_figures,
    metrics,
    model_figures,
    per_task,
    predictions,
)
from pipeline.training.judge import Judged


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
    found = baseline_figures(answered(report, [0.0] * 8), train, report)
    assert found == {"chance": 0.5, "majority": 0.333333, "choice_only": 0.333333}


def test_baselines_of_gold_sets_count_hits():
    classes = ["a", "b", "c", "d"]
    train = frame([classes] * 3, labels=[[0, 2], [2], [1, 2]])
    report = frame([classes] * 3, labels=[[2, 3], [0], []])
    found = baseline_figures(answered(report, [0.0] * 12), train, report)
    assert found == {"chance": 0.375, "majority": 0.5, "choice_only": 0.5}


def test_the_wording_of_choices_is_its_own_baseline():
    cue = [["blue sky", "not red"], ["not one", "two"], ["x", "not y"], ["not p", "q"]] * 10
    train = frame(cue, label=[1, 0, 1, 0] * 10)
    report = frame([["apple", "not pear"], ["not seven", "eight"]], label=[1, 0])
    found = baseline_figures(answered(report, [0.0] * 4), train, report)
    assert (found["majority"], found["choice_only"]) == (0.5, 1.0)


def test_a_task_without_report_rows_has_no_figures():
    empty = frame([])
    answers = answered(empty, [])
    assert baseline_figures(answers, frame([["a", "b"]], label=[0]), empty) == {}
    table = per_task({"compass": {"t": {"rows": 0}}}, {"t": {}}, [Judged("t", "x", answers, None)],
                     {"t": "f"})  # fmt: skip
    assert table.row(0)[:7] == ("t", "f", 0, None, None, None, None)
    assert predictions({"compass": [Judged("t", "x", answers, None)]}).height == 0


def test_metrics_are_means_over_tasks_and_name_the_target():
    models = {"compass": {"a": {"accuracy": 0.5}, "b": {"accuracy": 1.0}, "c": {"rows": 0}}}
    found = metrics(models, {"a": {"chance": 0.5, "majority": 0.5, "choice_only": 0.25}}, "b")
    assert found["compass"]["accuracy_macro"] == 0.75
    assert found["compass"]["accuracy_target"] == 1.0
    assert found["baselines"] == {"chance": 0.5, "majority": 0.5, "choice_only": 0.25}
    assert found["target"] == "b"


def test_tasks_of_free_text_have_the_figures_that_the_judge_gives():
    settings = EvaluateSettings(
        name="x", seed=0, tasks=("t",), families={"t": "f"}, target="t", max_tokens=16,
        evaluate=EvaluateParams(),
    )  # fmt: skip
    nothing = answered(frame([]), [])
    found = {"rows": 7, "accuracy": 0.5, "exact_match": 0.5}
    free = Judged("t", "text_to_text", nothing, None, found, "mean")
    models = {"compass": model_figures([free], settings)}
    assert models == {"compass": {"t": found}}
    table = per_task(models, {"t": {}}, [free], {"t": "f"})
    assert table.select("rows", "choices", "compass").row(0) == (7, None, 0.5)
    ranked = Judged("t", "multiple_choice", nothing, None, {"accuracy_sum": 0.25}, "sum")
    assert model_figures([ranked], settings)["t"] == {"rows": 0, "accuracy_sum": 0.25}


def test_predictions_leave_hidden_labels_null():
    report = frame([["a", "b"]] * 2, label=[1, None])
    answers = answered(report, [0.0, 2.0, 3.0, 0.0])
    table = predictions({"compass": [Judged("t", "x", answers, None)]})
    assert table["label"].to_list() == [1, None]
    assert table["predicted"].to_list() == [1, 0]
    assert table["probability"].to_list() == pytest.approx([0.880797, 0.952574])
    assert table.schema["label"] == pl.Int32
