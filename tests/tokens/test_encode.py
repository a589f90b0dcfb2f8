import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokens import encode as module
from pipeline.tokens import wordpiece
from pipeline.tokens.encode import encode, encode_all

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
    rows = encode_all(TOKENIZER, texts)
    assert [rows[i].tolist() for i in range(4)] == expected


def test_no_text_gives_no_row():
    coded = encode(TOKENIZER, pl.Series([], dtype=pl.String))
    assert len(coded.rows()) == 0
    assert coded.lengths.tolist() == []


def test_a_special_token_inside_a_text_is_plain_text():
    rows = encode(TOKENIZER, pl.Series(["the [SEP] cat [MASK]"])).rows()
    assert not {0, 2, 3, 4} & set(rows[0].tolist())
