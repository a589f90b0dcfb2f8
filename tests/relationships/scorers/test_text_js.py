import numpy as np
import polars as pl
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scorers.text_js import WordDistributions, similarities, word_shares

FRUIT = ["the apple, the pear", "An apple"]
MORE = ["apple pie"]
STARS = ["mars orbits venus"]


def examples(texts):
    count = len(texts)
    hashes = [index.to_bytes(16, "big") for index in range(count)]
    return pl.LazyFrame(
        {"context": texts, "question": [""] * count, "content_hash": hashes},
        schema={"context": pl.String, "question": pl.String, "content_hash": pl.Binary},
    )


def score(texts):
    scorer: Scorer = WordDistributions()
    found = {task: examples(rows) for task, rows in texts.items()}
    return scorer.fit(Evidence(tasks=tuple(texts), examples=found), TrainingBudget(), seed=13)


def entropy(p):
    p = p[p > 0]
    return -(p * np.log2(p)).sum()


def test_shares_are_counts_over_all_words_of_a_task():
    # an, apple, mars, orbits, pear, the, venus
    got = word_shares({"f": pl.Series(FRUIT), "s": pl.Series(STARS), "n": pl.Series([""])})
    assert got[0].tolist() == pytest.approx([1 / 6, 2 / 6, 0, 0, 1 / 6, 2 / 6, 0])
    assert got[1].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3, 0, 0, 1 / 3])
    assert not got[2].any()


def test_a_similarity_by_hand():
    """p = (1/2, 1/2, 0), q = (1/2, 0, 1/2): m = (1/2, 1/4, 1/4), so JS = 3/2 - 1 = 1/2 bit."""
    got = similarities(np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]]))
    assert got[0, 1] == pytest.approx(1 - np.sqrt(0.5))


def test_it_is_one_less_the_root_of_the_entropy_s_excess():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(20, 0.3), size=4) * (rng.random((4, 20)) > 0.3)
    shares /= shares.sum(axis=1, keepdims=True)
    got = similarities(shares)
    for s in range(4):
        assert np.isnan(got[s, s])
        for t in set(range(4)) - {s}:
            mean = entropy((shares[s] + shares[t]) / 2)
            excess = mean - (entropy(shares[s]) + entropy(shares[t])) / 2
            assert got[s, t] == pytest.approx(1 - np.sqrt(excess), abs=1e-12)


def test_the_ends_of_the_scale():
    got = similarities(np.array([[0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]]))
    assert got[0, 1] == pytest.approx(1.0, abs=1e-7)
    assert got[0, 2] == 0.0


def test_tasks_that_share_words_score_higher_in_both_directions():
    matrix = score({"fruit": FRUIT, "more": MORE, "stars": STARS})
    assert matrix.column("fruit")["more"] > 0.0
    assert matrix.column("fruit")["stars"] == 0.0  # measured: no word is shared
    assert not matrix.directional
    np.testing.assert_array_equal(matrix.values_ST, matrix.values_ST.T)
    assert matrix.provenance.warnings[0].startswith("symmetric")
    assert matrix.provenance.cost == {"rows": 4.0}


def test_scores_do_not_depend_on_names_or_their_order():
    first = score({"a": FRUIT, "b": MORE, "c": STARS}).values_ST
    second = score({"z": STARS, "y": MORE, "x": FRUIT}).values_ST
    np.testing.assert_array_equal(first, second[::-1, ::-1])


def test_a_task_without_words_is_not_scored_rather_than_0():
    matrix = score({"fruit": FRUIT, "none": [], "silent": ["", "..."], "more": MORE})
    assert list(matrix.column("fruit")) == ["more"]
    assert matrix.column("none") == matrix.column("silent") == {}
