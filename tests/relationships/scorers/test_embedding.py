from dataclasses import replace

import numpy as np
import pytest

from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.scorers.embedding import NearestRows, embed_rows, nearness


def plain(name, rows, *, gold=0):
    """A task whose rows are given as lists of vectors, one a choice."""
    counts = [len(row) for row in rows]
    return FeatureTask(
        name=name,
        features_OD=np.array([vector for row in rows for vector in row], dtype=np.float32),
        first=np.concatenate([[0], np.cumsum(counts)]),
        gold=np.full(len(rows), gold),
    )


def test_nearness_by_hand():
    a = np.array([[1.0, 0.0], [0.0, 1.0]])
    b = np.array([[0.6, 0.8], [-1.0, 0.0], [0.0, -1.0]])
    values, errors = nearness([a, b], target_rows=2)
    # the two first rows of b: nearest in a are cosines 0.8 and 0
    assert values[0, 1] == pytest.approx(0.4)
    assert errors[0, 1] == pytest.approx(0.4)  # (0.8 - 0) / sqrt(2) / sqrt(2)
    # rows of a: nearest in all of b are 0.6 and 0.8
    assert values[1, 0] == pytest.approx(0.7)
    assert np.isnan(nearness([a, b[:1]], target_rows=2)[1][0, 1])


def test_a_row_is_the_mean_of_its_choices_at_length_1_whatever_is_gold(gather):
    rows = [[(1.0, 0.0), (1.0, 2.0)], [(0.0, 3.0), (0.0, 1.0), (0.0, 2.0)], [(0.0, 0.0)]]
    pool = pool_tasks([plain("t", rows)])
    found = embed_rows(pool, 0, rows=9, seed=1)
    half = np.sqrt(0.5)
    assert sorted(found.round(6).tolist()) == sorted(
        [[round(half, 6), round(half, 6)], [0.0, 1.0], [0.0, 0.0]]
    )
    other = pool_tasks([plain("t", rows[:2], gold=1)])
    first = pool_tasks([plain("t", rows[:2])])
    np.testing.assert_array_equal(
        embed_rows(other, 0, rows=9, seed=1), embed_rows(first, 0, rows=9, seed=1)
    )


def test_rows_are_drawn_by_the_task_s_name_and_the_seed(make):
    pool = pool_tasks([make("a", (1.0, 0.0)), make("b", (1.0, 0.0))])
    assert len(embed_rows(pool, 0, rows=7, seed=1)) == 7
    # the same rows under two names
    assert not np.array_equal(
        embed_rows(pool, 0, rows=7, seed=1), embed_rows(pool, 1, rows=7, seed=1)
    )
    assert not np.array_equal(
        embed_rows(pool, 0, rows=7, seed=1), embed_rows(pool, 0, rows=7, seed=2)
    )
    np.testing.assert_array_equal(
        embed_rows(pool, 0, rows=9, seed=1)[:7], embed_rows(pool, 0, rows=7, seed=1)
    )


def test_names_do_not_count_where_all_rows_are_taken(make, gather):
    tasks = [make(name, (1.0, 0.0, 0.0), rows=20, seed=i) for i, name in enumerate("abc")]
    one = NearestRows().fit(gather(*tasks), None, seed=3).values_ST
    renamed = [replace(task, name=name) for task, name in zip(tasks, "zyx", strict=True)]
    two = NearestRows().fit(gather(*renamed[::-1]), None, seed=3).values_ST
    np.testing.assert_array_equal(one, two[::-1, ::-1])


def test_a_part_is_covered_by_the_whole_and_not_the_other_way(gather):
    near = [[(1.0, 0.1 * i)] for i in range(5)]
    far = [[(-1.0, 0.1 * i)] for i in range(5)]
    got = NearestRows().fit(gather(plain("part", near), plain("whole", near + far)), None, seed=3)
    assert got.directional
    assert got.column("part")["whole"] == 1.0
    assert got.column("whole")["part"] < 0.6


def test_golds_are_not_looked_at(toy, budget):
    flipped = {name: replace(task, gold=1 - task.gold) for name, task in toy.features.items()}
    one = NearestRows().fit(toy, budget, seed=3).values_ST
    two = NearestRows().fit(replace(toy, features=flipped), budget, seed=3).values_ST
    np.testing.assert_array_equal(one, two)


def test_cost_and_rows(toy, budget):
    got = NearestRows(source_rows=30, target_rows=8).fit(toy, budget, seed=3)
    assert got.provenance.cost == {"rows": 120.0, "flops": 2.0 * 30 * 8 * 16 * 3}
    assert NearestRows().cost(toy, budget).runs == 0
