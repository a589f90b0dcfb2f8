import json

import numpy as np
import pytest

from pipeline.training.progress import Progress, StepSums, Term, task_sums

TERMS = (Term("choice", 1.0), Term("mlm", 0.5))


def sums(loss, tasks):
    terms = np.array([[loss, 4.0], [6.0, 3.0]])
    return StepSums(terms, 40.0, 50.0, np.array(tasks, dtype=float))


def add(progress, step, loss, **changes):
    values = {"step": step, "examples": 5, "rate": 0.1, "last": False}
    return progress.add(sums(loss, [[1, 2, 1], [3, 3, 0]]), **(values | changes))


def test_a_line_of_the_log_is_the_mean_of_its_steps():
    progress = Progress(["a", "b"], TERMS, log_every=2)
    assert add(progress, 1, 8.0) is None
    line = add(progress, 2, 16.0)
    assert line == {
        "step": 2, "loss": 4.0, "choice_loss": 3.0, "mlm_loss": 2.0, "learning_rate": 0.1,
        "tokens": 80, "examples": 10,
    }  # fmt: skip
    assert add(progress, 3, 8.0, last=True)["loss"] == 3.0
    assert progress.log_csv() == (
        "step,loss,choice_loss,mlm_loss,learning_rate,tokens,examples\n"
        "2,4,3,2,0.1,80,10\n3,3,2,2,0.1,120,15\n"
    )
    assert progress.padding == pytest.approx(0.2)


def test_tasks_are_summed_and_an_undrawn_one_has_no_mean():
    progress = Progress(["a", "b", "c"], TERMS, log_every=2)
    progress.add(
        sums(1.0, task_sums(np.array([0, 1, 1]), np.array([2.0, 1.0, 3.0]), np.array([1, 0, 1]), 3)),
        step=1, examples=3, rate=0.1, last=False,
    )  # fmt: skip
    assert progress.tasks_csv() == (
        "task,examples,loss,accuracy\na,1,2.000000,1.000000\nb,2,2.000000,0.500000\nc,0,,\n"
    )


def test_state_survives_json_exactly():
    one, two = (Progress(["a", "b"], TERMS, log_every=3) for _ in range(2))
    for step in (1, 2, 3, 4):
        add(one, step, 1 / 3 * step)
    two.load_state(json.loads(json.dumps(one.state())))
    for progress in (one, two):
        add(progress, 5, 0.1, last=True)
    assert one.log_csv() == two.log_csv()
    assert one.tasks_csv() == two.tasks_csv()
    assert one.task_log_csv() == two.task_log_csv()
    assert one.line_of_tasks() == two.line_of_tasks()


def test_the_task_log_has_what_was_drawn_since_the_line_before():
    progress = Progress(["a", "b", "c"], TERMS, log_every=2)
    drawn = [[[1, 2, 1], [3, 3, 0], [0, 0, 0]]] * 3 + [[[0, 0, 0], [0, 0, 0], [2, 1, 2]]]
    for step, tasks in enumerate(drawn, start=1):
        progress.add(sums(1.0, tasks), step=step, examples=4, rate=0.1, last=step == 4)
        if step == 2:
            assert progress.line_of_tasks() == {
                "tasks/a/examples": 2, "tasks/a/loss": 2.0, "tasks/a/accuracy": 1.0,
                "tasks/b/examples": 6, "tasks/b/loss": 1.0, "tasks/b/accuracy": 0.0,
            }  # fmt: skip
    assert progress.task_log_csv() == (
        "step,task,examples,loss,accuracy\n"
        "2,a,2,2.000000,1.000000\n2,b,6,1.000000,0.000000\n"
        "4,a,1,2.000000,1.000000\n4,b,3,1.000000,0.000000\n4,c,2,0.500000,1.000000\n"
    )
    total = sum(int(line.split(",")[2]) for line in progress.task_log_csv().splitlines()[1:])
    assert total == sum(progress.examples_of_tasks().values())


def test_sums_survive_the_vector_that_ranks_add_up():
    vector = sums(1.5, [[1, 2, 3]]).vector()
    back = StepSums.from_vector(vector * 2, terms=2)
    assert back.terms.tolist() == [[3.0, 8.0], [12.0, 6.0]]
    assert (back.tokens, back.cells) == (80.0, 100.0)
    assert back.tasks.tolist() == [[2, 4, 6]]


def test_a_step_without_rows_has_no_loss_rather_than_nan():
    empty = StepSums(np.zeros((2, 2)), 0.0, 0.0, np.zeros((0, 3)))
    assert empty.losses(TERMS) == (0.0, 0.0, 0.0)
