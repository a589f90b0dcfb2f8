"""The meaning of prompts, case by case: PromptSource's, but that values never separate."""

import pytest

from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Rendered, Renderer, RenderError


def rendered(jinja: str, choices: str | None = None, mode: Mode | None = None, **row) -> Rendered:
    return Renderer(Prompt("id", "n", jinja, choices), mode or Mode(), where="x").render(row, 0)


@pytest.mark.parametrize(
    ("jinja", "row", "parts"),
    [
        ("{{x}} ||| {{y}}", {"x": " a ", "y": "b\n"}, ("a", "b")),
        ("{{x}} ||| t", {"x": None}, ("None", "t")),
        ("{{x}} ||| t", {}, ("", "t")),
        ("{{x.y}} ||| t", {"x": None}, ("", "t")),
        ("{{x}} ||| t", {"x": "p|||q"}, ("p|||q", "t")),
        ("{{x | length}} {{ '|||' | length }} ||| t", {"x": "|||"}, ("3 3", "t")),
        ("{{x[:2]}} {{ x | replace('|', '/') }} ||| t", {"x": "|||"}, ("|| ///", "t")),
        ("{{x[0]}} ||| t", {"x": ["p|||q"]}, ("p|||q", "t")),
        ("{{ x | join(' ||| ') }}", {"x": ["a|||b", "c"]}, ("a|||b", "c")),
        ("{{ ('|||' ~ x)[1:] }} ||| t", {"x": "a"}, ("||a", "t")),
        ("{{ x.split('|||') | length }} {{ '|||' in x }} ||| t", {"x": "a|||b"}, ("1 False", "t")),
        ("{% if x %}a ||| b{% endif %}", {"x": 0}, ("",)),
        ("a ||| {% if x %}b{% endif %}", {"x": 0}, ("a", "")),
        ("{{ x }}|||{{ y }}", {"x": "a|", "y": ""}, ("a|", "")),
        ("{{ x.items }} ||| {{ x['items'] }}", {"x": {"items": 1}}, None),
        (
            "{{ [1, 2] | most_frequent }} ||| {{ ['b', 'a', 'b'] | most_frequent }}",
            {},
            ("[1, 2]", "['b']"),
        ),
        (
            "{% for a, b in zip(x, [1, 2]) %}{{a}}{{b}}{% endfor %} ||| t",
            {"x": "pq"},
            ("p1q2", "t"),
        ),
    ],
)
def test_parts(jinja, row, parts):
    made = rendered(jinja, **row).parts
    if parts is None:
        assert made[0].startswith("<built-in method items")
        assert made[1] == "1"
    else:
        assert made == parts


def test_answer_choices_are_stripped_before_the_main_template():
    made = rendered(
        "{{ answer_choices | join('+') }} ||| {{ answer_choices[-1] }}", "{{x}} ||| no ", x="a"
    )
    assert made == Rendered(("a+no", "no"), ("a", "no"))


def test_a_choice_with_a_separator_in_it_stays_one_choice():
    """PromptSource makes three choices of these two, and the label then names another one."""
    made = rendered(
        "{{ q }} ||| {{ answer_choices[label] }}", "{{ options | join(' ||| ') }}",
        q="Which?", options=["a ||| b", "c"], label=1,
    )  # fmt: skip
    assert made == Rendered(("Which?", "c"), ("a ||| b", "c"))


def test_a_row_is_not_changed_by_a_template_that_changes_it():
    row = {"xs": ["a"]}
    assert rendered("{{ xs.append('b') or '' }}{{ xs | length }} ||| t", **row).parts == ("2", "t")
    assert row == {"xs": ["a"]}


def test_a_change_in_the_answer_choices_is_seen_by_the_main_template():
    made = rendered("{{ xs | length }} ||| t", "{{ xs.append('b') or '' }}c", xs=["a"])
    assert made.parts == ("2", "t")


def test_failures_say_what_failed():
    with pytest.raises(RenderError, match="UndefinedError: 'x' is undefined"):
        rendered("{{ x.y }} ||| t")
    with pytest.raises(RenderError, match="'x' is undefined"):
        rendered("{{ x }} ||| t", mode=Mode(strict=True))
    with pytest.raises(RenderError, match="a field 'answer_choices'"):
        rendered("x ||| t", answer_choices="a")
    with pytest.raises(RenderError, match="cannot choose from an empty sequence"):
        rendered("{{ x | choice }} ||| t", x=[])


def test_constants_are_not_folded_so_that_draws_differ_from_row_to_row():
    renderer = Renderer(Prompt("id", "n", "{{ ['a', 'b'] | choice }} ||| t"), Mode(), where="x")
    assert {renderer.render({}, key).parts[0] for key in range(30)} == {"a", "b"}
    assert len({renderer.render({}, 7).parts for _ in range(5)}) == 1
