"""Errors say where, what, what was expected and what to do."""

import pytest

from pipeline.errors import ConfigError, PipelineError, nearest, unknown_name, visible


def test_an_error_lists_its_parts_in_order():
    error = PipelineError("is -1", where="a.yaml: k", expected="a count", remedy="raise it")
    assert str(error) == "a.yaml: k: is -1\n  expected: a count\n  to do: raise it"


def test_an_error_without_parts_is_one_line():
    assert str(ConfigError("broken")) == "broken"


def test_the_nearest_name_is_found_within_a_typo():
    assert nearest("hellaswg", ["winogrande", "hellaswag"]) == "hellaswag"


def test_nothing_is_near_a_name_of_another_kind():
    assert nearest("xyz", ["winogrande", "hellaswag"]) == ""


def test_an_unknown_name_suggests_the_nearest():
    assert unknown_name("task", "rtee", ["rte", "cb"]) == (
        "no task named 'rtee'",
        "did you mean 'rte'?",
    )


def test_an_unknown_name_lists_what_exists_when_none_is_near():
    names = [f"n{i:02}" for i in range(18)]
    what, remedy = unknown_name("task", "zzz", names)
    assert what == "no task named 'zzz'"
    assert remedy == f"known: {', '.join(names[:16])} and 2 more"


def test_an_unknown_name_says_so_when_nothing_exists():
    assert unknown_name("task", "x", []) == ("no task named 'x'", "there is no task yet")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \t text\nön two lines 🙂", "plain \t text\nön two lines 🙂"),
        ("\x1b[31mred\r\x07\x9b", "\\x1b[31mred\\r\\x07\\x9b"),
        ("a\u202eb\u2066c\u200f", "a\\u202eb\\u2066c\\u200f"),
    ],
)
def test_control_characters_are_spelled_out(text, shown):
    assert visible(text) == shown
