"""Every construct that has a program, against the reference renderer, on rows of all kinds."""

import re
import time
from pathlib import Path
from threading import Lock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.prompt_file import read_prompts
from pipeline.errors import DataError
from pipeline.templates import render as module
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Renderer, RenderError
from pipeline.templates.render import SCHEMA, PromptRenderer

PROMPTS = {
    p.name: p for p in read_prompts(Path(__file__).parent / "prompts/templates.yaml").prompts
}
LEFT_TO_JINJA = {
    "abs and int": "the filter 'abs'",
    "and or": "a value of several kinds",
    "append in loops in loops": "an append to such a list by a loop",
    "carried": "the function 'namespace'",
    "comparisons": "membership in a list",
    "fails": "something asked of an undefined value",
    "filters of lists": "the filter 'sort'",
    "found": "the method 'count' of a str",
    "index of an option": "membership in a list",
    "more than two parts": "more than two parts",
    "namespace": "the function 'namespace'",
    "options by branch": "a value of several kinds",
    "pop and update": "a list that another value may hold",
    "printed list": "printing a list",
    "set in a branch": "a value of several kinds",
    "tests": "the test 'false'",
    "zip": "a zip of a column with written-out elements",
}
"""The prompts of the frozen set that have no program, each with the reason that is given."""

ROW = pl.Schema(
    {
        "text": pl.String(), "question": pl.String(), "answer": pl.String(), "digits": pl.String(),
        "maybe": pl.String(), "label": pl.Int64(), "score": pl.Float64(), "flag": pl.Boolean(),
        "options": pl.List(pl.String()), "numbers": pl.List(pl.Int32()),
        "table": pl.List(pl.List(pl.String())),
        "record": pl.Struct({"name": pl.String(), "kind": pl.String(), "tags": pl.List(pl.String())}),
        "records": pl.List(pl.Struct({"name": pl.String(), "value": pl.Int16()})),
    }
)  # fmt: skip

TEXTS = st.sampled_from(
    [
        "cat", "a", "b", "A dog. ", "", " ", "|", "||", "a|||b", "x |", "{{ text }}", "ǅ ß ﬁ", "ΑΣ",
        "\x1cfs\x1d",
        "\u00a0nb\u2003", "'q' \"r\"", "a,b", "line\nbreak\n", "İ", "one two  three", "items", "append",
        "12", "-3",
        " 7 ", "1e3", "naïve", "aaa", "%s $1 \\1", "x" * 2060, "日本語 aa", "None",
    ]
)  # fmt: skip
WORDS = st.text("ab c.", max_size=6)
NUMBERS = st.integers(-3, 5) | st.sampled_from([2**40, 2**62])
FLOATS = st.floats(-5, 5, width=32) | st.sampled_from(
    [0.1, 2.5, 1e16, 1e-5, -0.0, float("nan"), 2.675]
)


class InProcess:
    """The row renderer without its process, which takes a third of a second to start."""

    def __init__(self, prompt: Prompt, mode: Mode, *, where: str) -> None:
        self._renderer = Renderer(prompt, mode, where=where)
        self.lock = Lock()

    def render(self, rows: list[dict], keys: list[int]) -> list:
        out = []
        for row, key in zip(rows, keys, strict=True):
            try:
                out.append(self._renderer.render(row, key))
            except RenderError as error:
                out.append(str(error))
        return out

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def in_process():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Sandbox", InProcess)
        yield


def rows(*, nulls: bool):
    """Strategy of one row of `ROW`."""

    def maybe(strategy, weight: int = 8):
        return st.one_of([strategy] * weight + [st.none()]) if nulls else strategy

    text = maybe(TEXTS | WORDS)
    lists = maybe(st.lists(text, max_size=4))
    return st.fixed_dictionaries(
        {
            "text": text, "question": text, "answer": maybe(st.sampled_from(["a", "b", "cat", "", "x"])),
            "digits": maybe(st.sampled_from(["1", "12", "x", "", "1.5", " 3", "-4", "9" * 20])),
            "maybe": st.none() | text, "label": maybe(NUMBERS), "score": maybe(FLOATS),
            "flag": maybe(st.booleans()), "options": lists,
            "numbers": maybe(st.lists(maybe(st.integers(-5, 5)), max_size=4)),
            "table": maybe(st.lists(lists, max_size=3)),
            "record": maybe(st.fixed_dictionaries({"name": text, "kind": text, "tags": lists})),
            "records": maybe(st.lists(
                maybe(st.fixed_dictionaries({"name": text, "value": maybe(st.integers(-2, 3))})),
                max_size=3)),
        }
    )  # fmt: skip


