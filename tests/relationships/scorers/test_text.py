import hashlib

import numpy as np
import polars as pl
import pytest

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scorers.text import TextSimilarity, hashed_tfidf, sample

FRUIT = [f"the {a} {b} tastes sweet" for a in ("red", "green") for b in ("apple", "pear", "plum")]
STARS = [f"{a} orbits beyond {b}" for a in ("venus", "mars") for b in ("saturn", "neptune")]


def examples(texts):
    hashes = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    return pl.LazyFrame(
        {"context": texts, "question": [""] * len(texts), "content_hash": hashes},
        schema={"context": pl.String, "question": pl.String, "content_hash": pl.Binary},
    )


def score(texts):
    scorer: Scorer = TextSimilarity()
    tasks = tuple(sorted(texts))
    found = {task: examples(texts[task]) for task in tasks}
    return scorer.fit(Evidence(tasks=tasks, examples=found), TrainingBudget(), seed=13)


def test_tasks_that_share_words_score_higher():
    matrix = score({"fruit": FRUIT[:3], "more_fruit": FRUIT[3:], "stars": STARS})
    column = matrix.column("fruit")
    assert column["more_fruit"] > column["stars"]
    assert matrix.column("fruit")["stars"] < 0.1


def test_the_score_is_directional_a_part_is_covered_by_the_whole():
    matrix = score({"part": FRUIT, "whole": FRUIT + STARS})
    assert matrix.directional
    assert matrix.column("part") == {"whole": 1.0}
    # 6 of 10 texts have a twin in `part`, the other 4 nothing in common with it
    assert matrix.column("whole")["part"] == pytest.approx(0.6, abs=0.05)


def test_texts_that_are_in_another_task_are_warned_of():
    matrix = score({"part": FRUIT, "whole": FRUIT + STARS})
    assert matrix.extras["near_duplicates"] == [
        {"source": "part", "target": "whole", "share": 0.6},
        {"source": "whole", "target": "part", "share": 1.0},
    ]
    assert "100% of the texts of 'part' are nearly in 'whole'" in matrix.provenance.warnings


def test_a_cosine_is_that_of_tf_idf_vectors():
    vectors = hashed_tfidf({"a": pl.Series(["x y y"]), "b": pl.Series(["x z"])}, buckets=1024)
    idf = {"x": 1 + np.log(3 / 3), "y": 1 + np.log(3 / 2), "z": 1 + np.log(3 / 2)}
    a = {"x": idf["x"], "y": (1 + np.log(2)) * idf["y"]}
    b = {"x": idf["x"], "z": idf["z"]}
    norm = np.sqrt(sum(v**2 for v in a.values()) * sum(v**2 for v in b.values()))
    first, second = vectors["a"][0], vectors["b"][0]
    got = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert got == pytest.approx(a["x"] * b["x"] / norm, abs=2e-3)


def test_dot_products_are_integers_that_float32_holds():
    vectors = hashed_tfidf({"a": pl.Series(FRUIT), "b": pl.Series(STARS)}, buckets=64)
    both = np.concatenate([vectors["a"], vectors["b"]])
    assert both.dtype == np.float32
    exact = both.astype(np.int64) @ both.astype(np.int64).T
    assert exact.max() < 2**24
    np.testing.assert_array_equal(both @ both.T, exact)


def test_a_sample_does_not_depend_on_the_sequence_of_rows():
    texts = [f"text {i}" for i in range(50)]
    first, second = sample(examples(texts), rows=10), sample(examples(texts[::-1]), rows=10)
    assert first.to_list() == second.to_list()
    assert len(first) == 10


def test_scores_do_not_depend_on_names_or_their_order():
    texts = {"a": FRUIT[:3], "b": FRUIT[3:], "c": STARS}
    renamed = {"z": FRUIT[:3], "y": FRUIT[3:], "x": STARS}
    first, second = score(texts).values_ST, score(renamed).values_ST
    np.testing.assert_array_equal(first, second[::-1, ::-1])


def test_a_task_without_words_is_not_scored_rather_than_0():
    matrix = score({"fruit": FRUIT, "none": [], "silent": ["", "..."]})
    assert matrix.column("fruit") == {}
    assert matrix.column("none") == {}
    assert matrix.extras["centroid"][0][1] is None
    assert matrix.extras["rows"] == {"fruit": 6, "none": 0, "silent": 2}


def test_standard_errors_are_over_the_target_s_texts():
    matrix = score({"part": FRUIT, "whole": FRUIT + STARS})
    # six ones and four zeros: deviation 0.516, over the root of 10
    assert matrix.se_ST[0, 1] == pytest.approx(0.1633, abs=0.02)
    assert matrix.se_ST[1, 0] == 0.0
