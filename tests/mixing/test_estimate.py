import polars as pl
import pytest

from pipeline.mixing.estimate import (
    stored_tokens_per_row,
    supervised_per_row,
    tokens_per_row,
    training_seconds,
)


def examples(*rows):
    schema = {"context": pl.String, "question": pl.String, "choices": pl.List(pl.String)}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def test_tokens_are_a_quarter_of_the_characters_and_four_a_sequence():
    frame = examples(("c" * 40, "q" * 8, ["a" * 4, "b" * 12]))
    # two sequences of (40 + 8 + 8) / 4 + 4 tokens
    assert tokens_per_row(frame, max_tokens=128) == 36.0
    # on disk: context and question once, and each choice with the question in front
    assert stored_tokens_per_row(frame) == (40 + 8 + 2 * (8 + 8)) / 4


def test_a_sequence_counts_as_no_longer_than_the_limit():
    assert tokens_per_row(examples(("c" * 4000, "", ["a", "b", "c"])), max_tokens=16) == 48.0


def test_the_mean_is_over_rows_with_choices():
    frame = examples(("c" * 40, "", ["a" * 4] * 2), ("c" * 8, "", ["a" * 4] * 2), ("x", "", []))
    assert tokens_per_row(frame, max_tokens=128) == (2 * 15 + 2 * 7) / 2
    assert tokens_per_row(frame.tail(1), max_tokens=128) is None
    assert stored_tokens_per_row(frame.head(0)) is None


def test_time_grows_with_tokens_and_model_and_falls_with_threads():
    plain = training_seconds(10**6, layers=2, width=128, threads=1, mlm=False)
    assert plain == pytest.approx(1.5e6 * (5e-5 + 6 * 12 * 2 * 128**2 / 9e10))
    assert training_seconds(10**6, layers=2, width=128, threads=2, mlm=False) == plain / 2
    with_mlm = training_seconds(10**6, layers=2, width=128, threads=1, mlm=True)
    assert with_mlm == pytest.approx(plain * 1.25)


def test_in_the_text_view_a_row_is_one_sequence_with_all_choices_and_the_target():
    frame = examples(("c" * 40, "q" * 8, ["a" * 4, "b" * 12]), ("c" * 8, "", []))
    frame = frame.with_columns(target=pl.Series(["b" * 12, None]))
    # (40 + 8 + 16 + 12) / 4 + 4 = 23 and 8 / 4 + 4 = 6
    assert tokens_per_row(frame, max_tokens=128, view="text") == 14.5
    assert supervised_per_row(frame, view="text") == (12 / 4 + 1 + 1) / 2
    assert supervised_per_row(frame) is None
