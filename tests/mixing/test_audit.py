import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import MixtureError
from pipeline.mixing.audit import audit, check, largest_lead
from pipeline.mixing.order import Draw, mixture_order
from pipeline.mixing.plan import Plan, TaskPlan
from pipeline.schema import ORDER

DRAWS = (
    Draw(task="a", start=0, rows=4, quota=6),
    Draw(task="b", start=4, rows=5, quota=2),
    Draw(task="c", start=9, rows=3, quota=0),
)


def plan_of(draws):
    total = sum(draw.quota for draw in draws)
    tasks = tuple(
        TaskPlan(
            task=d.task, rows=d.rows, weight=None, rate=1.0, share=d.quota / total, quota=d.quota,
            epochs=d.quota / d.rows, unseen_rows=max(d.rows - d.quota, 0),
        )
        for d in draws
    )  # fmt: skip
    return Plan(name="t", which="compass", seed=1, strategy="equal", positions=total, tasks=tasks)


def table(rows, epochs):
    return pa.table([pa.array(rows, pa.uint32()), pa.array(epochs, pa.uint8())], schema=ORDER)


def test_an_audit_counts_the_order_itself():
    order = table([0, 4, 1, 2, 3, 0, 8, 1], [0, 0, 0, 0, 0, 1, 0, 1])
    result = audit(order, DRAWS, plan_of(DRAWS))
    assert result["equal"]
    assert (result["positions"], result["asked_positions"]) == (8, 8)
    assert result["tasks"] == [
        {
            "task": "a", "share": 0.75, "got_share": 0.75, "quota": 6, "got_rows": 6,
            "distinct_rows": 4, "unseen_rows": 0, "first_epoch": 0, "last_epoch": 1,
            "largest_lead": 0.5,
        },
        {
            "task": "b", "share": 0.25, "got_share": 0.25, "quota": 2, "got_rows": 2,
            "distinct_rows": 2, "unseen_rows": 3, "first_epoch": 0, "last_epoch": 0,
            "largest_lead": 0.5,
        },
        {
            "task": "c", "share": 0.0, "got_share": 0.0, "quota": 0, "got_rows": 0,
            "distinct_rows": 0, "unseen_rows": 3, "first_epoch": None, "last_epoch": None,
            "largest_lead": 0.0,
        },
    ]  # fmt: skip
    check(result)


def test_what_mixture_order_builds_passes_for_a_thousand_tasks_in_any_sequence():
    draws = [Draw(task=f"t{i:04}", start=5 * i, rows=5, quota=i % 12) for i in range(1000)]
    result = audit(mixture_order(draws, seed=3), draws[::-1], plan_of(draws))
    assert result["equal"]
    assert [entry["got_rows"] for entry in result["tasks"]] == [i % 12 for i in range(1000)]


def test_an_order_that_differs_from_its_plan_is_refused_by_task():
    result = audit(table([0, 4, 1, 2, 3, 0, 8, 5], [0] * 8), DRAWS, plan_of(DRAWS))
    assert not result["equal"]
    with pytest.raises(MixtureError) as caught:
        check(result)
    assert str(caught.value) == ("the order holds 5 rows of task 'a'\n  expected: 6, as planned")


def test_a_row_beyond_its_task_is_refused():
    with pytest.raises(MixtureError, match="holds row 3 of a task of 3 rows"):
        audit(table([12], [0]), DRAWS, plan_of(DRAWS))


@pytest.mark.parametrize(
    ("positions", "share", "lead"),
    [
        ([], 0.5, 0.0),
        ([0, 2, 4, 6], 0.5, 0.5),  # every other one
        ([0, 1, 2, 3], 0.5, 2.0),  # all at the front of 8
        ([4, 5, 6, 7], 0.5, 2.0),  # all at the end of 8
    ],
)
def test_the_largest_lead_is_over_all_prefixes(positions, share, lead):
    assert largest_lead(np.array(positions, dtype=np.int64), share) == lead
