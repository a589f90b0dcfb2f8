import numpy as np
import pyarrow as pa
import pytest

from pipeline.contract.order import ORDER, Draw, PhasePlan
from pipeline.errors import MixtureError
from pipeline.mixing import audit as module
from pipeline.mixing.audit import audit, check
from pipeline.mixing.order import NEWEST, mixture_order
from pipeline.mixing.plan import Plan, TaskPlan
from tests.mixing.made import draws, largest_lead

DRAWS = (
    Draw(task="a", start=0, rows=4, quota=6),
    Draw(task="b", start=4, rows=5, quota=2),
    Draw(task="c", start=9, rows=3, quota=0),
)


def plan_of(parts, phases=(), order="shuffled-2"):
    total = sum(part.quota for part in parts)
    tasks = tuple(
        TaskPlan(
            task=d.task, rows=d.rows, weight=None, rate=1.0, share=d.quota / total, quota=d.quota,
            epochs=d.quota / d.rows, unseen_rows=max(d.rows - d.quota, 0),
        )
        for d in parts
    )  # fmt: skip
    told = phases or [{d.task: d.quota for d in parts if d.quota}]
    planned = tuple(
        PhasePlan(name=f"p{i}", positions=sum(quotas.values()), quotas=quotas)
        for i, quotas in enumerate(told)
    )
    return Plan(
        name="t", which="compass", seed=1, strategy="equal", order=order, positions=total,
        phases=planned, tasks=tasks,
    )  # fmt: skip


def table(rows, epochs):
    return pa.table([pa.array(rows, pa.uint32()), pa.array(epochs, pa.uint8())], schema=ORDER)


GOOD = ([0, 4, 1, 2, 3, 0, 8, 1], [0, 0, 0, 0, 0, 1, 0, 1])


@pytest.mark.parametrize("stretch", [1, 3, 1 << 20])
def test_an_audit_counts_the_order_itself(monkeypatch, stretch):
    monkeypatch.setattr(module, "_STRETCH", stretch)
    result = audit(table(*GOOD), DRAWS, plan_of(DRAWS))
    assert result["equal"]
    assert (result["positions"], result["asked_positions"]) == (8, 8)
    assert (result["algorithm"], result["largest_lead"]) == ("shuffled-2", 0.5)
    assert result["phases"] == [{"name": "p0", "positions": 8, "got": {"a": 6, "b": 2}}]
    assert result["tasks"] == [
        {
            "task": "a", "share": 0.75, "got_share": 0.75, "quota": 6, "got_rows": 6,
            "distinct_rows": 4, "unseen_rows": 0, "first_epoch": 0, "last_epoch": 1,
            "in_turn": True, "largest_lead": 0.5,
        },
        {
            "task": "b", "share": 0.25, "got_share": 0.25, "quota": 2, "got_rows": 2,
            "distinct_rows": 2, "unseen_rows": 3, "first_epoch": 0, "last_epoch": 0,
            "in_turn": True, "largest_lead": 0.5,
        },
        {
            "task": "c", "share": 0.0, "got_share": 0.0, "quota": 0, "got_rows": 0,
            "distinct_rows": 0, "unseen_rows": 3, "first_epoch": None, "last_epoch": None,
            "in_turn": True, "largest_lead": 0.0,
        },
    ]  # fmt: skip
    check(result)


def test_phases_are_counted_one_by_one_and_leads_against_the_phase():
    phases = [{"a": 4}, {"a": 2, "b": 2}]
    order = table([0, 1, 2, 3, 0, 4, 1, 5], [0, 0, 0, 0, 1, 0, 1, 0])
    result = audit(order, DRAWS, plan_of(DRAWS, phases))
    assert result["equal"]
    assert [phase["got"] for phase in result["phases"]] == phases
    assert [entry["largest_lead"] for entry in result["tasks"]] == [0.5, 0.5, 0.0]
    other = audit(order, DRAWS, plan_of(DRAWS, phases[::-1]))
    assert not other["equal"]
    with pytest.raises(MixtureError, match="the phases hold other rows than planned"):
        check(other)