def frame_of(values: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(values, schema=ROW)


def wanted(prompt: Prompt, frame: pl.DataFrame, mode: Mode) -> list:
    """What the reference makes of each row; None where the template fails."""
    renderer, out = Renderer(prompt, mode, where="test"), []
    for key, row in enumerate(frame.to_dicts()):
        try:
            made = renderer.render(row, key)
            out.append((made.parts, made.options))
        except RenderError:
            out.append(None)
    return out


def got(made: pl.DataFrame) -> list:
    out = []
    for row in made.iter_rows(named=True):
        parts = (row["input"], row["target"], *(row["rest"] or ()))
        options = None if row["options"] is None else tuple(row["options"])
        out.append((parts[: row["parts"]], options) if row["parts"] else None)
    return out


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", sorted(PROMPTS))
@given(
    clean=st.lists(rows(nulls=False), min_size=1, max_size=4),
    nasty=st.lists(rows(nulls=True), max_size=4),
)
@settings(max_examples=8, deadline=None)
def test_every_construct_renders_as_the_reference_does(name, clean, nasty):
    prompt = PROMPTS[name]
    with PromptRenderer(prompt, ROW, Mode(seed=3)) as renderer:
        for frame in (frame_of(clean), frame_of(clean + nasty)):
            assert got(renderer.render(frame)) == wanted(prompt, frame, Mode(seed=3))
        assert renderer.report.troubles == []


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_the_tier_of_every_construct(name):
    with PromptRenderer(PROMPTS[name], ROW) as renderer:
        if name in LEFT_TO_JINJA:
            assert (renderer.plan.tier, renderer.plan.why) == ("jinja", LEFT_TO_JINJA[name])
        else:
            assert (renderer.plan.tier, renderer.plan.why) == ("expressions", "")


FRIENDLY = [
    {
        "text": f"a cat {i}", "question": "why?", "answer": "bb", "digits": str(i), "maybe": "m",
        "label": i % 2, "score": i / 4, "flag": i % 3 == 0, "options": ["aa", "bb", "aa"],
        "numbers": [3, 1], "table": [["p"], ["q", "p"]],
        "record": {"name": "n", "kind": "k", "tags": ["t"]}, "records": [{"name": "r", "value": i}],
    }
    for i in range(50)
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(PROMPTS) - set(LEFT_TO_JINJA)))
def test_ordinary_rows_never_fall_back(name):
    with PromptRenderer(PROMPTS[name], ROW) as renderer:
        renderer.render(frame_of(FRIENDLY))
        assert (renderer.report.rows, renderer.report.fallen) == (50, 0)
        assert not renderer.report.alarming


def test_exact_texts():
    with PromptRenderer(PROMPTS["append"], ROW) as renderer:
        made = renderer.render(frame_of(FRIENDLY[:1]))
    assert made.schema == SCHEMA
    assert made.rows() == [("AA+BB+AA", "3", 2, None, None, None)]


def test_draws_depend_on_seed_key_and_prompt_alone():
    frame = pl.DataFrame({"x": ["v"] * 200})

    def drawn(seed: int, first: int, prompt_id: str = "p") -> list:
        prompt = Prompt(prompt_id, "n", "{{ ['a', 'b', 'c'] | choice }} ||| t")
        with PromptRenderer(prompt, frame.schema, Mode(seed=seed)) as renderer:
            return renderer.render(frame, first)["input"].to_list()

    assert drawn(1, 0) == drawn(1, 0)
    assert drawn(1, 0)[50:] == drawn(1, 50)[:150]
    assert drawn(1, 0) != drawn(2, 0)
    assert drawn(1, 0) != drawn(1, 0, "q")
    counts = [drawn(1, 0).count(letter) for letter in "abc"]
    assert min(counts) > 40


