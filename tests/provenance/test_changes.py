"""Two mappings: the keys that differ, and how a value is worded."""

import pytest

from pipeline.provenance.changes import ABSENT, Change, changes, flat, shown


def test_nested_keys_are_joined_and_equal_ones_left_out():
    before = {"a": {"b": 1, "c": [1, 2]}, "d": None, "e": {}}
    after = {"a": {"b": 2, "c": (1, 2)}, "f": "x", "d": None}
    assert changes(before, after) == (Change("a.b", 1, 2), Change("f", ABSENT, "x"))


def test_null_and_a_missing_key_are_not_the_same():
    assert changes({"a": None}, {}) == (Change("a", None, ABSENT),)
    assert changes({"a": None}, {})[0].json() == {"key": "a", "before": None}


def test_true_is_not_one():
    assert changes({"a": True}, {"a": 1}) == (Change("a", True, 1),)


def test_a_list_of_mappings_is_numbered():
    assert flat({"phases": [{"rows": 5}, {"rows": 6}], "tasks": ["x"]}) == {
        "phases.0.rows": 5,
        "phases.1.rows": 6,
        "tasks": ["x"],
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), (ABSENT, "none"), (True, "true"), (28800, "28,800"), (512, "512"), (2.0, "2"),
        (0.25, "0.25"), ("", "(empty)"), ("a\n b", "a b"), ("ab" * 32, "abababababab"),
        ("word " * 30, "word word word word word word word word word word word [...]"),
        (["a", "b"], "['a', 'b']"), ("\x1b[2J", "\\x1b[2J"),
    ],
)  # fmt: skip
def test_values_are_worded_on_one_line(value, words):
    assert shown(value) == words


def test_a_change_is_worded_with_both_sides():
    assert str(Change("train.batch", 16, ABSENT)) == "train.batch: 16 -> none"