@pytest.mark.parametrize("algorithm", NEWEST.values())
def test_what_mixture_order_builds_passes_for_a_thousand_tasks_in_any_sequence(algorithm):
    parts = [Draw(task=f"t{i:04}", start=5 * i, rows=5, quota=i % 12) for i in range(1000)]
    batch = 64 if algorithm == "stratified-1" else None
    first = {part.task: part.quota // 2 for part in parts}
    phases = [first, {part.task: part.quota - first[part.task] for part in parts}]
    order = mixture_order(parts, seed=3, algorithm=algorithm, phases=phases, batch=batch)
    plan = plan_of(parts, [{k: n for k, n in phase.items() if n} for phase in phases], algorithm)
    result = audit(order, parts[::-1], plan)
    assert result["equal"]
    check(result)
    assert [entry["got_rows"] for entry in result["tasks"]] == [i % 12 for i in range(1000)]
    assert (result["largest_lead"] < 1) == (algorithm == "smooth-1")


def test_an_order_that_differs_from_its_plan_is_refused_by_task():
    result = audit(table([0, 4, 1, 2, 3, 0, 8, 5], [0] * 8), DRAWS, plan_of(DRAWS))
    assert not result["equal"]
    with pytest.raises(MixtureError) as caught:
        check(result)
    assert str(caught.value) == ("the order holds 5 rows of task 'a'\n  expected: 6, as planned")


@pytest.mark.parametrize("stretch", [1, 2, 1 << 20])
def test_epochs_that_go_back_are_refused(monkeypatch, stretch):
    monkeypatch.setattr(module, "_STRETCH", stretch)
    epochs = [0, 0, 1, 0, 0, 1, 0, 1]
    with pytest.raises(MixtureError, match="the epochs of task 'a' do not come in turn"):
        check(audit(table(GOOD[0], epochs), DRAWS, plan_of(DRAWS)))


def test_too_few_and_too_many_positions_are_refused():
    few = table(GOOD[0][:7], GOOD[1][:7])
    with pytest.raises(MixtureError, match="5 rows of task 'a'\n  expected: 6"):
        check(audit(few, DRAWS, plan_of(DRAWS)))
    many = table([*GOOD[0], 4], [*GOOD[1], 1])
    result = audit(many, DRAWS, plan_of(DRAWS))
    assert result["phases"][1] == {"name": "", "positions": 1, "got": {"b": 1}}
    with pytest.raises(MixtureError, match="3 rows of task 'b'\n  expected: 2"):
        check(result)


def test_a_row_beyond_its_task_is_refused():
    with pytest.raises(MixtureError, match="holds row 3 of task 'c', a task of 3 rows"):
        audit(table([12], [0]), DRAWS, plan_of(DRAWS))


@pytest.mark.parametrize(
    ("mine", "lead"),
    [
        ([0, 2, 4, 6], 0.5),  # every other one
        ([0, 1, 2, 3], 2.0),  # all at the front of 8
        ([4, 5, 6, 7], 2.0),  # all at the end of 8
        ([0, 3, 4, 5], 1.0),
    ],
)
def test_the_largest_lead_is_over_all_prefixes(monkeypatch, mine, lead):
    monkeypatch.setattr(module, "_STRETCH", 3)
    parts = draws([(4, 4), (4, 4)])
    task_N = np.array([0 if p in mine else 1 for p in range(8)])
    turn_N = np.where(task_N == 0, np.cumsum(task_N == 0), 4 + np.cumsum(task_N == 1)) - 1
    result = audit(table(turn_N, [0] * 8), parts, plan_of(parts))
    assert [entry["largest_lead"] for entry in result["tasks"]] == [lead, lead]
    assert largest_lead(task_N, [4, 4]) == lead