def test_batches_in_parallel_keep_the_order(monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 7)
    frame = pl.DataFrame({"i": range(100)})
    with PromptRenderer(Prompt("p", "n", "{{ i }} ||| {{ i + 1 }}"), frame.schema) as renderer:
        made = renderer.render(frame)
        assert renderer.report.rows == 100
    assert made["input"].to_list() == [str(i) for i in range(100)]


def test_a_batch_that_repeats_too_much_text_is_split(monkeypatch):
    from pipeline.templates.vector import program

    monkeypatch.setattr(program, "MOST_BYTES", 20_000)
    frame = pl.DataFrame({"text": ["y" * 1_000] * 8, "xs": [["a", "b", "c"]] * 8})
    prompt = Prompt("p", "n", "{% for x in xs %}{{ text }}{{ x }}{% endfor %} ||| t")
    with PromptRenderer(prompt, frame.schema) as renderer:
        made = renderer.render(frame)
        assert (renderer.report.fallen, renderer.report.troubles) == (0, [])
    assert made["input"].to_list() == ["".join("y" * 1_000 + x for x in "abc")] * 8


def test_a_null_column_and_no_rows_and_no_fields():
    prompt = Prompt("p", "n", "{{ x }} ||| const")
    for frame in (
        pl.DataFrame({"x": [None, None]}),
        pl.DataFrame({"x": pl.Series([], dtype=pl.Int8)}),
    ):
        with PromptRenderer(prompt, frame.schema) as renderer:
            assert renderer.render(frame)["input"].to_list() == ["None"] * frame.height
    frame = pl.DataFrame({"y": [1, 2, 3]})
    with PromptRenderer(Prompt("p", "n", "hello ||| world"), frame.schema) as renderer:
        assert renderer.render(frame)["target"].to_list() == ["world"] * 3


def test_a_column_named_answer_choices_is_refused():
    frame = pl.DataFrame({"answer_choices": ["x"]})
    with pytest.raises(DataError, match="a name that prompts reserve"):
        PromptRenderer(Prompt("p", "n", "{{ answer_choices }} ||| t"), frame.schema)


