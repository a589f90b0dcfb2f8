import hashlib
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.files import write_arrow
from pipeline.contract.order import ALGORITHMS, ORDER, Draw
from pipeline.errors import MixtureError
from pipeline.mixing.order import NEWEST, epoch_rows, mixture_order
from tests.mixing.made import arrays, digest, draws, turns_of

BATCH = {"stratified-1": 8}
SIZES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 120)), min_size=1, max_size=8)
LISTED = pytest.mark.parametrize("algorithm", ALGORITHMS)


def built(parts, algorithm, *, seed=1, **keys):
    batch = keys.pop("batch", BATCH.get(algorithm))
    return mixture_order(parts, seed=seed, algorithm=algorithm, batch=batch, **keys)


THREE = (13, ((10, 25), (3, 3), (100, 40)))
ONE = (0, ((1, 256),))
MANY = (7, tuple((50 + i % 7, 60) for i in range(300)))
PHASES = [{"t0000": 20}, {"t0001": 3, "t0002": 13, "t0000": 5}, {"t0002": 27}]
GOLDEN = {
    ("shuffled-2", THREE): "4c6bf762b8e2eb9ef43cfca1830c0240348e94837a214b6023165bb9f57a1331",
    ("shuffled-2", ONE): "b134fa7ec8893efcba36efef81bffe844945a09182715e710bf79d65d3292527",
    ("shuffled-2", MANY): "d7144b5a02fdfc3f3b9d0cd0f462b4223001e0414d98ca3fbe3abd88f99d4363",
    ("smooth-1", THREE): "7d46a3627e19798e6a2815b90ddffa9de281c94ec131a5c86aaec70c5c828233",
    ("smooth-1", ONE): "b134fa7ec8893efcba36efef81bffe844945a09182715e710bf79d65d3292527",
    ("smooth-1", MANY): "aef308994037397b1782474121686ac1f2f66684c18513dd09849da510fc5865",
    ("stratified-1", THREE): "67ad03524c319d9918e3d44a9c9f2ff5b32893b2c7262594171366113b77f299",
    ("stratified-1", ONE): "b134fa7ec8893efcba36efef81bffe844945a09182715e710bf79d65d3292527",
    ("stratified-1", MANY): "be5cb754297d6f865e4803f021fb5338c081bd7c0d25284713aabb4b390c2ce2",
}
GOLDEN_PHASES = {
    "shuffled-2": "f0f10734871ea8e1405b7e3f849aceaede7c7358570857b87ccd7e5d11c508d8",
    "smooth-1": "43f9a6f037a4c178ca9d3eccc6b15b651ee1fc0d383779391c45edef153273ac",
    "stratified-1": "d671f4be9c83bb00c02c3d64e710d03600aa3e44edc369ec661c844f20abb734",
}
GOLDEN_LONG = {
    "shuffled-2": "33e89b6724c3026e7bf49276108f540669aaf3f29591429e3d786d1570fda03c",
    "smooth-1": "df8a4b76d9d51f02bf66c4230161ac5da2f510259fdfc33b64c3b22d56113a52",
    "stratified-1": "9abee8775206f8686f049079048217a9d01924bf4833caabb8ab8db204e7c92b",
}


@pytest.mark.parametrize("case", GOLDEN)
def test_every_algorithm_gives_its_golden_order(case):
    """A failure here means: restore the algorithm, or give the new one a new name.

    Checkpoints and manifests name the algorithm; an order that changes under its name would let a
    resumed training repeat some rows and miss others.
    """
    algorithm, (seed, sizes) = case
    assert digest(built(draws(sizes, digits=2), algorithm, seed=seed)) == GOLDEN[case]


@pytest.mark.parametrize("algorithm", GOLDEN_PHASES)
def test_every_algorithm_gives_its_golden_order_in_phases(algorithm):
    """A failure here means: restore the algorithm, or give the new one a new name."""
    order = built(draws(THREE[1]), algorithm, seed=5, phases=PHASES)
    assert digest(order) == GOLDEN_PHASES[algorithm]


@pytest.mark.parametrize("algorithm", GOLDEN_LONG)
def test_every_algorithm_gives_its_golden_long_order(algorithm):
    """Long enough for compiled kernels, chunks and threads; else as above."""
    parts = draws([(1000 + 77 * i, 300 + 1500 * (i % 11)) for i in range(40)])
    assert digest(built(parts, algorithm, seed=99)) == GOLDEN_LONG[algorithm]


def test_golden_orders_cover_all_algorithms():
    assert {algorithm for algorithm, _ in GOLDEN} == set(ALGORITHMS)
    assert set(GOLDEN_PHASES) == set(ALGORITHMS) == set(GOLDEN_LONG)


def test_a_card_s_words_stand_for_the_newest_algorithms():
    assert NEWEST == {"shuffled": "shuffled-2", "smooth": "smooth-1", "stratified": "stratified-1"}


