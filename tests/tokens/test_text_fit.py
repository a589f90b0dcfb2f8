import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.tokens.coded import Coded
from pipeline.tokens.text_fit import TextRule, TextSegments, fit_text, longest, too_long


def coded(texts):
    values = np.array([token for text in texts for token in text], np.int32)
    pool = Ragged(values, offsets_of(np.array([len(text) for text in texts], np.int64)))
    return Coded(pool, np.arange(len(texts)))


def segments(rows):
    """Rows of (input, target, options)."""
    return TextSegments(
        input=coded([row[0] for row in rows]),
        target=coded([row[1] for row in rows]),
        options=coded([option for row in rows for option in row[2]]),
        counts=np.array([len(row[2]) for row in rows], np.int64),
    )


def rule(**keys):
    usual = {
        "model": "causal", "max_tokens": 16, "target_tokens": 4, "cut": "input_start",
        "long_rows": "truncate", "begins": True,
    }  # fmt: skip
    return TextRule(**(usual | keys))


def texts(ragged):
    return [ragged[i].tolist() for i in range(len(ragged))]


def test_extras_count_what_the_model_reads_beside():
    assert (rule().beside, rule(begins=False).beside, rule(model="seq2seq").beside) == (2, 1, 3)
    assert (rule().input_room, rule(model="seq2seq").input_room) == (14, 14)
    bare = rule(prefix=False), rule(prefix=False, model="seq2seq")
    assert [one.beside for one in bare] == [1, 2]
    assert [one.input_room for one in bare] == [15, 15]


@pytest.mark.parametrize(
    ("cut", "kept"), [("input_start", list(range(5, 15))), ("input_end", list(range(10)))]
)
def test_the_input_is_cut_at_the_named_end(cut, kept):
    fitted = fit_text(segments([(range(15), [90, 91, 92, 93], [])]), rule(cut=cut))
    assert texts(fitted.input) == [kept]
    assert texts(fitted.target) == [[90, 91, 92, 93]]
    assert (fitted.input_cut, fitted.target_cut, fitted.tokens_lost) == (1, 0, 5)


def test_the_longest_option_makes_the_room_and_targets_are_cut_last():
    rows = [
        (range(20), [90], [[90], [91] * 6]),
        (range(20), [90] * 30, []),
        (range(2), [90] * 30, []),
        (range(3), [90], [[90]]),
    ]
    fitted = fit_text(segments(rows), rule())
    assert fitted.input.lengths.tolist() == [8, 4, 2, 3]
    assert fitted.target.lengths.tolist() == [1, 10, 12, 1]
    assert fitted.options.lengths.tolist() == [1, 6, 1]
    assert fitted.first.tolist() == [0, 2, 2, 2, 3]
    assert (fitted.input_cut, fitted.target_cut, fitted.options_cut) == (2, 2, 0)
    assert too_long(segments(rows), rule()).tolist() == [0, 1, 2]


def test_an_encoder_decoder_has_room_for_each():
    rows = [(range(20), [90] * 20, [[91] * 20]), (range(14), [90] * 15, [])]
    fitted = fit_text(segments(rows), rule(model="seq2seq"))
    assert fitted.input.lengths.tolist() == [14, 14]
    assert fitted.target.lengths.tolist() == [15, 15]
    assert fitted.options.lengths.tolist() == [15]
    assert too_long(segments(rows), rule(model="seq2seq")).tolist() == [0]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.lists(st.integers(0, 40), max_size=4)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["causal", "seq2seq"]),
    st.integers(1, 10),
)
def test_everything_fits_and_short_targets_stay_whole(sizes, model, target_tokens):
    rows = [([5] * a, [6] * b, [[7] * c for c in options]) for a, b, options in sizes]
    asked, how = segments(rows), rule(model=model, target_tokens=target_tokens)
    fitted = fit_text(asked, how)
    written = fitted.target.lengths.copy()
    parent = np.repeat(np.arange(len(rows)), asked.counts)
    np.maximum.at(written, parent, fitted.options.lengths)
    if model == "causal":
        assert (fitted.input.lengths + written + how.beside <= how.max_tokens).all()
        assert (fitted.input.lengths >= np.minimum(asked.input.lengths, 4)).all()
    else:
        assert (fitted.input.lengths + 2 <= how.max_tokens).all()
        assert (written + 1 <= how.max_tokens).all()
    assert (fitted.target.lengths >= np.minimum(asked.target.lengths, target_tokens)).all()
    whole = np.setdiff1d(np.arange(len(rows)), too_long(asked, how))
    assert (fitted.input.lengths[whole] == asked.input.lengths[whole]).all()
    assert (written[whole] == longest(asked)[whole]).all()


def test_rows_can_be_taken():
    some = segments([([1], [2], [[3], [4, 5]]), ([6], [], []), ([7], [8], [[9]])])
    fitted = fit_text(some.take(np.array([2, 0])), rule())
    assert texts(fitted.input) == [[7], [1]]
    assert texts(fitted.options) == [[9], [3], [4, 5]]