EXPRESSIONS = st.recursive(
    st.sampled_from(["text", "question", "answer", "label", "flag", "options", "options[0]",
                     "absent", "'a'", "3", "record.name", "maybe", "none", "answer_choices[label]",
                     "range(3)", "zip(options, [1, 2])", "{'k': text}.items()",
                     "score"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["==", "!=", "in", "and", "or", "~", "+", "<", "*"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(["lower", "trim", "length", "string", "first", "int",
                                          "join(',')", "upper", "default('d')",
                                              "default('e', true)", "list", "last",
                                          "replace('a', 'b')", "capitalize", "unique | list",
                                          "abs", "unique",
                                          "map('upper')", "select", "random", "sort", "reject('none')",
                                          "select | list"])).map(
            lambda t: f"({t[0]} | {t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        inner.map(lambda e: f"(not {e})"), inner.map(lambda e: f"({e})[:2]"),
        inner.map(lambda e: f"({e})[0]"),
    ),
    max_leaves=6,
)  # fmt: skip
STATEMENTS = st.recursive(
    st.one_of(EXPRESSIONS.map(lambda e: f"{{{{ {e} }}}}"), st.sampled_from(["words ", "\n", " | ", "é"])),
    lambda inner: st.one_of(
        st.tuples(EXPRESSIONS, inner, inner).map(
            lambda t: f"{{% if {t[0]} %}}{t[1]}{{% else %}}{t[2]}{{% endif %}}"),
        st.tuples(st.sampled_from(["options", "numbers", "[1, 2]", "table"]), inner).map(
            lambda t: f"{{% for e in {t[0]} %}}{t[1]}{{{{ e }}}}{{{{ loop.index }}}}{{% endfor %}}"),
        st.tuples(EXPRESSIONS, inner).map(lambda t: f"{{% set v = {t[0]} %}}{t[1]}{{{{ v }}}}"),
        st.tuples(inner, inner).map("".join),
    ),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.usefixtures("in_process")
@given(STATEMENTS, STATEMENTS, st.lists(rows(nulls=True), min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_any_template_renders_as_the_reference_does(before, after, values):
    """Templates and rows made up; whatever tier they get, and whether or not they fail."""
    prompt = Prompt("p", "made up", f"{before} ||| {after}", "no ||| {{ text }}")
    frame = frame_of(values)
    with PromptRenderer(prompt, ROW) as renderer:
        made, want = got(renderer.render(frame)), wanted(prompt, frame, Mode())
    # a generator prints its address
    assert re.sub(" at 0x[0-9a-f]+", "", repr(made)) == re.sub(" at 0x[0-9a-f]+", "", repr(want))


ALIASES = [
    "{% for x in options if x not in l %}{{ l.append(x) or '' }}{{ x }}{% endfor %} ||| t",
    "{% for x in options %}{% if l %}again{% endif %}{{ l.append(x) or '' }}{% endfor %} ||| t",
    "{% set m = l %}{% for x in options %}{{ l.append(x) or '' }}{% endfor %}{{ m | join }} ||| t",
    "{% set d = {'l': l} %}{% for x in options %}{{ l.append(x) or '' }}{% endfor %}"
        "{{ d.l | join }} ||| t",
    "{% set m = [l] %}{{ l.append(text) or '' }}{{ m[0] | join }} ||| t",
    "{% set m = l or [] %}{{ l.append(text) or '' }}{{ m | join }} ||| t",
    "{% set m = options %}{{ m.append(text) or '' }}{{ options | join }} ||| t",
    "{% for x in [1, 2] if x not in l %}{{ l.append(2) or '' }}{{ x }}{% endfor %} ||| t",
    "{% if flag %}{% set m = l %}{% else %}{% set m = ['b'] %}{% endif %}{{ m.append('c') or '' }}"
        "{{ l }} ||| t",
    "{% set n = namespace(k='a') %}{% for x in options if x == n.k %}{% set n.k = 'b' %}{{ x }}"
        "{% endfor %} ||| t",
    "{% set l = [1] %}{% for x in l %}{% if x < 4 %}{{ l.append(x + 1) or '' }}{% endif %}"
        "{% endfor %}{{ l }} ||| t",
    "{% for x in options %}{% set l = [] %}{{ l.append(x) or '' }}{% endfor %}{{ l | length }} ||| t",
    "{{ text }}||| t", "{{ text }}|{{ answer }} ||| t", "a ||| {{ options[0] }}", "{{ "
        "text | length }} ||| t",
]  # fmt: skip
"""Lists that two names hold, lists that change while they are looped over, and pipes "
        "where they matter."""

ODD = [
    {**FRIENDLY[i], "text": text, "answer": answer, "options": options}
    for i, (text, answer, options) in enumerate(
        [
            ("a|", "|b", ["a", "b", "a"]),
            ("a|||b", "||", ["x|||y"]),
            ("||", "|", []),
            ("c", "d", ["b", "b|"]),
        ]
    )
]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("jinja", ALIASES)
def test_aliases_and_pipes(jinja):
    prompt = Prompt("p", "n", "{% set l = [] %}" + jinja, "{{ text }}|||{{ answer }}")
    with PromptRenderer(prompt, ROW) as renderer:
        assert got(renderer.render(frame_of(ODD))) == wanted(prompt, frame_of(ODD), Mode())


def test_a_mark_of_our_own_in_a_field_does_not_split_the_options():
    prompt = Prompt(
        "p", "n", "{{ text }} ||| {{ answer_choices[0] }}", "{{ options | join('|||') }}"
    )
    rows = [{**FRIENDLY[0], "options": ["a\ufdd0\ufdd1\ufdd2b", "c|||d"]}]
    with PromptRenderer(prompt, ROW) as renderer:
        made = renderer.render(frame_of(rows))
        assert (renderer.plan.tier, renderer.report.fallen) == ("expressions", 1)
    assert made["options"].to_list() == [["a\ufdd0\ufdd1\ufdd2b", "c|||d"]]


def test_pipes_in_fields_need_no_second_renderer():
    prompt = Prompt("p", "n", "{{ text[:3] }}{{ text | length }} ||| {{ answer }}")
    with PromptRenderer(prompt, ROW) as renderer:
        made = renderer.render(frame_of(ODD))
        assert renderer.report.fallen == 0
    assert made.select("input", "target").rows() == [
        ("a|2", "|b"), ("a||5", "||"), ("||2", "|"), ("c1", "d"),
    ]  # fmt: skip


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "jinja",
    [
        "{{ text" + " | default('x', true)" * 50 + " }} ||| t",
        "{{ " + "numbers[" * 50 + "label" + "]" * 50 + " }} ||| t",
        "{% set b = text %}" + "{% set b = b if b == 'a' else b ~ 'z' %}" * 150 + "{{ b }} ||| t",
        "{{ text" + "[label:label]" * 50 + " }} ||| t",
        "{{ label" + " < label" * 1_000 + " }} ||| t",
        "{% set b = text ~ text %}" + "{% set b = b ~ b %}" * 40 + "{{ b | length }} ||| t",
        "{% set b = [text, answer] %}" + "{% set b = [b, b] %}" * 40 + "{{ b | length }} ||| t",
        "{% for x in options %}" * 12 + "{{ x }}" + "{% endfor %}" * 12 + " ||| t",
        "{% if label == 0 %}x" + "".join(f"{{% elif label == {i} %}}y" for i in range(1, 300))
            + "{% endif %} ||| t",
    ],
)  # fmt: skip
def test_templates_that_unfold_are_compiled_within_bounds(jinja):
    """Copies of copies: without limits each of them takes minutes, or all memory."""
    prompt = Prompt("p", "n", jinja)
    rows = frame_of([{**FRIENDLY[0], "numbers": [0, 1, 0]}])
    before = time.process_time()
    with PromptRenderer(prompt, ROW) as renderer:
        assert got(renderer.render(rows)) == wanted(prompt, rows, Mode())
    assert time.process_time() - before < 60


PIECES = st.sampled_from(
    [
        "{% set l = [] %}", "{% set m = l %}", "{% set m = [l, x] %}", "{% set d = {'l': l, 'n': 1} %}",
        "{% set ns = namespace(l=l, n=0) %}", "{% set ns.n = label %}", "{% set ns.n = ns.n + 1 %}",
        "{{ l.append(text) or '' }}", "{{ l.append(x) | default('', true) }}",
        "{{ m.append('z') or '' }}",
        "{{ d.update({'n': x}) or '' }}", "{{ l | join('+') }}", "{{ m | join('-') }}",
        "{{ l | length }}",
        "{{ d.n }}{{ d['l'] | join }}", "{{ ns.n }}{{ ns.l | join }}", "{{ l.pop() }}", "{{ x }}",
        "{% set x = 'X' %}",
        "{% set x = l | length %}", "{% set l = l + ['q'] %}", "{% set m = l or ['e'] %}",
    ]
)  # fmt: skip
CHANGES = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(st.sampled_from(["options", "[1, 2]", "l", "m", "numbers"]), inner).map(
            lambda t: f"{{% for x in {t[0]} %}}{t[1]}{{% endfor %}}"),
        st.tuples(st.sampled_from(["options", "l"]), st.sampled_from(["x not in l", "x != answer",
            "l"]), inner).map(
            lambda t: f"{{% for x in {t[0]} if {t[1]} %}}{t[2]}{{% endfor %}}"),
        st.tuples(st.sampled_from(["flag", "l", "x == 'a'", "label > 1"]), inner, inner).map(
            lambda t: f"{{% if {t[0]} %}}{t[1]}{{% else %}}{t[2]}{{% endif %}}"),
    ),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.usefixtures("in_process")
@given(CHANGES, st.lists(rows(nulls=False), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_what_a_template_changes_is_seen_where_python_sees_it(changes, values):
    prompt = Prompt(
        "p", "made up", "{% set l = [] %}{% set x = 'a' %}" + changes + "{{ l | join(',') }} ||| t"
    )
    frame = frame_of(values)
    with PromptRenderer(prompt, ROW) as renderer:
        assert got(renderer.render(frame)) == wanted(prompt, frame, Mode())
