from fractions import Fraction
from math import log2, sqrt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.mixing.order import shuffled
from pipeline.mixing.order.recipe import recipe
from pipeline.mixing.order.segments import BLOCK, segments
from pipeline.mixing.order.shuffled import order_arrays, segment_tasks, task_sequence
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


def in_numpy(made):
    """The order by the numpy side, whatever its length."""
    few, shuffled.FEW = shuffled.FEW, made.positions
    try:
        return order_arrays(made)
    finally:
        shuffled.FEW = few


def tasks_of(made):
    """The tasks at all positions, as indexes into the recipe's draws."""
    sequence = task_sequence(made)
    parts = segments(made, sequence)
    return np.array(sequence)[np.concatenate([segment_tasks(part) for part in parts])]


def same(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


@pytest.mark.usefixtures("compiled")
@given(SIZES, st.lists(st.integers(0, 16), max_size=3), st.integers(0, 2**40))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_numpy_and_the_compiled_blocks_agree_exactly(sizes, shares, seed):
    parts = [p for p in draws(sizes) if p.quota <= 256 * p.rows]
    made = recipe(parts, seed=seed, phases=cut(parts, shares))
    if made.positions:
        assert same(order_arrays(made, threads=1), in_numpy(made))


@pytest.mark.usefixtures("compiled")
def test_a_long_order_is_the_same_in_chunks_and_threads():
    """Segments of several chunks of blocks, tasks of all sizes, rows that come 200 times."""
    quotas = [*zipf(200, 600_000), 7, 128, 1, 100_000]
    rows = [max(1, quota // (1 + i % 7)) for i, quota in enumerate(quotas[:-1])] + [500]
    made = recipe(draws(list(zip(rows, quotas, strict=True))), seed=3)
    whole = order_arrays(made, threads=1)
    assert same(whole, in_numpy(made))
    for threads in (2, 5):
        assert same(order_arrays(made, threads=threads), whole)


@given(
    st.lists(st.integers(1, 3000), min_size=2, max_size=6),
    st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None)
def test_at_every_block_s_end_each_task_is_within_the_proven_bound(quotas, seed):
    """2 rows for the segments, and half a row for each halving down to a block."""
    made = recipe(draws([(q, q) for q in quotas]), seed=seed)
    task_N, total = tasks_of(made), sum(quotas)
    bound = 2 + log2(max(total / BLOCK, 1)) / 2
    for k, draw in enumerate(made.draws):
        had = np.cumsum(task_N == k)
        for end in range(BLOCK - 1, total, BLOCK):
            assert abs(Fraction(draw.quota * (end + 1), total) - int(had[end])) <= bound


def test_segments_have_exact_quotas_and_powers_of_two():
    parts = draws([(900, 700), (50, 3), (2000, 1999)])
    whole = recipe(parts, seed=9)
    made = segments(whole, task_sequence(whole))
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
        counts[np.arange(300), tasks_of(recipe(parts, seed=seed))] += 1
    expected = 1500 * quotas / 300
    free = 299 * 2
    chi = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi - free) < 5 * sqrt(2 * free)


def test_neighbours_are_of_the_same_task_as_often_as_chance_has_it():
    """Up to the little that blocks without replacement take away: one in 128."""
    quotas = [30_000, 20_000, 10_000, 5_000]
    task_N = tasks_of(recipe(draws([(q, q) for q in quotas]), seed=4))
    chance = sum((q / 65_000) ** 2 for q in quotas)
    for lag in (1, 2, 3, 17):
        same = (task_N[lag:] == task_N[:-lag]).mean()
        assert abs(same / chance - 1) < 0.03
    runs = np.diff(np.flatnonzero(np.diff(task_N)))
    assert runs.max() > 6  # not spread out by force
