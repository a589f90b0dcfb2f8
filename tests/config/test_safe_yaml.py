"""YAML is plain data, and no text can fill the memory or the stack."""

import pytest

from pipeline.config.safe_yaml import MAX_BYTES, dump, parse
from pipeline.errors import ConfigError


def complaint(text, **options):
    with pytest.raises(ConfigError) as caught:
        parse(text, where="x.yaml", **options)
    return str(caught.value)


def bomb(levels):
    """One list of ten texts, and lists of ten aliases of the list before."""
    lines = [f"a0: &a0 [{', '.join(['x'] * 10)}]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


def test_aliases_are_read():
    text = "a: &a {x: 1}\nb: *a\nc: [*a, *a]"
    assert parse(text, where="x") == {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 1}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "x.yaml, line 5: the aliases stand for more than 100000 values"),
        ("a: &a [*a]", "x.yaml, line 1: '*a' stands for itself"),
        ("a: &a {b: {c: *a}}", "x.yaml, line 1: '*a' stands for itself"),
        ("a: " + "[" * 100_000, "x.yaml, line 1: nested more than 64 deep"),
        ("a: " + "{b: " * 100_000, "x.yaml, line 1: nested more than 64 deep"),
        ("\n".join(" " * i + "a:" for i in range(80)), "nested more than 64 deep"),
        ("a: " + "7" * 5000, "x.yaml: not YAML: Exceeds the limit (4300 digits)"),
        ("x" * (MAX_BYTES + 1), "x.yaml: the text has 16777217 characters"),
        ("a: !!python/object:os.system x", "not YAML: could not determine a constructor"),
        ("a: !Foreign {b: 1}", "not YAML: could not determine a constructor"),
        ("a: *none", "undefined alias"),
    ],
)
def test_what_could_do_harm_is_refused(text, message):
    assert message in complaint(text)


def test_named_tags_are_plain_mappings():
    assert parse("a: !Mine {b: 1}", where="x", tags=["!Mine"]) == {"a": {"b": 1}}
    assert "with no tags but !Mine" in complaint("a: !Other {b: 1}", tags=["!Mine"])


def test_the_rules_of_both_versions():
    text = "a: no\nb: 1e5\nc: 1.5e3"
    assert parse(text, where="x") == {"a": "no", "b": 1e5, "c": 1500.0}
    assert parse(text, where="x", old=True) == {"a": False, "b": "1e5", "c": 1500.0}


def test_what_is_written_reads_back():
    value = {"b": [1, "no", None], "a": {"long": "word " * 60}}
    assert parse(dump(value), where="x") == value
    assert parse(dump(value, old=True), where="x", old=True) == value
    assert list(parse(dump(value), where="x")) == ["b", "a"]
