from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mixing.order import smooth
from pipeline.mixing.order.recipe import recipe
from tests.mixing.made import draws, largest_lead, zipf


def turns(quotas, phases=()):
    """Tasks of all positions, as indexes into `quotas`."""
    parts = draws([(max(q, 1), q) for q in quotas])
    made = recipe(parts, seed=1, algorithm="smooth-1", phases=phases)
    drawn = np.array([k for k, q in enumerate(quotas) if q])
    return drawn[np.concatenate(list(smooth.turns(made)))]


@given(st.lists(st.integers(1, 60), min_size=2, max_size=9))
@settings(max_examples=150, deadline=None)
def test_no_prefix_is_further_off_than_tijdeman_proves(quotas):
    task_N = turns(quotas)
    assert np.bincount(task_N, minlength=len(quotas)).tolist() == quotas
    assert largest_lead(task_N, quotas) <= 1 - Fraction(1, 2 * len(quotas) - 2)


@pytest.mark.parametrize(
    "quotas",
    [[1, 1], [1, 999], [500, 1, 1, 1], [997, 991, 983], [1] * 50, [2**i for i in range(10)], [7], [1]],
)  # fmt: skip
def test_edges_keep_to_the_bound(quotas):
    task_N = turns(quotas)
    assert np.bincount(task_N, minlength=len(quotas)).tolist() == quotas
    bound = 1 - Fraction(1, 2 * len(quotas) - 2) if len(quotas) > 1 else 0
    assert largest_lead(task_N, quotas) <= bound


def test_a_thousand_tasks_keep_to_the_bound_at_every_position():
    """Exact, in integers, for 200,000 positions; chunks do not show."""
    quotas = np.array(zipf(1000, 200_000))
    task_N = turns(quotas.tolist())
    total = int(quotas.sum())
    at_N = np.argsort(task_N, kind="stable")
    assert np.bincount(task_N).tolist() == quotas.tolist()
    turn_N = np.arange(total) - np.repeat(np.cumsum(quotas) - quotas, quotas)
    quota_N = np.repeat(quotas, quotas)
    ahead = (turn_N + 1) * total - quota_N * (at_N + 1)  # right after its turn, in rows times total
    behind = quota_N * at_N - turn_N * total  # right before it
    most = total * (2 * 1000 - 3)
    assert (ahead * (2 * 1000 - 2) <= most).all()
    assert (behind * (2 * 1000 - 2) <= most).all()


def test_chunks_do_not_show(monkeypatch):
    whole = turns([70, 33, 11, 5])
    monkeypatch.setattr(smooth, "CHUNK", 7)
    assert turns([70, 33, 11, 5]).tolist() == whole.tolist()


def test_every_phase_is_smooth_and_exact():
    phases = [{"t0000": 30, "t0001": 10}, {"t0001": 1}, {"t0000": 5, "t0001": 25, "t0002": 9}]
    task_N = turns([35, 36, 9], phases)
    assert np.bincount(task_N[:40]).tolist() == [30, 10]
    assert largest_lead(task_N[:40], [30, 10]) <= Fraction(1, 2)
    assert task_N[40] == 1
    assert largest_lead(task_N[41:], [5, 25, 9]) <= Fraction(3, 4)


def test_equal_quotas_take_turns():
    assert turns([3, 3, 3]).tolist() == [0, 1, 2] * 3
