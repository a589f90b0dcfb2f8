"""Words by property: shares, fellows and what a sentence is made of."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.source import SuiteSource
from pipeline.errors import ConfigError
from pipeline.seeds import derive_rng
from pipeline.sources.suite import facts, read_suite
from pipeline.sources.suite.draw import say
from pipeline.sources.suite.words import lexicon

WORDS = facts.table("words")
POLARITY = dict(WORDS.select("word", "polarity").rows())


def words_of(texts: pl.Series) -> list[list[str]]:
    found = texts.str.to_lowercase().str.extract_all(r"[a-z]+").to_list()
    return [[word for word in text if word in POLARITY] for text in found]


def contrast(split: str, **options: object) -> pl.DataFrame:
    given = {"table": "words", "entity": "word", "property": "polarity", "gold": "positive",
             "others": ["negative"], "wording": "dinner", "stem": "guests"}  # fmt: skip
    source = SuiteSource(kind="suite", recipe="contrast", rows=300, options=given | options)
    return read_suite(source, task="apples", split=split, seed=13)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_all_words_of_the_gold_sentence_have_the_gold_value_and_no_others(split):
    frame = contrast(split)
    for choices, label in zip(frame["choices"].to_list(), frame["label"], strict=True):
        found = words_of(pl.Series(choices))
        for place, sentence in enumerate(found):
            kinds = {POLARITY[word] for word in sentence}
            assert kinds == {"positive" if place == label else "negative"}


def test_words_of_one_sentence_are_different():
    sentences = words_of(contrast("train")["choices"].explode())
    assert all(len(set(sentence)) == len(sentence) for sentence in sentences)


def test_a_target_with_a_small_share_sees_few_words_in_train_and_all_in_test():
    train = {word for text in words_of(contrast("train", train_share=0.12)["choices"].explode())
             for word in text}  # fmt: skip
    test = {word for text in words_of(contrast("test", train_share=0.12)["choices"].explode())
            for word in text}  # fmt: skip
    assert len(train) == 20
    assert test == set(POLARITY)


@given(st.floats(0.02, 1.0), st.floats(0.02, 1.0))
@settings(max_examples=30, deadline=None)
def test_a_smaller_share_is_part_of_a_larger_one(one, other):
    small, large = (
        {int(word) for group in lexicon("words", "word", "polarity", None, share=share).groups
         for word in group}
        for share in sorted((one, other))
    )  # fmt: skip
    assert small <= large
    assert len(small) >= 2


def test_words_of_a_value_come_equally_often():
    words = lexicon("animals", "animal", "size", ("small", "large"))
    drawn = words.members(np.zeros(56 * 3, dtype=np.int64), derive_rng(1, "x"))
    assert np.unique(drawn, return_counts=True)[1].tolist() == [3] * 56


def test_others_never_have_the_value_and_are_different():
    words = lexicon("countries", "country", "continent", None)
    values = np.repeat(np.arange(4), 50)
    others = words.others(values, 3, derive_rng(1, "x"))
    assert (words.of_value[others] != values[:, None]).all()
    assert all(len(set(row)) == 3 for row in others.tolist())


def test_too_few_words_for_a_sentence_are_an_error():
    words = lexicon("words", "word", "polarity", None, share=0.01)
    with pytest.raises(ConfigError, match="2 different words are wanted where 0 share the value"):
        words.sentences(words.groups[0], facts.wording("dinner"), derive_rng(1, "x"))


def test_gold_among_the_others_is_an_error():
    with pytest.raises(ConfigError, match="others: 'positive' is the gold value"):
        contrast("train", others=["positive"])


def test_the_article_follows_the_word():
    words = lexicon("animals", "animal", "size", None)
    wording = facts.wording("barn")
    owl = WORDS is not None and words.words.to_list().index("owl")
    rows = words.sentences(np.full(50, owl), wording, derive_rng(1, "x"))
    texts = say(rows, wording, {"animal": words.words})["context"]
    assert texts.str.contains("an owl|An owl").all()
