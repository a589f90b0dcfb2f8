import numpy as np
import polars as pl
import pytest

from pipeline.config.params import EvaluateParams
from pipeline.config.settings import EvaluateSettings
from pipeline.metrics.answers import answers_of
from pipeline.stages.evaluation_tables import (
    metrics,
    model_figures,
    per_prompt,
    per_task,
    predictions,
)
from pipeline.training.view import JudgedTask, PromptName

SETTINGS = EvaluateSettings(
    name="x", seed=0, tasks=("t", "u"), families={"t": "f", "u": "g"}, target="t", max_tokens=16,
    trainings=("compass", "tailored"),
    held_out=("u",), evaluate=EvaluateParams(),
)  # fmt: skip


def answered(scores, label, source=None):
    """Answers to rows of two options."""
    rows = len(label)
    return answers_of(
        np.array(scores, dtype=np.float32),
        np.arange(rows + 1) * 2,
        label=np.array(label, dtype=np.int64),
        golds=np.zeros(0, dtype=np.int64),
        gold_offsets=np.zeros(rows + 1, dtype=np.int64),
        multi=np.zeros(rows, dtype=bool),
        source=np.array(range(rows) if source is None else source, dtype=np.int64),
    )


NOTHING = answered([], [])


def prompted(task, prompt, scores, label, accuracy, source=None):
    figures = {"accuracy_sum": accuracy, "accuracy_mean": 1 - accuracy}
    answers = answered(scores, label, source)
    return JudgedTask(
        task, "multiple_choice", answers, None, figures, "sum", PromptName(prompt, f"{prompt}!")
    )


def test_metrics_are_means_over_tasks_and_name_the_target():
    models = {"compass": {"a": {"accuracy": 0.5}, "b": {"accuracy": 1.0}, "c": {"rows": 0}}}
    found = metrics(models, {"a": {"chance": 0.5, "majority": 0.5, "choice_only": 0.25}}, "b")
    assert found["compass"]["accuracy_macro"] == 0.75
    assert found["compass"]["accuracy_target"] == 1.0
    assert found["baselines"] == {"chance": 0.5, "majority": 0.5, "choice_only": 0.25}
    assert found["target"] == "b"
    assert not {"held_out", "baselines_held_out"} & set(found)


def test_held_out_tasks_have_a_mean_of_their_own():
    models = {"compass": {"a": {"accuracy": 0.5}, "b": {"accuracy": 1.0}, "c": {"accuracy": 0.2}}}
    baselines = {"a": {"chance": 0.5}, "b": {"chance": 0.25}, "c": {"chance": 0.1}}
    found = metrics(models, baselines, "a", held_out=("c", "b"))
    assert found["held_out"] == ["b", "c"]
    assert found["compass"]["accuracy_macro"] == 0.5
    assert found["compass"]["accuracy_macro_held_out"] == 0.6
    assert found["baselines"]["chance"] == 0.5
    assert found["baselines_held_out"]["chance"] == 0.175


def test_a_task_without_report_rows_has_no_figures():
    part = JudgedTask("t", "x", NOTHING, None)
    table = per_task({"compass": {"t": {"rows": 0}}}, {"t": {}}, {"t": [part]}, {"t": "f"})
    assert table.row(0)[:7] == ("t", "f", 0, None, None, None, None)
    assert predictions({"compass": {"t": [part]}}).height == 0


def test_tasks_of_free_text_have_the_figures_that_the_judge_gives():
    found = {"rows": 7, "accuracy": 0.5, "exact_match": 0.5}
    free = JudgedTask("t", "text_to_text", NOTHING, None, found, "mean")
    models = {"compass": model_figures({"t": [free]}, SETTINGS)}
    assert models == {"compass": {"t": found}}
    table = per_task(models, {"t": {}}, {"t": [free]}, {"t": "f"})
    assert table.select("rows", "choices", "compass", "held_out").row(0) == (7, None, 0.5, False)
    ranked = JudgedTask("t", "multiple_choice", NOTHING, None, {"accuracy_sum": 0.25}, "sum")
    assert model_figures({"t": [ranked]}, SETTINGS)["t"] == {"rows": 0, "accuracy_sum": 0.25}


def of_three_prompts():
    """Three prompts over three rows, of which the last prompt skips one: right in 3, 1 and 1."""
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    return [
        prompted("u", "p", right * 3, [0, 0, 0], 1.0),
        prompted("u", "q", right + wrong * 2, [0, 0, 0], 0.333333),
        prompted("u", "r", right + wrong, [0, 0], 0.5, source=[0, 2]),
    ]


def test_the_figures_of_a_task_are_medians_over_its_prompts():
    found = model_figures({"u": of_three_prompts()}, SETTINGS)["u"]
    assert (found["rows"], found["prompts"]) == (3, 3)
    # 1/3, 1/2, 1: quartiles halfway to the middle one
    assert found["accuracy"] == found["accuracy_sum"] == 0.5
    assert found["accuracy_q25"] == pytest.approx((1 / 3 + 1 / 2) / 2, abs=1e-6)
    assert found["accuracy_q75"] == 0.75
    assert found["accuracy_iqr"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["accuracy_mean"] == 0.5


def test_tables_tell_prompts_and_held_out_tasks():
    answers = {"u": of_three_prompts()}
    models = {"compass": model_figures(answers, SETTINGS)}
    row = per_task(models, {"u": {"chance": 0.5}}, answers, {"u": "g"}, held_out=("u",)).row(
        0, named=True
    )
    assert (row["held_out"], row["prompts"], row["rows"], row["choices"]) == (True, 3, 3, 2.0)
    assert (row["compass"], row["compass_iqr"]) == (0.5, pytest.approx(1 / 3, abs=1e-6))
    lines = per_prompt({"compass": answers}, SETTINGS)
    assert lines.select("model", "task", "held_out", "prompt", "name", "rows").rows() == [
        ("compass", "u", True, "p", "p!", 3),
        ("compass", "u", True, "q", "q!", 3),
        ("compass", "u", True, "r", "r!", 2),
    ]
    assert lines["accuracy"].to_list() == [1.0, 0.333333, 0.5]
    assert lines["exact_match"].to_list() == [None] * 3


def test_predictions_have_a_line_a_row_and_prompt():
    table = predictions({"compass": {"u": of_three_prompts()}})
    assert table.columns[:4] == ["model", "task", "prompt", "row"]
    assert table.select("prompt", "row").rows() == [
        ("p", 0), ("p", 1), ("p", 2), ("q", 0), ("q", 1), ("q", 2), ("r", 0), ("r", 2),
    ]  # fmt: skip
    assert table.select("model", "task", "prompt", "row").is_unique().all()


def test_predictions_leave_hidden_labels_null():
    answers = answered([0.0, 2.0, 3.0, 0.0], [1, -1])
    table = predictions({"compass": {"t": [JudgedTask("t", "x", answers, None)]}})
    assert "prompt" not in table.columns
    assert table["label"].to_list() == [1, None]
    assert table["predicted"].to_list() == [1, 0]
    assert table["probability"].to_list() == pytest.approx([0.880797, 0.952574])
    assert table.schema["label"] == pl.Int32
