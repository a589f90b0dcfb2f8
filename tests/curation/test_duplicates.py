"""The first of equal examples stays; contradictions are counted, not removed."""

import polars as pl

from pipeline.curation import duplicates


def split(frame, name="train"):
    return frame.with_columns(split=pl.lit(name), row=pl.int_range(frame.height, dtype=pl.Int64))


def test_each_repetition_names_the_first_of_its_kind(examples):
    rows = [("x", "q"), ("y", "q"), ("x", "q"), ("x", "q")]
    frame = split(examples("a", "train", rows))
    expected = [("a/train/2", "a/train/0"), ("a/train/3", "a/train/0")]
    assert duplicates.duplicate_of(frame).rows() == expected
    assert duplicates.duplicate_of(frame.reverse()).rows() == expected


def test_another_label_makes_another_example(examples):
    frame = split(examples("a", "train", [("x", "q", 0), ("x", "q", 1)]))
    same = frame.with_columns(content_hash=pl.lit(b"0" * 16))
    assert duplicates.duplicate_of(same).height == 0


def test_splits_are_compared_with_themselves_only(examples):
    train = split(examples("a", "train", [("x", "q")]))
    held_out = split(examples("a", "test", [("x", "q")]), "test")
    assert duplicates.duplicate_of(pl.concat([train, held_out])).height == 0


def test_conflicts_count_all_rows_of_a_contradiction(examples):
    rows = [("x", "q", 0), ("x", "q", 1), ("x", "q", 1), ("y", "q", 0), ("y", "q", 0)]
    assert duplicates.conflicts(examples("a", "train", rows)) == 3
    assert duplicates.conflicts(examples("a", "train", rows[3:])) == 0
    assert duplicates.conflicts(examples("a", "train", [])) == 0


def test_other_choices_are_no_contradiction(examples):
    frame = examples("a", "train", [("x", "q", 0), ("x", "q", 1)], choices=[["a", "b"], ["c", "d"]])
    assert duplicates.conflicts(frame) == 0
