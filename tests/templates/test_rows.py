import keyword
import re

from pipeline.templates.generate import Generator
from pipeline.templates.lower import lower
from pipeline.templates.reference import Rendered
from pipeline.templates.rows import RowProgram

NASTY = '''{% set n = namespace(x="') or __import__") %}{{ "os\\"; exit()" ~ row["'; os"] }}{# """ #}
{% for loopy in row.xs if loopy != "\\n'" %}{{ loopy | replace("{x!r}", '{{') }}{% endfor %} |||
{{ n.x }}'''


def program(jinja: str, *fields: str, choices: str | None = None) -> RowProgram:
    options = None if choices is None else lower(choices, where="x")
    return RowProgram(lower(jinja, where="x"), options, fields, seed=0, prompt_id="p")


def test_not_one_character_of_a_template_gets_into_the_source():
    constants: list[object] = []
    source = "\n".join(Generator({"row": "f0"}, constants).body(lower(NASTY, where="x")))
    words = set(re.findall(r"[A-Za-z_]\w*", source))
    fixed = {
        "write", "f", "show", "item", "attribute", "joined", "functions", "filters", "enter", "assign",
        "undefined", "namespace", "bounded",
    }  # fmt: skip
    rest = {w for w in words if not re.fullmatch(r"[kvf]\d+", w) and not keyword.iskeyword(w)}
    assert rest <= fixed
    assert not re.findall(r"'|#|\\", source)
    printed = re.compile(r"(\{(show\()?[\w\[\](), *:{}!=]*\)?\})+")
    assert all(printed.fullmatch(text) for text in re.findall(r'"([^"]*)"', source))


def test_generated_code_has_no_builtins():
    from pipeline.templates import rows

    one = program("{{ x }} ||| t", "x")
    assert one._main.__globals__["__builtins__"] == {}
    assert "no builtins" in str(rows.__doc__)


def test_rows_that_fail_are_left_to_the_row_renderer():
    made = program("{{ x.y.z }} ||| t", "x").run([[{"y": {"z": 1}}, "text", None]], [0, 1, 2])
    assert made == [Rendered(("1", "t"), None), None, None]


def test_a_list_may_grow_while_its_own_loop_tests_it():
    """The test of a loop is asked turn by turn, after what the turns before did."""
    jinja = (
        "{% set seen = [] %}{% for x in xs if x not in seen %}"
        "{{ seen.append(x) or '' }}{{ x }}{% endfor %} ||| t"
    )
    assert program(jinja, "xs").run([[["a", "b", "a"]]], [0]) == [Rendered(("ab", "t"), None)]


def test_a_template_without_fields_and_one_with_options():
    assert program("a ||| b").run([], [0, 1]) == [Rendered(("a", "b"), None)] * 2
    made = program("{{ answer_choices.pop() }} ||| t", "x", choices="{{x}} ||| no").run(
        [["yes"]], [0]
    )
    assert made == [Rendered(("no", "t"), ("yes", "no"))]
