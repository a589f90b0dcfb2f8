import json

import pytest

from pipeline.errors import MixtureError
from pipeline.mixing.order import Draw
from pipeline.mixing.orders.recipe import recipe
from tests.mixing.made import draws

PARTS = draws([(10, 25), (3, 3), (100, 40)])
CHANGES = {
    "seed": {"seed": 2},
    "algorithm": {"algorithm": "smooth-1"},
    "batch": {"algorithm": "stratified-1", "batch": 8},
    "phases": {"phases": [{"t0000": 25}, {"t0001": 3, "t0002": 40}]},
}


def test_a_state_is_a_position_and_a_fingerprint_of_at_most_200_bytes():
    made = recipe(PARTS, seed=1)
    for position in (0, 17, made.positions):
        state = json.loads(json.dumps(made.state(position)))
        assert made.resume(state) == position
    assert len(json.dumps(made.state(2**63 - 1))) <= 200


@pytest.mark.parametrize("change", CHANGES)
def test_another_order_refuses_the_state(change):
    state = recipe(PARTS, seed=1).state(5)
    other = recipe(PARTS, **{"seed": 1} | CHANGES[change])
    with pytest.raises(MixtureError, match=f"belongs to order {state['fingerprint']}") as caught:
        other.resume(state)
    assert other.fingerprint in str(caught.value)
    assert "go on with the order that the state was taken of" in str(caught.value)


def test_other_tasks_rows_or_quotas_are_another_order():
    prints = {
        recipe(parts, seed=1).fingerprint
        for parts in (
            PARTS, PARTS[:2], [*PARTS[:2], Draw(task="t0002", start=13, rows=100, quota=41)],
            [*PARTS[:2], Draw(task="t0002", start=13, rows=101, quota=40)],
            [*PARTS[:2], Draw(task="t0003", start=13, rows=100, quota=40)],
        )
    }  # fmt: skip
    assert len(prints) == 5


def test_what_changes_nothing_in_the_order_changes_nothing_in_the_fingerprint():
    made = recipe(PARTS, seed=1).fingerprint
    unused = Draw(task="unused", start=113, rows=5, quota=0)
    assert recipe([unused, *PARTS[::-1]], seed=1).fingerprint == made
    whole = {part.task: part.quota for part in PARTS}
    assert recipe(PARTS, seed=1, phases=[{}, whole]).fingerprint == made


@pytest.mark.parametrize("position", [-1, 69])
def test_a_position_outside_the_order_is_refused(position):
    made = recipe(PARTS, seed=1)
    with pytest.raises(MixtureError, match=f"position {position} lies outside the 68 of the order"):
        made.resume(made.state(position))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"algorithm": "shufled-2"}, "no order algorithm named 'shufled-2'\n  to do: did you mean"),
        ({"algorithm": "stratified-1"}, "the batch is None for the order stratified-1"),
        ({"batch": 8}, "the batch is 8 for the order shuffled-2"),
        ({"algorithm": "stratified-1", "batch": 0}, "the batch is 0\n  expected: one row at least"),
        ({"phases": [{"t0000": 25, "t0001": 3}]}, "draw 0 rows of task 't0002'\n  expected: 40 in"),
        (
            {"phases": [{"t0000": 26, "t0001": 3, "t0002": 40}, {"t0000": -1}]},
            "the phases draw 26 \\+ -1 rows of task 't0000'\n  expected: 25 in all, its quota",
        ),
        (
            {"phases": [{"t0000": 25, "t0001": 3, "t0002": 40, "x": 1}]},
            "draw 1 rows of task 'x'\n  expected: 0 in all",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(keys, message):
    with pytest.raises(MixtureError, match=message):
        recipe(PARTS, **{"seed": 1} | keys)
