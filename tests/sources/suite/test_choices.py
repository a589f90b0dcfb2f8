"""Choices: every text as often wrong as it is right, the gold one anywhere."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.source import SuiteSource
from pipeline.errors import ConfigError
from pipeline.seeds import derive_rng
from pipeline.sources.suite import choices, facts
from pipeline.sources.suite.generate import read_suite


@given(st.integers(1, 40), st.integers(1, 300), st.integers(0, 9))
@settings(deadline=None)
def test_balanced_draws_differ_by_one_at_most(members, size, seed):
    drawn = choices.balanced(np.arange(members), size, derive_rng(seed))
    counts = np.bincount(drawn, minlength=members)
    assert len(drawn) == size
    assert counts.max() - counts.min() <= 1


@given(st.integers(2, 6), st.integers(0, 9))
@settings(deadline=None)
def test_wrong_answers_differ_from_each_other_and_from_gold(count, seed):
    gold = choices.balanced(np.arange(12), 100, derive_rng(seed, "gold"))
    wrong = choices.wrong_answers(gold, count, derive_rng(seed, "wrong"))
    rows = np.column_stack([gold, wrong])
    assert rows.shape == (100, count + 1)
    assert all(len(set(row)) == count + 1 for row in rows.tolist())


def test_an_answer_that_is_never_gold_is_never_wrong():
    """Texts that are only ever wrong would push accuracy below chance."""
    gold = choices.balanced(np.arange(0, 40, 2), 60, derive_rng(1))
    assert set(choices.wrong_answers(gold, 3, derive_rng(2)).ravel()) <= set(gold)


def test_each_fact_is_wrong_three_times_for_each_time_that_it_is_right():
    source = SuiteSource(kind="suite", recipe="lookup", rows=990, options={
        "table": "countries", "given": "country", "answer": "capital", "wording": "capital"})  # fmt: skip
    frame = read_suite(source, task="apples", split="train", seed=13)
    shown = frame["choices"].explode().value_counts().sort("choices")
    gold = frame["answer"].value_counts().sort("answer")
    assert gold["count"].to_list() == [10] * 99
    assert shown["count"].min() >= 32
    assert shown["count"].max() <= 48
    picked = frame.select(pl.col("choices").list.get(pl.col("label")))["choices"]
    assert (picked == frame["answer"]).all()
    facts_ = dict(facts.table("countries").select("capital", "country").rows())
    texts = (frame["context"] + " " + frame["question"]).to_list()
    assert all(facts_[answer] in text for answer, text in zip(frame["answer"], texts, strict=True))


def test_too_few_answers_are_an_error():
    with pytest.raises(ConfigError, match="4 choices from 3 different answers"):
        choices.wrong_answers(np.array([0, 1, 2, 0]), 3, derive_rng(1))


@given(st.integers(1, 50), st.integers(2, 6), st.integers(0, 9))
@settings(deadline=None)
def test_shuffling_keeps_gold_and_shows_as_many_as_asked(rows, width, seed):
    codes = np.arange(rows * width).reshape(rows, width)
    counts = derive_rng(seed).integers(2, width + 1, size=rows)
    flat, offsets, label = choices.shuffled(codes, counts, derive_rng(seed, "order"))
    assert (np.diff(offsets) == counts).all()
    assert (flat[offsets[:-1] + label] == codes[:, 0]).all()
    assert all(
        set(flat[low:high]) == set(codes[row, : counts[row]])
        for row, (low, high) in enumerate(pairwise(offsets))
    )
