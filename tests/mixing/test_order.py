import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MixtureError
from pipeline.mixing.order import ALGORITHM, Draw, epoch_rows, mixture_order, turns, walk
from pipeline.schema import ORDER

SIZES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 120)), min_size=1, max_size=8)


def draws(sizes):
    """Tasks t00, t01, ... of these (rows, quota), rows one after the other."""
    result, start = [], 0
    for i, (rows, quota) in enumerate(sizes):
        result.append(Draw(task=f"t{i:02}", start=start, rows=rows, quota=quota))
        start += rows
    return result


def arrays(table):
    return table.column("row").to_numpy(), table.column("epoch").to_numpy()


def turns_of(draw, table):
    """One task's own rows and epochs in training order."""
    row, epoch = arrays(table)
    mine = (row >= draw.start) & (row < draw.start + draw.rows)
    return row[mine] - draw.start, epoch[mine]


def digest(table):
    row, epoch = arrays(table)
    return hashlib.sha256(row.tobytes() + epoch.tobytes()).hexdigest()


GOLDEN = {
    (13, ((10, 25), (3, 3), (100, 40))): (
        "32c8bf4b5ac1eaa91ab0ad98c640f3921a2c68b5a76d55321bcb63c786e9db95"
    ),
    (0, ((1, 256),)): "b134fa7ec8893efcba36efef81bffe844945a09182715e710bf79d65d3292527",
    (7, tuple((50 + i % 7, 60) for i in range(300))): (
        "86ccbc56144b4efccc64fa0f7c2d989cf70a8c7bfa09c654f14cc6d4b4bb8312"
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_shuffled_1_gives_the_golden_order(case):
    """A failure here means: restore the algorithm, or give the new one a new name."""
    seed, sizes = case
    assert ALGORITHM == "shuffled-1"
    assert digest(mixture_order(draws(sizes), seed=seed)) == GOLDEN[case]


def test_an_order_is_a_table_of_5_bytes_a_position():
    table = mixture_order(draws([(10, 25), (3, 3)]), seed=1)
    assert table.schema.equals(ORDER, check_metadata=True)
    assert table.num_rows == 28
    assert table.nbytes == 28 * 5


@given(SIZES, st.integers(0, 2**32))
@settings(max_examples=60)
def test_quotas_are_exact_and_rows_come_in_whole_epochs(sizes, seed):
    parts = draws(sizes)
    table = mixture_order(parts, seed=seed)
    assert table.num_rows == sum(part.quota for part in parts)
    for part in parts:
        rows, epochs = turns_of(part, table)
        assert len(rows) == part.quota
        times = np.zeros(part.rows, dtype=int)
        for row, epoch in zip(rows, epochs, strict=True):
            assert times[row] == epoch  # `epoch` is how often the row came before
            assert times[row] == times.min()  # no (e+1)-th time before all came e times
            times[row] += 1


@given(SIZES, st.integers(0, 99))
@settings(max_examples=40)
def test_other_tasks_change_nothing_in_a_task_s_walk(sizes, seed):
    parts = draws(sizes)
    whole = mixture_order(parts, seed=seed)
    alone = mixture_order(parts[:1], seed=seed)
    for got, expected in zip(turns_of(parts[0], whole), arrays(alone), strict=True):
        assert (got == expected).all()


@given(st.integers(1, 50), st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=40)
def test_a_smaller_quota_is_a_prefix_of_a_larger_one(rows, quota, more):
    small = Draw(task="a", start=0, rows=rows, quota=quota)
    large = Draw(task="a", start=0, rows=rows, quota=quota + more)
    for got, expected in zip(walk(small, seed=3), walk(large, seed=3), strict=True):
        assert (got == expected[:quota]).all()


def test_the_order_of_the_draws_does_not_matter():
    parts = draws([(10, 25), (3, 3), (100, 40)])
    assert mixture_order(parts[::-1], seed=5).equals(mixture_order(parts, seed=5))


def test_another_seed_or_another_name_gives_another_walk():
    first = epoch_rows("a", 100, 0, seed=1)
    assert (first == epoch_rows("a", 100, 0, seed=1)).all()
    for other in (
        epoch_rows("a", 100, 0, seed=2),
        epoch_rows("b", 100, 0, seed=1),
        epoch_rows("a", 100, 1, seed=1),
    ):
        assert (first != other).any()
        assert sorted(other) == list(range(100))


def test_tasks_are_spread_over_the_whole_order():
    """No prefix is far off the shares: the deviation of a random shuffle, seven times over."""
    indexes = turns([60_000, 30_000, 10_000], seed=11)
    for i, share in enumerate((0.6, 0.3, 0.1)):
        lead = np.cumsum(indexes == i) - share * np.arange(1, 100_001)
        assert np.abs(lead).max() < 7 * np.sqrt(100_000 * share * (1 - share)) / 2


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_turns_hold_each_task_as_often_as_its_quota(count):
    quotas = [i % 3 + 1 for i in range(count)]
    indexes = turns(quotas, seed=1)
    assert np.bincount(indexes, minlength=count).tolist() == quotas


def test_edges_one_row_no_quota_and_a_thousand_tasks():
    assert mixture_order([], seed=1).num_rows == 0
    assert mixture_order(draws([(5, 0)]), seed=1).num_rows == 0
    row, epoch = arrays(mixture_order(draws([(1, 256)]), seed=1))
    assert row.tolist() == [0] * 256
    assert epoch.tolist() == list(range(256))
    parts = [Draw(task=f"t{i:04}", start=3 * i, rows=3, quota=5) for i in range(1000)]
    row, _ = arrays(mixture_order(parts, seed=1))
    assert np.bincount(row // 3).tolist() == [5] * 1000


def test_more_than_256_epochs_are_refused_in_words():
    with pytest.raises(MixtureError, match="task 't00' would be repeated 257 times: 257 rows"):
        mixture_order(draws([(1, 257)]), seed=1)


def test_more_rows_than_4_bytes_count_are_refused_in_words():
    part = Draw(task="a", start=2**32 - 5, rows=6, quota=1)
    with pytest.raises(MixtureError, match="the tasks have 4294967297 rows together"):
        mixture_order([part], seed=1)


def test_a_task_that_occurs_twice_is_refused():
    with pytest.raises(MixtureError, match="a task occurs twice"):
        mixture_order([Draw(task="a", start=0, rows=1, quota=1)] * 2, seed=1)


def test_the_last_mixture_row_that_4_bytes_count_is_drawn():
    part = Draw(task="a", start=2**32 - 6, rows=6, quota=6)
    row, _ = arrays(mixture_order([part], seed=1))
    assert sorted(row.tolist()) == list(range(2**32 - 6, 2**32))
