"""Hostile templates, in the real process."""

import resource
import subprocess
import sys
import time

import polars as pl
import pytest

from pipeline.errors import ConfigError, DataError
from pipeline.templates import render
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Rendered, Renderer, RenderError
from pipeline.templates.render import PromptRenderer
from pipeline.templates.sandbox import Sandbox

FRAME = pl.DataFrame({"a": ["x"], "n": [3], "xs": [["p", "q"]]})


def prompt(jinja: str, name: str = "p") -> Prompt:
    return Prompt("id", name, jinja)


def outcome(jinja: str) -> str:
    """The words with which a template is stopped, whichever fence stops it."""
    try:
        with PromptRenderer(prompt(jinja), FRAME.schema) as renderer:
            return renderer.render(FRAME)["error"][0] or ""
    except (ConfigError, DataError) as error:
        return str(error)


@pytest.mark.parametrize(
    ("jinja", "words"),
    [
        ("{{ ''.__class__.__mro__ }} |||", "asks for the attribute '__mro__'"),
        ("{{ a['__class__'] }} |||", "asks for the item '__class__'"),
        ("{{ a | attr('__class__') }} |||", "uses the filter 'attr', which is not allowed"),
        ("{{ '{0.__class__}'.format(a) }} |||", "calls the method 'format', which is not allowed"),
        ("{{ cycler.__init__.__globals__ }} |||", "asks for the attribute '__globals__'"),
        ("{% for i in range(10**9) %}x{% endfor %} |||", "holds a Pow, which is not allowed"),
        ("{{ 'x' | center(3000000000) }} |||", "uses the filter 'center', which is not allowed"),
        ("{% macro f() %}{{ f() }}{% endmacro %} |||", "holds a Macro, which is not allowed"),
        ("{% include 'x' %} |||", "holds a Include, which is not allowed"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }} |||", "nested too deeply"),
        ("{{ " + "[" * 70 + "1" + "]" * 70 + " }} |||", "nested more than 60 deep"),
        ("x" * 40_000, "has 40,000 characters"),
    ],
)
def test_what_is_not_allowed_is_refused_before_it_runs(jinja, words):
    started = time.process_time()
    assert words in outcome(jinja)
    assert time.process_time() - started < 1


COSTLY = [
    ("{% for i in range(1000000000) %}x{% endfor %} |||", "Range too big"),
    (
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %} |||",
        "100,000 steps",
    ),
    ("{{ a * 3000000000 }} |||", "more than 4,000,000 characters"),
    ("{{ '%3000000000d' | format(n) }} |||", "formats with '%3000000000d'"),
    ("{{ '%c' | format(55296) }} |||", "formats with '%c'"),
    (
        "{% set b = a ~ a %}" + "{% set b = b ~ b ~ b ~ b %}" * 30 + "{{ b }} |||",
        "4,000,000 characters",
    ),
    ("{% for x in xs %}{{ xs.append(x) }}{% endfor %} |||", "100,000 steps"),
    ("{{ (a ~ 'y' * 3000) | replace('y', 'z' * 3000) }} |||", "4,000,000 characters"),
]


@pytest.mark.parametrize(("jinja", "words"), COSTLY)
def test_what_costs_too_much_is_refused_by_its_budget(jinja, words):
    """Without the process, whose limit of time a slow machine may reach first."""
    with pytest.raises(RenderError, match=words):
        Renderer(prompt(jinja), Mode(), where="x").render(FRAME.to_dicts()[0], 0)


