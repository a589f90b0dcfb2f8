from fractions import Fraction
from math import log2, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MixtureError
from pipeline.mixing.order import Draw
from pipeline.mixing.orders import shuffled
from pipeline.mixing.orders.recipe import Recipe, recipe
from pipeline.mixing.orders.segments import BLOCK, buckets
from pipeline.mixing.orders.shuffled import Shuffled
from tests.mixing.made import draws, zipf

SIZES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 900)), min_size=1, max_size=7)


def cut(parts, shares):
    """The quotas of phases that take so many 16ths of each task's quota, and the rest."""
    left = {part.task: part.quota for part in parts}
    phases = []
    for share in shares:
        phases.append({task: count * share // 16 for task, count in left.items()})
        left = {task: count - phases[-1][task] for task, count in left.items()}
    return [*phases, left]


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setattr(shuffled, "FEW", 0)


def in_numpy(order):
    """The order by the numpy side, whatever its length."""
    whole = Shuffled(order.recipe)
    task_N = np.concatenate([np.empty(0, dtype=int), *map(whole._tasks, whole.segments)])
    return shuffled.rows_of(task_N, shuffled.own_turns(task_N), whole.draws, whole.keys)


@given(SIZES, st.lists(st.integers(0, 16), max_size=3), st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_numpy_the_compiled_blocks_and_random_access_agree_exactly(sizes, shares, seed):
    parts = [p for p in draws(sizes) if p.quota <= 256 * p.rows]
    order = Shuffled(recipe(parts, seed=seed, phases=cut(parts, shares)))
    expected = in_numpy(order)
    positions = np.arange(len(order))
    few, shuffled.FEW = shuffled.FEW, 0
    try:
        blocks = order.arrays(threads=1) if len(order) else expected
    finally:
        shuffled.FEW = few
    for got in (blocks, order.at(positions), order.arrays()):
        assert (got[0] == expected[0]).all()
        assert (got[1] == expected[1]).all()


@pytest.mark.usefixtures("compiled")
def test_a_long_order_is_the_same_in_chunks_threads_and_at_random():
    """Segments of several chunks of blocks, tasks of all sizes, rows that come 200 times."""
    quotas = [*zipf(200, 600_000), 7, 128, 1, 100_000]
    rows = [max(1, quota // (1 + i % 7)) for i, quota in enumerate(quotas[:-1])] + [500]
    order = Shuffled(recipe(draws(list(zip(rows, quotas, strict=True))), seed=3))
    row_N, epoch_N = order.arrays(threads=1)
    expected = in_numpy(order)
    assert (row_N == expected[0]).all()
    assert (epoch_N == expected[1]).all()
    for threads in (2, 5):
        again = order.arrays(threads=threads)
        assert (again[0] == row_N).all()
        assert (again[1] == epoch_N).all()
    at = np.random.default_rng(1).integers(0, len(order), 50_000)
    rows_at, epochs_at = order.at(at)
    assert (rows_at == row_N[at]).all()
    assert (epochs_at == epoch_N[at]).all()


def test_the_order_of_the_question_does_not_matter():
    order = Shuffled(recipe(draws([(40, 300), (7, 90), (500, 400)]), seed=2))
    row_N, epoch_N = order.arrays()
    for positions in ([], [789], [5, 5, 5], [0, 789, 1, 788], list(range(700, 0, -7))):
        rows, epochs = order.at(np.array(positions, dtype=np.int64))
        assert rows.tolist() == [row_N[p] for p in positions]
        assert epochs.tolist() == [epoch_N[p] for p in positions]


@pytest.mark.parametrize("positions", [[-1], [0, 790]])
def test_positions_outside_the_order_are_refused(positions):
    order = Shuffled(recipe(draws([(40, 300), (7, 90), (500, 400)]), seed=2))
    with pytest.raises(MixtureError, match="are asked for\n  expected: 0 to 789"):
        order.at(np.array(positions))


def test_an_order_far_beyond_memory_is_read_at_any_position():
    """4.6e18 positions: rows below the tasks' ends, epochs that grow with the position, no repeats."""
    parts = (
        Draw(task="a", start=0, rows=2**40, quota=2**62 + 12345),
        Draw(task="b", start=2**40, rows=3, quota=2**50 + 1),
    )
    made = Recipe(
        algorithm="shuffled-2", seed=1, draws=parts, phases=((2**62 + 12345, 2**50 + 1),), batch=None
    )  # fmt: skip
    order = Shuffled(made)
    positions = np.arange(4096) * (made.positions // 4096)
    rows, epochs = order.at(positions)
    assert rows.max() < 2**40 + 3
    of_a = rows < 2**40
    expected = [int(p) * parts[0].quota // made.positions >> 40 for p in positions[of_a]]
    assert np.abs(epochs[of_a] - expected).max() <= 1
    first, _ = order.at(np.arange(100_000))
    assert len(np.unique(first[first < 2**40])) == (first < 2**40).sum()


@given(
    st.lists(st.integers(1, 3000), min_size=2, max_size=6),
    st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None)
def test_at_every_block_s_end_each_task_is_within_the_proven_bound(quotas, seed):
    """2 rows for the segments, and half a row for each halving down to a block."""
    made = recipe(draws([(q, q) for q in quotas]), seed=seed)
    order = Shuffled(made)
    task_N = np.concatenate([order._tasks(segment) for segment in order.segments])
    total = sum(quotas)
    bound = 2 + log2(max(total / BLOCK, 1)) / 2
    for k, draw in enumerate(order.draws):
        had = np.cumsum(task_N == k)
        for end in range(BLOCK - 1, total, BLOCK):
            assert abs(Fraction(draw.quota * (end + 1), total) - int(had[end])) <= bound


def test_segments_have_exact_quotas_and_powers_of_two():
    parts = draws([(900, 700), (50, 3), (2000, 1999)])
    made = Shuffled(recipe(parts, seed=9)).segments
    assert [part.size for part in made] == [2048, 512, 128, 14]
    assert [part.first for part in made] == [0, 2048, 2560, 2688]
    assert [int(part.cum_K[-1]) for part in made] == [2048, 512, 128, 14]
    for part in made:
        for count, quota in zip(np.diff(part.cum_K), sorted_quotas(made), strict=True):
            assert abs(count - part.size * quota / 2702) < 2


def sorted_quotas(made):
    last = made[-1]
    return (last.base_K + np.diff(last.cum_K)).tolist()


def test_every_position_sees_every_task_by_its_share():
    """Chi-square over 300 positions x 3 tasks and 1,500 seeds: a block, and a short one."""
    quotas = np.array([200, 90, 10])
    parts = draws([(q, q) for q in quotas.tolist()])
    counts = np.zeros((300, 3))
    for seed in range(1500):
        order = Shuffled(recipe(parts, seed=seed))
        names = np.array([int(draw.task[1:]) for draw in order.draws])
        task_N = np.concatenate([order._tasks(segment) for segment in order.segments])
        counts[np.arange(300), names[task_N]] += 1
    expected = 1500 * quotas / 300
    free = 299 * 2
    chi = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi - free) < 5 * sqrt(2 * free)


def test_neighbours_are_of_the_same_task_as_often_as_chance_has_it():
    """Up to the little that blocks without replacement take away: one in 128."""
    quotas = [30_000, 20_000, 10_000, 5_000]
    order = Shuffled(recipe(draws([(q, q) for q in quotas]), seed=4))
    task_N = np.concatenate([order._tasks(segment) for segment in order.segments])
    chance = sum((q / 65_000) ** 2 for q in quotas)
    for lag in (1, 2, 3, 17):
        same = (task_N[lag:] == task_N[:-lag]).mean()
        assert abs(same / chance - 1) < 0.03
    runs = np.diff(np.flatnonzero(np.diff(task_N)))
    assert runs.max() > 6  # not spread out by force


def test_buckets_find_what_a_search_finds():
    bounds = np.array([0, 0, 5, 5, 9, 1000, 1000], dtype=np.int64)
    table, shift = buckets(bounds, 1000, most=16)
    for value in range(1000):
        low, high = table[value >> shift], table[(value >> shift) + 1]
        found = np.searchsorted(bounds[:-1], value, side="right") - 1
        assert low <= found <= high


def test_tables_stay_small_for_a_thousand_tasks():
    """Memory grows with tasks times the logarithm of the length: 100 M rows in a few MB."""
    order = Shuffled(recipe(draws([(q, q) for q in zipf(1000, 100_000_000)]), seed=1))
    table, walks = order._compiled
    size = sum(np.asarray(part).nbytes for part in (*table, *walks))
    assert size < 500_000