def test_golden_walk():
    """A failure here means: the plan's tokens of broken epochs change under their algorithm's name."""
    rows = np.concatenate([epoch_rows("a", n, 3, seed=5) for n in (1, 2, 15, 16, 17, 40, 1000)])
    expected = "d43f083bb0d92d457d3047ac04850a0bafa010ef30fdd8daaa21dbce8a39155d"
    assert hashlib.sha256(rows.tobytes()).hexdigest() == expected


@LISTED
def test_an_order_is_a_table_of_5_bytes_a_position(algorithm):
    table = built(draws([(10, 25), (3, 3)]), algorithm)
    assert table.schema.equals(ORDER, check_metadata=True)
    assert table.num_rows == 28
    assert table.nbytes == 28 * 5
    assert table.column("row").num_chunks == 1


def test_an_order_opens_in_polars(tmp_path):
    table = mixture_order(draws([(10, 25), (3, 3)]), seed=1)
    write_arrow(table, tmp_path / "order.arrow")
    frame = pl.scan_ipc(tmp_path / "order.arrow").collect()
    assert frame.equals(pl.from_arrow(table))
    assert frame.schema == {"row": pl.UInt32, "epoch": pl.UInt8}


@LISTED
@given(sizes=SIZES, seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_quotas_are_exact_and_rows_come_in_whole_epochs(algorithm, sizes, seed):
    parts = draws(sizes)
    table = built(parts, algorithm, seed=seed)
    assert table.num_rows == sum(part.quota for part in parts)
    for part in parts:
        rows, epochs = turns_of(part, table)
        assert len(rows) == part.quota
        times = np.zeros(part.rows, dtype=int)
        for row, epoch in zip(rows, epochs, strict=True):
            assert times[row] == epoch  # `epoch` is how often the row came before
            assert times[row] == times.min()  # no (e+1)-th time before all came e times
            times[row] += 1


@LISTED
@given(sizes=SIZES, seed=st.integers(0, 99), data=st.data())
@settings(max_examples=30, deadline=None)
def test_phases_are_exact_and_walks_go_on_through_them(algorithm, sizes, seed, data):
    parts = draws(sizes)
    first = {p.task: data.draw(st.integers(0, p.quota)) for p in parts}
    second = {p.task: p.quota - first[p.task] for p in parts}
    table = built(parts, algorithm, seed=seed, phases=[first, second])
    border = sum(first.values())
    row, _ = arrays(table)
    whole = built(parts, algorithm, seed=seed)
    for part in parts:
        mine = (row >= part.start) & (row < part.start + part.rows)
        assert mine[:border].sum() == first[part.task]
        assert mine[border:].sum() == second[part.task]
        for got, expected in zip(turns_of(part, table), turns_of(part, whole), strict=True):
            assert (got == expected).all()


def test_one_phase_of_all_is_no_phase():
    parts = draws(THREE[1])
    whole = {part.task: part.quota for part in parts}
    for algorithm in ALGORITHMS:
        assert built(parts, algorithm, phases=[whole]).equals(built(parts, algorithm))


@LISTED
@given(sizes=SIZES, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_other_tasks_change_nothing_in_a_task_s_walk(algorithm, sizes, seed):
    parts = draws(sizes)
    whole = built(parts, algorithm, seed=seed)
    alone = built(parts[:1], algorithm, seed=seed)
    for got, expected in zip(turns_of(parts[0], whole), arrays(alone), strict=True):
        assert (got == expected).all()


@LISTED
def test_all_algorithms_walk_alike(algorithm):
    part = Draw(task="a", start=5, rows=40, quota=100)
    row, epoch = arrays(built([part], algorithm))
    walk = [epoch_rows("a", 40, e, seed=1) for e in range(3)]
    assert (row - 5 == np.concatenate(walk)[:100]).all()
    assert epoch.tolist() == [0] * 40 + [1] * 40 + [2] * 20


@LISTED
@given(st.integers(1, 50), st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_a_smaller_quota_is_a_prefix_of_a_larger_one(algorithm, rows, quota, more):
    small, large = (Draw(task="a", start=0, rows=rows, quota=q) for q in (quota, quota + more))
    walked = built([large], algorithm) if quota + more <= 256 * rows else None
    if walked is not None:
        for got, expected in zip(arrays(built([small], algorithm)), arrays(walked), strict=True):
            assert (got == expected[:quota]).all()


@LISTED
def test_the_order_of_the_draws_does_not_matter(algorithm):
    parts = draws([(10, 25), (3, 3), (100, 40)])
    assert built(parts[::-1], algorithm).equals(built(parts, algorithm))


def test_another_seed_another_name_or_another_epoch_gives_another_walk():
    def walk(task="a", epoch=0, seed=1):
        return epoch_rows(task, 100, epoch, seed=seed)

    assert (walk() == walk()).all()
    for other in (walk(seed=2), walk("b"), walk(epoch=1)):
        assert (walk() != other).any()
        assert sorted(other) == list(range(100))


@LISTED
def test_edges_nothing_one_row_and_a_thousand_tasks(algorithm):
    assert built([], algorithm).num_rows == 0
    assert built(draws([(5, 0)]), algorithm).num_rows == 0
    assert arrays(built(draws([(5, 0), (1, 1)]), algorithm))[0].tolist() == [5]
    row, epoch = arrays(built(draws([(1, 256)]), algorithm))
    assert row.tolist() == [0] * 256
    assert epoch.tolist() == list(range(256))
    parts = [Draw(task=f"t{i:04}", start=3 * i, rows=3, quota=5) for i in range(1000)]
    row, _ = arrays(built(parts, algorithm))
    assert np.bincount(row // 3).tolist() == [5] * 1000


@LISTED
def test_the_last_mixture_row_that_4_bytes_count_is_drawn(algorithm):
    part = Draw(task="a", start=2**32 - 6, rows=6, quota=6)
    row, _ = arrays(built([part], algorithm))
    assert sorted(row.tolist()) == list(range(2**32 - 6, 2**32))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (draws([(1, 257)]), "task 't0000' would be repeated 257 times: 257 rows"),
        (draws([(0, 1)]), "1 rows are to be drawn of task 't0000', which has none"),
        ([Draw(task="a", start=2**32 - 5, rows=6, quota=1)], "the tasks have 4294967297 rows"),
        ([Draw(task="a", start=0, rows=1, quota=1)] * 2, "task 'a' occurs twice in the order"),
        (
            [Draw(task="a", start=0, rows=2**32 - 1, quota=2**33)],
            "the order has 8589934592 positions\n  expected: at most 4294967296",
        ),
    ],
)
def test_what_the_order_cannot_hold_is_refused_in_words(parts, message):
    with pytest.raises(MixtureError, match=message):
        mixture_order(parts, seed=1)


LAYOUTS = st.tuples(st.integers(1, 7), st.integers(1, 4), st.integers(1, 6))


def global_batches(order, position, layout, *, batch):
    """Global batches from `position` on, as ranks, workers and micro-batches put them together.

    Rank r of the world has the rows r, r + world, ... of a batch; its workers deal these out among
    themselves in micro-batches; nothing but the position is known of what ran before.
    """
    world, workers, micro = layout
    row, epoch = arrays(order)
    for first in range(position, len(row), batch):
        places = np.arange(first, min(first + batch, len(row)))
        got = {}
        for rank in range(world):
            mine = places[rank::world]
            for worker in range(workers):
                for start in range(worker * micro, len(mine), workers * micro):
                    for place in mine[start : start + micro]:
                        assert place not in got
                        got[place] = (int(row[place]), int(epoch[place]))
        yield [got[place] for place in sorted(got)]


@LISTED
@given(before=LAYOUTS, after=LAYOUTS, data=st.data())
@settings(max_examples=15, deadline=None)
def test_global_batches_are_the_same_in_order_whatever_ran_before(algorithm, before, after, data):
    """Down and up in world size, workers and micro-batch, at any save point, also more than rows."""
    order = built(draws([(9, 40), (2, 3), (30, 21)]), algorithm)
    batch = data.draw(st.sampled_from([1, 3, 8, 100]))
    steps = -(-order.num_rows // batch)
    save = data.draw(st.integers(0, steps))
    expected = list(global_batches(order, 0, (1, 1, 1), batch=batch))
    ran = list(global_batches(order, 0, before, batch=batch))[:save]
    assert ran + list(global_batches(order, save * batch, after, batch=batch)) == expected


@LISTED
def test_an_order_goes_on_from_every_position(algorithm):
    order = built(draws([(9, 40), (2, 3), (30, 21)]), algorithm)
    rows = list(zip(*(a.tolist() for a in arrays(order)), strict=True))
    for position in range(order.num_rows + 1):
        rest = [
            pair for part in global_batches(order, position, (3, 2, 2), batch=5) for pair in part
        ]
        assert rest == rows[position:]


SCRIPT = """
from tests.mixing.made import digest, draws
from pipeline.mixing.order import mixture_order
import pipeline.mixing.order.shuffled as shuffled
shuffled.FEW = 0
parts = draws([(100 + i, 150 + 3 * i) for i in range(30)])
for algorithm, batch in (("shuffled-2", None), ("smooth-1", None), ("stratified-1", 32)):
    print(digest(mixture_order(parts, seed=1, algorithm=algorithm, batch=batch)))
"""


@pytest.mark.parametrize(("hash_seed", "threads"), [("0", "1"), ("12345", "2")])
def test_hash_seed_and_threads_change_nothing(hash_seed, threads):
    parts = draws([(100 + i, 150 + 3 * i) for i in range(30)])
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "NUMBA_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=True
    )
    expected = [
        digest(mixture_order(parts, seed=1, algorithm=algorithm, batch=batch))
        for algorithm, batch in (("shuffled-2", None), ("smooth-1", None), ("stratified-1", 32))
    ]
    assert done.stdout.split() == expected


def test_threads_change_nothing_in_a_long_order():
    parts = draws([(30_000, 70_000 + i) for i in range(6)])
    one = mixture_order(parts, seed=1, threads=1)
    assert one.num_rows > 262_144
    assert mixture_order(parts, seed=1, threads=3).equals(one)