@pytest.mark.parametrize(
    ("jinja", "words"),
    [*COSTLY, ("{% set b = [a] %}" + "{% set b = [b, b] %}" * 60 + "{{ b }} |||", "was stopped")],
)
def test_what_costs_too_much_is_stopped_with_bounded_memory(jinja, words):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stopped = outcome(jinja)
    assert words in stopped or "the prompt was stopped: TimeoutError" in stopped
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ a }}" * 400 + " ||| t",
        "{% for i in range(200) %}{{ a }}{% endfor %} ||| t",
        "{% set b = a ~ a ~ a ~ a %}{% set c = b ~ b ~ b ~ b %}{{ c ~ c ~ c ~ c }} ||| t",
        "{{ a | replace('x', '" + "y" * 60 + "') }} ||| t",
        "{% for x in xs %}{{ a }}{% endfor %} ||| t",
        "{{ 'word ' * 20000 }} ||| t",
        "t ||| {{ a * 1000 }}",
    ],
)
def test_rows_that_sum_to_too_much_text_are_stopped(jinja, monkeypatch):
    """Each row is within its own limits. Without a limit on all, these would be 100 to 2,000 MB."""
    monkeypatch.setattr(render, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(render, "ROW_BYTES", 16)
    monkeypatch.setattr(render, "GROWTH", 1)
    rows = pl.DataFrame({"a": ["x" * 100] * 20_000, "xs": [["p"] * 100] * 20_000})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        PromptRenderer(prompt(jinja), rows.schema) as renderer,
        pytest.raises(DataError, match="the prompt was stopped: it makes too much text"),
    ):
        renderer.render(rows)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB


def test_a_prompt_may_make_four_times_what_it_reads(monkeypatch):
    monkeypatch.setattr(render, "FREE_BYTES", 0)
    rows = pl.DataFrame({"a": ["word " * 2_000] * 300})
    with PromptRenderer(prompt("{{ a }}{{ a }}{{ a }} ||| t"), rows.schema) as renderer:
        assert renderer.render(rows)["input"].str.len_chars().sum() == 300 * (30_000 - 1)


def test_a_repetition_that_fits_is_rendered():
    assert outcome("{{ 'x' * 1000000 }} |||") == ""


def test_the_process_answers_row_by_row_and_words_failures():
    with Sandbox(prompt("{{ a.b.c }} ||| {{ n }}"), Mode(), where="here") as sandbox:
        rows = [{"a": {"b": {"c": "v"}}, "n": 1}, {"a": "x", "n": 2}]
        assert list(sandbox.render(rows, [0, 1])) == [
            Rendered(("v", "1"), None),
            "UndefinedError: 'str object' has no attribute 'b'",
        ]


def test_the_name_of_a_prompt_gets_into_no_code():
    """Jinja writes the name that it is given into the source that it compiles."""
    name = "x') or __import__('os').abort() or ('"
    with Sandbox(
        prompt("{{ 'x' if n > 5 }} |||", name), Mode(), where=f"prompt '{name}'"
    ) as sandbox:
        assert list(sandbox.render([{"n": 1}], [0])) == [Rendered(("", ""), None)]


def test_a_template_that_is_not_allowed_is_named_with_its_place():
    with (
        Sandbox(prompt("{% block x %}{% endblock %}"), Mode(), where="here") as sandbox,
        pytest.raises(ConfigError, match="here, line 1: the template holds a Block"),
    ):
        list(sandbox.render([{}], [0]))


def test_values_that_are_no_plain_data_are_refused():
    frame = pl.DataFrame({"when": ["2020-01-01"]}).with_columns(pl.col("when").str.to_date())
    dated = Prompt("p", "n", "{{ when.nothing.more }} ||| t")
    with (
        PromptRenderer(dated, frame.schema) as renderer,
        pytest.raises(DataError, match="cast such columns to text"),
    ):
        renderer.render(frame)


ESCAPED = """
import os, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pipeline.templates.child import _give_up
_give_up()
def write():
    os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b"x")
for act in (write, lambda: bytearray(2**30)):
    try:
        act()
        print("done")
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
"""


def test_the_process_gave_up_files_and_memory(tmp_path):
    """What a template would find that broke out of every other fence."""
    command = [sys.executable, "-c", ESCAPED, str(tmp_path / "x")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["OSError", "MemoryError"]
