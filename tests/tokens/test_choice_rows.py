import polars as pl
import pytest

from pipeline.contract.choice import LongRows
from pipeline.errors import MixtureError
from pipeline.tokens import wordpiece
from pipeline.tokens.choice_rows import fitted_rows, segments
from pipeline.tokens.encode import package_encoder

TOKENIZER = wordpiece.train([["a b c d e f g"] * 2], vocabulary=300)
VIEW = pl.DataFrame(
    {
        "example_id": ["t/train/4", "t/train/7", "t/train/9"],
        "context": ["a b", "a b c d e f g a b c d e f g", "a b c d e f g a"],
        "question": ["", "c", "c"],
        "options": [["a", "b"], ["d"], ["d e f"]],
        "joined": [False, True, True],
    }
)


def fitted(rule, view=VIEW):
    return fitted_rows(
        TOKENIZER, view, separator=3, max_tokens=16, long_rows=LongRows(rule), where="train.parquet"
    )


def test_texts_become_segments_for_a_tokenizer_and_for_an_encoder():
    for encoder in (TOKENIZER, package_encoder(TOKENIZER)):
        rows = segments(encoder, VIEW)
        assert rows.context.lengths.tolist() == [2, 14, 8]
        assert rows.question.lengths.tolist() == [0, 1, 1]
        assert rows.options.lengths.tolist() == [1, 1, 1, 3]
        assert (rows.counts.tolist(), rows.joined.tolist()) == ([2, 1, 1], [False, True, True])


def test_the_first_long_row_is_named_and_how_to_see_it():
    with pytest.raises(MixtureError) as caught:
        fitted("error")
    assert str(caught.value) == (
        "train.parquet: row 1 (t/train/7) has a sequence of 21 tokens; 2 rows of 3 are too long\n"
        "  expected: at most 16, since tokenize.long_rows is 'error'\n"
        '  to do: look at it: python -c "import polars as pl; '
        "print(pl.read_parquet('train.parquet')[1].to_dicts())\"; then raise tokenize.max_tokens, or "
        "set tokenize.long_rows to truncate, drop or split"
    )
    with pytest.raises(MixtureError, match=r"row 0 \(t/train/9\) has a sequence of 17 tokens\n"):
        fitted("error", VIEW[2:])


def test_rows_that_fit_are_no_error():
    assert fitted("error", VIEW[:1]).row.tolist() == [0]
    assert fitted("drop", VIEW[:0]).row.tolist() == []


def test_dropping_every_row_is_refused():
    assert fitted("drop").row.tolist() == [0]
    with pytest.raises(MixtureError) as caught:
        fitted("drop", VIEW[1:])
    assert caught.value.what == "all 2 rows are longer than 16 tokens"
    assert caught.value.where == "train.parquet"
