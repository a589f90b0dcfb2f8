import json

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pipeline.tokens import encode as module
from pipeline.tokens import wordpiece
from pipeline.tokens.encode import encode, package_encoder

TOKENIZER = wordpiece.train([["the cat sat on the mat", "the mat sat"]] * 3, vocabulary=300)
TOKENIZER.encode_special_tokens = True


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("the cat [SEP]é漢", max_size=12), max_size=20))
def test_encoding_distinct_texts_once_equals_encoding_each_by_itself(texts):
    coded = encode(TOKENIZER, pl.Series(texts, dtype=pl.String))
    direct = [TOKENIZER.encode(text, add_special_tokens=False).ids for text in texts]
    rows = coded.rows()
    assert [rows[i].tolist() for i in range(len(rows))] == direct
    assert len(coded.pool) == len(set(texts))


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_batch_size_changes_nothing(monkeypatch, batch):
    texts = ["the cat", "", "mat the mat", "on"]
    expected = [TOKENIZER.encode(text, add_special_tokens=False).ids for text in texts]
    monkeypatch.setattr(module, "_BATCH", batch)
    rows = package_encoder(TOKENIZER)(pa.array(texts, pa.large_string()))
    assert [rows[i].tolist() for i in range(4)] == expected


def test_no_text_gives_no_row():
    coded = encode(TOKENIZER, pl.Series([], dtype=pl.String))
    assert len(coded.rows()) == 0
    assert coded.lengths.tolist() == []


def test_a_special_token_inside_a_text_is_plain_text():
    rows = encode(TOKENIZER, pl.Series(["the [SEP] cat [MASK]"])).rows()
    assert not {0, 2, 3, 4} & set(rows[0].tolist())


def test_an_encoder_is_taken_as_it_is_and_sees_each_text_once():
    seen = []

    def encoder(texts):
        seen.append(texts.to_pylist())
        return package_encoder(TOKENIZER)(texts)

    coded = encode(encoder, pl.Series(["the", "cat", "the"]))
    assert seen == [["the", "cat"]]
    assert coded.codes.tolist() == [0, 1, 0]


def test_more_threads_than_batches_keep_the_order(monkeypatch):
    texts = [f"the cat {i} sat" for i in range(40)]
    direct = [TOKENIZER.encode(text, add_special_tokens=False).ids for text in texts]
    monkeypatch.setattr(module, "_BATCH", 3)
    monkeypatch.setattr(module, "cores", lambda: 5)
    rows = package_encoder(TOKENIZER)(pa.array(texts, pa.large_string()))
    assert [rows[i].tolist() for i in range(40)] == direct


def byte_level(*, leading_space: bool) -> Tokenizer:
    """Byte-level BPE of single bytes, and of `Ġ` with a letter, as RoBERTa's is built."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "a"), ("Ġ", "b")]
    tokens = ["<s>", "</s>", *letters, *(a + b for a, b in merges)]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=leading_space)
    tokenizer.post_processor = processors.BertProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


@pytest.mark.parametrize(("leading_space", "tokens"), [(False, ["a", "Ġb"]), (True, ["Ġa", "Ġb"])])
def test_a_segment_starts_a_text_as_the_tokenizer_says(leading_space, tokens):
    tokenizer = byte_level(leading_space=leading_space)
    context, choice = encode(tokenizer, pl.Series(["a b", "b"])).rows(), ["b", "Ġb"][leading_space]
    assert [tokenizer.id_to_token(i) for i in context[0]] == tokens
    assert [tokenizer.id_to_token(i) for i in context[1]] == [choice]


@pytest.mark.parametrize("leading_space", [False, True])
def test_segments_put_together_are_what_the_tokenizer_makes_of_the_pair(leading_space):
    tokenizer = byte_level(leading_space=leading_space)
    rows = encode(tokenizer, pl.Series(["a bb", "ba b"])).rows()
    assert tokenizer.encode("a bb", "ba b").ids == [0, *rows[0], 1, *rows[1], 1]
    assert json.loads(tokenizer.to_str())["pre_tokenizer"]["add_prefix_space"] is leading_space
