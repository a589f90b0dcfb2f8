import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalize import bad_encoding
from pipeline.normalize.bad_encoding import damage, damaged_rows

DAMAGED = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")


def encodings(texts):
    """Rows of one text between two separators."""
    return pl.DataFrame(
        {
            "encoding": [None if text is None else f"{text}\x1e\x1f" for text in texts],
            "separators": [0 if text is None else 2 for text in texts],
        },
        schema={"encoding": pl.String, "separators": pl.Int64},
    )


def found(texts):
    mask = damaged_rows(encodings(texts))
    return [] if mask is None else mask.arg_true().to_list()


@pytest.mark.parametrize(
    "text", ["", "plain", "tab\tline\nreturn\rform\x0cfeed\x0b", "caf\u00e9", "\x85\x96 old dashes",
             "\ufb01 \ufe0f \ufeff \uffff", "😀"]
)  # fmt: skip
def test_sound_text_is_let_pass(text):
    assert damaged_rows(encodings([text, text])) is None


@pytest.mark.parametrize(
    "text", ["\x00", "a\x08b", "\x0e", "\x1b[0m", "\x7f", "caf\ufffd", "\x1e", "a\x1f"]
)
def test_damaged_text_is_found_in_its_row(text):
    assert found(["ok", text, "ok", text, None]) == [1, 3]


def test_no_rows_are_no_damage():
    assert found([]) == []


@given(st.lists(st.text(st.sampled_from("ab\n\t\x00\x1e\x1f\x7f\ufffd\ufb01é"), max_size=6), max_size=9),
       st.sampled_from([1, 2, 7, 64]))  # fmt: skip
def test_any_size_of_block_finds_what_a_regular_expression_finds(texts, size):
    before = bad_encoding._BLOCK
    bad_encoding._BLOCK = size
    try:
        assert found(texts) == [i for i, text in enumerate(texts) if DAMAGED.search(text)]
    finally:
        bad_encoding._BLOCK = before


def test_damage_is_shown_with_what_stands_around_it():
    text = "x" * 40 + "\x07" + "\n" + "y" * 40
    shown = pl.DataFrame({"t": [text, "sound"]}).select(damage(pl.col("t")))["t"].to_list()
    assert shown == ["x" * 30 + "\x07\n" + "y" * 29, None]
