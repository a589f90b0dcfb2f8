"""Small multiples: one a task, one line for each training, on common axes."""

import polars as pl

from pipeline.report.sparks import sparks

FRAME = pl.DataFrame(
    {
        "which": ["compass", "compass", "compass", "tailored"],
        "task": ["a<", "a<", "b", "a<"],
        "step": [10, 20, 20, 10],
        "examples": [1000, 500, 3, 7],
        "loss": [2.0, 1.0, 0.5, 4.0],
        "accuracy": [0.25, 0.5, 1.0, 0.75],
    }
)


def test_a_task_has_a_line_for_each_training_and_its_figures_in_words():
    text = sparks(FRAME, tasks=["b", "a<"], trainings=["compass", "tailored"])
    assert text.index("<b>b</b>") < text.index("<b>a&lt;</b>")
    assert "compass: loss 2.00 to 1.00, accuracy 0.50 at the end, 1,500 examples" in text
    assert "tailored: loss 4.00 to 4.00, accuracy 0.75 at the end, 7 examples" in text
    # half of the highest loss is half of the height; a single point is a dot
    assert 'd="M121.0 37.0L216.0 53.5"' in text
    assert text.count("<circle") == 2
    assert text.count(">4</text>") == 2


def test_a_task_that_was_not_drawn_has_no_drawing():
    text = sparks(FRAME, tasks=["b", "c"], trainings=["compass", "tailored"])
    assert text.count("<figure>") == 1
