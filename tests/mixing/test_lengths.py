from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_folders import choice_row, text_row, write_choice, write_text

from pipeline.config.strategies.base import Prompts
from pipeline.contract.order import Draw
from pipeline.contract.tokens import read_tokens
from pipeline.errors import MixtureError
from pipeline.mixing.lengths import (
    MeanLengths,
    StoredLengths,
    TokenCounts,
    count_drawn,
    find_rows,
)
from pipeline.mixing.order import mixture_order
from pipeline.seeds import derive_rng


@pytest.fixture
def corpus(tmp_path, draw):
    """One task of the text view, four rows of 1 to 4 input and 1 to 2 target tokens."""
    lengths = [(1, 1), (2, 2), (3, 1), (4, 2)]
    rows = [text_row([7] * n, [8] * m, row=row) for row, (n, m) in enumerate(lengths)]
    write_text(tmp_path, {"t": rows}, prompts=2, draw=draw)
    return read_tokens(tmp_path)


@pytest.mark.parametrize(("draw", "rows"), [("all", 2), ("one", 1)])
def test_stored_lengths_are_those_of_the_rows_that_the_order_draws(corpus, rows):
    lengths = StoredLengths(corpus, seed=5)
    assert (lengths.rows, lengths.prompts) == ({"t": 4}, {"t": Prompts(2, rows)})
    assert [lengths.amount("t", u) for u in ("rows", "tokens", "supervised_tokens")] == [4, 24, 10]
    tokens, supervised = corpus.row_tokens("t"), corpus.row_supervised("t")
    for quota in range(13):
        order = mixture_order([Draw(task="t", start=0, rows=4, quota=quota)], seed=5)
        drawn = order.column("row").to_numpy()
        assert lengths.count_tokens("t", quota) == TokenCounts(
            tokens[drawn].sum(), supervised[drawn].sum()
        )
        targets = [Fraction(int(tokens[drawn].sum()))]
        assert lengths.rows_for("t", "tokens", targets) == [quota]
        targets = [Fraction(int(supervised[drawn].sum()))]
        assert lengths.rows_for("t", "supervised_tokens", targets) == [quota]


def test_the_choice_view_has_no_supervised_tokens(tmp_path):
    write_choice(tmp_path, {"c": [choice_row([1])]})
    lengths = StoredLengths(read_tokens(tmp_path), seed=5)
    with pytest.raises(MixtureError) as caught:
        lengths.rows_for("c", "supervised_tokens", [Fraction(1)])
    assert str(caught.value) == (
        "sampling.strategy: the tokens are of the choice view, which has no supervised tokens\n"
        "  expected: view: text"
    )


def test_guessed_lengths_are_means():
    lengths = MeanLengths({"t": 4, "u": 9}, {"t": 2.5}, {})
    assert lengths.amount("t", "tokens") == 10
    assert lengths.amount("u", "rows") == 9
    assert lengths.rows_for("t", "tokens", [Fraction(4), Fraction(5)]) == [2, 2]
    assert lengths.count_tokens("t", 3) == TokenCounts(8, None)
    assert lengths.count_tokens("u", 3) == TokenCounts(None, None)
    with pytest.raises(MixtureError, match="the tokens of a row of task 'u' are not known yet"):
        lengths.amount("u", "tokens")


LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=30).map(np.array)


def walk(rows):
    return lambda epoch: derive_rng(3, "walk", epoch).permutation(rows).astype(np.uint32)


def walked(lengths, quota):
    epochs = quota // len(lengths) + 1
    order = np.concatenate([walk(len(lengths))(epoch) for epoch in range(epochs)])
    return lengths[order[:quota]]


@given(LENGTHS, st.integers(0, 200))
def test_drawn_tokens_are_those_of_the_rows_of_the_walk(lengths, quota):
    assert count_drawn(lengths, quota, walk(len(lengths))) == walked(lengths, quota).sum()


@given(LENGTHS, st.fractions(0, 900, max_denominator=7))
def test_the_rows_reached_are_the_nearest_that_whole_rows_allow(lengths, target):
    got = find_rows(lengths, target, walk(len(lengths)))
    running = np.concatenate(([0], np.cumsum(walked(lengths, 901))))
    off = [abs(int(value) - target) for value in running]
    assert got == off.index(min(off))
    # half a row at most
    assert off[got] * 2 <= lengths.max()


def test_a_tie_goes_to_fewer_rows():
    lengths = np.array([4, 4, 4])
    assert find_rows(lengths, Fraction(6), walk(3)) == 1
    assert find_rows(lengths, Fraction(601, 100), walk(3)) == 2
    assert find_rows(lengths, Fraction(24), walk(3)) == 6
    assert find_rows(lengths, Fraction(0), walk(3)) == 0
