"""Roles partition a task's rows; the cut of select depends on nothing but the rows' own text."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.params import CurateParams
from pipeline.curation import roles

SMALL = CurateParams(select_share=0.2, select_min=2, select_max=8)


def task(examples, train, validation=(), test=()):
    parts = {"train": train, "validation": validation, "test": test}
    return pl.concat(
        examples("a", split, rows).with_columns(
            split=pl.lit(split), row=pl.int_range(len(rows), dtype=pl.Int64)
        )
        for split, rows in parts.items()
    )


def assign(frame, params=SMALL):
    return roles.assigned(frame, params, report=roles.report_split(frame))


def counts(frame):
    return dict(frame.group_by("role").len().iter_rows())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(0, 0), (1, 0), (2, 1), (60, 30), (100, 50), (300, 50), (1000, 100), (100_000, 1000)],
)
def test_select_is_a_tenth_within_its_bounds_and_at_most_half(rows, expected):
    assert roles.select_target(rows, CurateParams()) == expected


def test_report_is_the_test_split_where_all_of_it_is_labelled(examples):
    frame = task(examples, [("a", "b")], [("c", "d")], [("e", "f")])
    assert roles.report_split(frame) == "test"


def test_one_hidden_label_hands_report_to_validation(examples):
    frame = task(examples, [("a", "b")], [("c", "d")], [("e", "f"), ("g", "h", None)])
    assert roles.report_split(frame) == "validation"


def test_without_labelled_rows_there_is_no_report(examples):
    frame = task(examples, [("a", "b")], [("c", "d", None)], [("g", "h", None)])
    assert roles.report_split(frame) is None
    assert counts(assign(frame)) == {"train": 1, "unused": 2}


def with_validation(examples, rows):
    train = [(f"text {i}", "q") for i in range(40)]
    held_out = [(f"held out {i}", "q") for i in range(rows)]
    return task(examples, train, held_out, [("e", "f")] * 2)


def test_select_is_drawn_from_a_validation_split_that_is_free(examples):
    frame = with_validation(examples, 12)
    assert counts(assign(frame)) == {"train": 40, "select": 8, "report": 2, "unused": 4}
    assert roles.validation_use(frame, SMALL, "test", "select") == "select"


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("train", {"train": 44, "select": 8, "report": 2}),
        ("unused", {"train": 32, "select": 8, "report": 2, "unused": 12}),
    ],
)
def test_a_card_gives_its_validation_split_another_use(examples, use, expected):
    frame = with_validation(examples, 12)
    assert counts(roles.assigned(frame, SMALL, report="test", validation=use)) == expected


def test_a_validation_split_of_few_rows_is_unused(examples):
    frame = with_validation(examples, 1)
    assert counts(assign(frame)) == {"train": 32, "select": 8, "report": 2, "unused": 1}
    assert roles.validation_use(frame, SMALL, "test", "select") == "unused"


def test_a_validation_split_without_labels_is_unused(examples):
    hidden = [(f"held out {i}", "q", None) for i in range(9)]
    frame = task(examples, [(f"text {i}", "q") for i in range(40)], hidden, [("e", "f")])
    assert counts(assign(frame))["unused"] == 9


def test_rows_of_one_context_fall_on_one_side(examples):
    train = [(f"Passage {i // 3}", f"question {i}") for i in range(30)]
    frame = assign(task(examples, train))
    sides = frame.group_by("context").agg(pl.col("role").n_unique())
    assert sides["role"].max() == 1
    assert counts(frame) == {"train": 24, "select": 6}


def test_one_passage_for_all_rows_is_cut_row_by_row(examples):
    frame = assign(task(examples, [("The passage", f"question {i}") for i in range(30)]))
    assert counts(frame) == {"train": 24, "select": 6}


def test_a_group_larger_than_the_target_does_not_fill_select(examples):
    train = [("Large", f"q {i}") for i in range(90)] + [(f"Small {i}", "q") for i in range(10)]
    frame = assign(task(examples, train), CurateParams(select_share=0.1, select_min=1))
    chosen = frame.filter(role="select")
    assert chosen.height == 10
    assert 0 < chosen.filter(context="Large").height < 10


def test_equal_contexts_of_other_tasks_are_cut_alike(examples):
    train = [(f"Passage {i}", "q") for i in range(30)]
    one = assign(task(examples, train))
    other = assign(task(examples, [(text.upper() + "!", "other question") for text, _ in train]))
    assert one["role"].to_list() == other["role"].to_list()


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(0, 40))
def test_units_are_taken_until_none_fits(sizes, capacity):
    array = np.array(sizes, dtype=np.uint32)
    marks = roles._fitting(array, capacity)
    left = capacity - int(array[marks].sum())
    assert left >= 0
    assert all(size > left for size in array[~marks])


CONTEXT = st.sampled_from(["", "", "one passage", "another passage", "a third one"])
ROWS = st.lists(
    st.tuples(CONTEXT, st.integers(0, 60).map("question {}".format)),
    min_size=1,
    max_size=60,
    unique=True,
)


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, data=st.data())
def test_roles_partition_and_ignore_the_order_of_rows(examples, rows, data):
    frame = task(examples, rows, [("v", "w")], [])
    result = assign(frame)
    by_id = dict(result.select("example_id", "role").iter_rows())
    assert sorted(by_id) == sorted(frame["example_id"])
    assert set(by_id.values()) <= {"train", "select", "report"}
    select = result.filter(role="select").height
    assert select <= roles.select_target(len(rows), SMALL)
    order = data.draw(st.permutations(range(frame.height)))
    shuffled = assign(frame[list(order)])
    assert dict(shuffled.select("example_id", "role").iter_rows()) == by_id
