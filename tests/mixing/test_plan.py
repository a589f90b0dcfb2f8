import json

import pytest

from pipeline.config.mixture_card import Mixture
from pipeline.contract.order import PhasePlan
from pipeline.errors import ArtefactError
from pipeline.mixing.lengths import MeanLengths
from pipeline.mixing.plan import TaskPlan, from_json, make_plan, to_json

SIZES = {"a": 100, "b": 20, "unused": 7}


def mixture(*, phases=(), **sampling):
    tasks = {"a": {"weight": 3.0}, "b": {}}
    return Mixture.model_validate({"tasks": tasks, "sampling": sampling, "phases": list(phases)})


def plan(made=None, tokens=None, supervised=None, **keys):
    lengths = MeanLengths(SIZES, tokens or {}, supervised or {})
    made = made or mixture(strategy="equal", rows=101)
    return make_plan(made, lengths, name="toy", which="compass", seed=13, **keys)


def test_a_plan_says_rows_share_epochs_and_what_is_never_seen():
    a, b = plan().tasks
    assert a == TaskPlan(
        task="a", rows=100, weight=3.0, rate=3.0, share=0.75, quota=76, epochs=0.76, unseen_rows=24
    )
    assert b == TaskPlan(
        task="b", rows=20, weight=None, rate=1.0, share=0.25, quota=25, epochs=1.25, unseen_rows=0
    )


def test_there_is_one_phase_at_least_and_it_holds_everything():
    assert plan().phases == (PhasePlan(name="all", positions=101, quotas={"a": 76, "b": 25}),)


def test_the_batch_is_kept_where_the_order_depends_on_it():
    assert plan(batch=32).batch is None
    stratified = plan(mixture(strategy="equal", rows=101, order="stratified"), batch=32)
    assert stratified.batch == 32
    assert stratified.order.startswith("stratified-")


def test_totals_are_unknown_as_soon_as_one_task_is():
    known = to_json(plan(tokens={"a": 2.0, "b": 10.0}, supervised={"a": 1.0, "b": 2.0}))
    assert known["totals"] == {
        "rows": 120, "quota": 101, "epochs": 0.8417, "unseen_rows": 24, "tokens": 402,
        "supervised": 126, "tokens_per_row": 3.98,
    }  # fmt: skip
    assert [task["tokens_per_row"] for task in known["tasks"]] == [2.0, 10.0]
    unknown = to_json(plan(tokens={"a": 2.0}))
    assert (unknown["totals"]["tokens"], unknown["totals"]["supervised"]) == (None, None)
    assert unknown["disk_bytes"] is None


def test_a_plan_survives_being_written_and_read():
    phases = [{"name": "x", "share": 0.5, "tasks": ["a"]}, {"name": "y"}]
    original = plan(mixture(strategy="equal", rows=101, phases=phases), tokens={"a": 1.0, "b": 1.0})
    text = json.dumps(to_json(original))
    assert from_json(json.loads(text), where="plan.json") == original


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"version": 2}, "plan.json: version is 2"),
        ({"version": 1, "tasks": [], "phases": []}, "plan.json: lacks the key 'name'"),
        ({"version": 1, "tasks": [{"task": "a"}]}, "plan.json: lacks the key 'group'"),
        ({"version": 1, "tasks": []}, "plan.json: lacks the key 'phases'"),
    ],
)
def test_a_plan_of_another_version_is_refused(value, message):
    with pytest.raises(ArtefactError, match=message):
        from_json(value, where="plan.json")
