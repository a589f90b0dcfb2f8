import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.mixture_card import MixtureTask, Sampling
from pipeline.errors import ArtefactError, MixtureError
from pipeline.mixing.order import Draw, walk
from pipeline.mixing.plan import Plan, TaskPlan, composition, drawn_tokens, from_json, to_json

SIZES = {"a": 100, "b": 20, "unused": 7}


def plan(parts, **keys):
    values = {"name": "toy", "which": "compass", "seed": 13, "strategy": "equal"}
    positions = sum(part.quota for part in parts)
    return Plan(positions=positions, tasks=parts, **(values | keys))


def test_a_composition_says_rows_share_epochs_and_what_is_never_seen():
    tasks = {"a": MixtureTask(weight=3.0), "b": MixtureTask()}
    a, b = composition(SIZES, tasks, Sampling(strategy="equal", rows=101))
    assert a == TaskPlan(
        task="a", rows=100, weight=3.0, rate=3.0, share=0.75, quota=76, epochs=0.76, unseen_rows=24
    )
    assert b == TaskPlan(
        task="b", rows=20, weight=None, rate=1.0, share=0.25, quota=25, epochs=1.25, unseen_rows=0
    )


def test_an_unknown_task_is_refused_with_the_nearest_name():
    with pytest.raises(MixtureError) as caught:
        composition({"apples": 3}, {"aples": MixtureTask()}, Sampling(strategy="equal", rows=1))
    assert str(caught.value) == (
        "no task named 'aples' among the tokenised ones\n  to do: did you mean 'apples'?"
    )


def test_a_task_with_a_count_of_0_stays_in_the_plan():
    tasks = {"a": MixtureTask(count=0), "b": MixtureTask(count=40)}
    a, b = composition(SIZES, tasks, Sampling(strategy="counts"))
    assert (a.quota, a.epochs, a.unseen_rows, a.share) == (0, 0.0, 100, 0.0)
    assert (b.quota, b.epochs, b.unseen_rows, b.share) == (40, 2.0, 0, 1.0)


def test_a_plan_that_no_order_can_hold_is_refused():
    tasks = {"a": MixtureTask(), "b": MixtureTask(weight=1e6)}
    with pytest.raises(MixtureError, match="task 'b' would be repeated 5000 times"):
        composition(SIZES, tasks, Sampling(strategy="equal", rows=100_000))


@given(st.integers(1, 40), st.integers(0, 200), st.integers(0, 1000))
def test_drawn_tokens_are_those_of_the_rows_that_the_order_draws(rows, quota, seed):
    tokens = np.arange(rows, dtype=np.int64) ** 2 + 1
    drawn, _ = walk(Draw(task="a", start=0, rows=rows, quota=quota), seed=seed)
    assert drawn_tokens("a", tokens, quota=quota, seed=seed) == int(tokens[drawn].sum())


def test_totals_are_unknown_as_soon_as_one_task_is():
    known = TaskPlan(
        task="a", rows=10, weight=None, rate=1.0, share=0.5, quota=4, epochs=0.4, unseen_rows=6,
        tokens=50,
    )  # fmt: skip
    assert known.tokens_per_row == 12.5
    value = to_json(plan((known, known), shard_bytes=100), batch=3)
    assert value["totals"] == {
        "rows": 20, "quota": 8, "epochs": 0.4, "unseen_rows": 12, "tokens": 100,
        "tokens_per_row": 12.5,
    }  # fmt: skip
    assert (value["disk_bytes"], value["steps"]) == (140, 3)
    unknown = TaskPlan(
        task="b", rows=10, weight=None, rate=1.0, share=0.5, quota=4, epochs=0.4, unseen_rows=6
    )
    value = to_json(plan((known, unknown)))
    assert value["totals"]["tokens"] is None
    assert (value["disk_bytes"], value["steps"]) == (None, None)


def test_a_plan_survives_being_written_and_read():
    tasks = {"a": MixtureTask(weight=3.0), "b": MixtureTask()}
    parts = composition(SIZES, tasks, Sampling(strategy="equal", rows=101))
    original = plan(parts, shard_bytes=7, tokens_sha256="f00")
    text = json.dumps(to_json(original))
    assert from_json(json.loads(text), where="plan.json") == original


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"version": 2}, "plan.json: version is 2"),
        ({"version": 1, "tasks": []}, "plan.json: lacks the key 'name'"),
        ({"version": 1, "tasks": [{"task": "a"}]}, "plan.json: lacks the key 'rows'"),
    ],
)
def test_a_plan_of_another_version_is_refused(value, message):
    with pytest.raises(ArtefactError, match=message):
        from_json(value, where="plan.json")
