from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mixing.order import stratified
from pipeline.mixing.order.recipe import recipe
from tests.mixing.made import draws, zipf


def turns(quotas, batch, *, phases=(), seed=1):
    parts = draws([(max(q, 1), q) for q in quotas])
    made = recipe(parts, seed=seed, algorithm="stratified-1", phases=phases, batch=batch)
    drawn = np.array([k for k, q in enumerate(quotas) if q], dtype=int)
    return drawn[np.concatenate(list(stratified.turns(made)))]


def check(task_N, quotas, batch):
    """Every whole batch, and every run of them from the first, is less than a row off the shares."""
    total, so_far = len(task_N), np.zeros(len(quotas), dtype=int)
    assert np.bincount(task_N, minlength=len(quotas)).tolist() == list(quotas)
    for number in range(total // batch):
        counts = np.bincount(task_N[number * batch :][:batch], minlength=len(quotas))
        so_far += counts
        for count, ran, quota in zip(counts, so_far, quotas, strict=True):
            share = Fraction(batch * quota, total)
            assert abs(int(count) - share) < 1
            assert abs(int(ran) - share * (number + 1)) < 1


@given(
    st.lists(st.integers(1, 120), min_size=1, max_size=12), st.integers(1, 40), st.integers(0, 99)
)
@settings(max_examples=200, deadline=None)
def test_every_batch_and_every_run_of_batches_is_less_than_a_row_off(quotas, batch, seed):
    check(turns(quotas, batch, seed=seed), quotas, batch)


def test_heavy_fractions_need_the_rules_for_equal_deadlines():
    """Rates of 1/2, 3/4 and 23/24: going by the earliest deadline alone runs out of jobs here."""
    quotas = [12] * 4 + [18] * 3 + [23] * 6
    check(turns(quotas, 10), quotas, 10)
    check(turns(quotas[::-1], 10), quotas[::-1], 10)


def test_a_thousand_tasks_and_batches_smaller_than_their_number():
    quotas = zipf(1000, 20_000)
    for batch in (256, 64):
        check(turns(quotas, batch), quotas, batch)


def test_whole_shares_give_the_same_composition_in_every_batch():
    task_N = turns([40, 20, 20], 8)
    assert (np.sort(task_N.reshape(-1, 8)) == [0, 0, 0, 0, 1, 1, 2, 2]).all()
    assert len({tuple(batch) for batch in task_N.reshape(-1, 8).tolist()}) > 5  # yet shuffled


def test_an_order_shorter_than_a_batch_is_one_shuffled_batch():
    task_N = turns([3, 4, 5], 100)
    assert np.bincount(task_N).tolist() == [3, 4, 5]
    assert task_N.tolist() != sorted(task_N.tolist())


def test_chunks_do_not_show(monkeypatch):
    whole = turns([700, 333, 111, 5], 16)
    monkeypatch.setattr(stratified, "CHUNK", 40)
    assert turns([700, 333, 111, 5], 16).tolist() == whole.tolist()


def test_a_phase_fills_the_batch_that_the_one_before_began():
    """Batches are counted over the whole order; only the one across the border is of two phases."""
    first, second = {"t0000": 30, "t0001": 15}, {"t0000": 10, "t0001": 10, "t0002": 20}
    task_N = turns([40, 25, 20], 10, phases=[first, second])
    assert np.bincount(task_N[:45], minlength=3).tolist() == [30, 15, 0]
    for batch in task_N[:40].reshape(-1, 10):
        counts = np.bincount(batch, minlength=3)
        assert 6 <= counts[0] <= 7
        assert 3 <= counts[1] <= 4
    assert sorted(np.bincount(task_N[45:50], minlength=3).tolist()) == [1, 1, 3]
    for batch in task_N[50:80].reshape(-1, 10):
        counts = np.bincount(batch, minlength=3)
        assert (counts[:2] >= 2).all()
        assert (counts[:2] <= 3).all()
        assert 4 <= counts[2] <= 5
