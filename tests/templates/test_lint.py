import polars as pl
import pytest

from pipeline.templates.lint import lint_file, lint_rows, same_texts
from pipeline.templates.prompt import Prompt
from pipeline.templates.render import PromptRenderer

GOOD = {"original_task": True, "metrics": ("Accuracy",), "languages": ("en",)}
ROWS = pl.DataFrame(
    {
        "text": [f"text number {i} says {('bad', 'good')[i % 2]}" for i in range(20)],
        "label": [i % 2 for i in range(20)], "items": ["x"] * 20,
    }
)  # fmt: skip


def prompt(jinja: str, choices: str | None = None, **fields) -> Prompt:
    return Prompt(
        **{"id": "1", "name": "n", "jinja": jinja, "answer_choices": choices} | GOOD | fields
    )


def rules(*prompts: Prompt) -> list[tuple[str, bool]]:
    return [(finding.rule, finding.error) for finding in lint_file(prompts)]


def on_rows(
    jinja: str, choices: str | None = None, rows: pl.DataFrame = ROWS, **options
) -> dict[str, str]:
    return {
        finding.rule: finding.message
        for finding in lint_rows(prompt(jinja, choices), rows, **options)
    }


def test_a_good_prompt_has_no_findings():
    good = prompt("{{ text }} ||| {{ answer_choices[label] }}", "no ||| yes")
    assert lint_file([good]) == []
    assert lint_rows(good, ROWS, classes=["bad", "good"]) == []


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (prompt("{{ text }}"), ("separator", True)),
        (prompt("{{ text | nothing }} ||| x"), ("syntax", True)),
        (prompt("{{ text ||| x"), ("syntax", True)),
        (prompt("{{ text }} ||| x", "a ||| b"), ("answer_choices", False)),
        (prompt("{{ text }} ||| {{ answer_choices[0] }}"), ("answer_choices", True)),
        (prompt("a ||| b", metrics=("Acuracy",)), ("metrics", False)),
        (prompt("a ||| b", metrics=None), ("metrics", False)),
        (prompt("a ||| b", languages=("english",)), ("languages", False)),
        (prompt("a ||| b", languages=None), ("languages", False)),
        (prompt("a ||| b", original_task=None), ("original_task", False)),
    ],
)
def test_each_rule_of_the_file(broken, found):
    assert rules(broken) == [found]


def test_names_ids_and_bodies_that_occur_twice():
    assert rules(prompt("a ||| b"), prompt("a ||| b", id="2", name="m")) == [("duplicate", False)]
    assert rules(prompt("a ||| b"), prompt("c ||| d", id="2")) == [("name", True)]
    assert rules(prompt("a ||| b"), prompt("c ||| d", name="m")) == [("id", True)]


@pytest.mark.parametrize(
    ("jinja", "choices", "rule", "words"),
    [
        ("{{ txt }} ||| x", None, "fields", "the rows have no txt"),
        ("{{ txt }} ||| x", None, "undefined", "100% of the rows: UndefinedError: 'txt' is undefined"),
        ("{{ text.a.b }} ||| x", None, "fails", "100% of the rows: UndefinedError"),
        ("{% if label > 7 %}a ||| b{% endif %}", None, "skipped", "no row has both an input"),
        ("{{ text }} ||| {% if label %}x{% endif %}", None, "empty", "empty in 50% of the rows"),
        ("a ||| {{ text }} ||| b", None, "parts", "100% of the rows have 3 parts"),
        ("a ||| {{ label }}", "no ||| yes", "target", "not among the options in 100%"),
        ("a ||| {{ answer_choices[0] }}", "no ||| no", "options", "an option occurs twice in 100%"),
        ("{{ text * 3000 }} ||| x", None, "length", "input of more than 8,192 characters"),
        ("{{ ROW.items }} ||| x", None, "method", "a method is printed in 100% of the rows"),
        ("{{ text }} ||| {{ answer_choices[label] }}", "bad ||| good", "leak", "no other option in 100%"),
    ],
)  # fmt: skip
def test_each_rule_on_rows(jinja, choices, rule, words):
    rows = ROWS.with_columns(ROW=pl.struct("items"))
    found = on_rows(
        jinja.replace(" * 3000", " | replace('t', '" + "t" * 9000 + "')"), choices, rows
    )
    assert words in found[rule]


def test_options_in_another_order_than_the_classes():
    found = on_rows(
        "{{ items }} ||| {{ answer_choices[label] }}", "good ||| bad", classes=["bad", "good"]
    )
    assert found["order"] == "rows of class 'good' have the target 'bad' (10 rows)"


def test_prompts_that_make_the_same_texts():
    made = {}
    for name, jinja in (
        ("a", "{{ text }} ||| x"),
        ("b", "{{ text | trim }} ||| x"),
        ("c", "{{ text }} ||| y"),
    ):
        with PromptRenderer(prompt(jinja), ROWS.schema) as renderer:
            made[name] = renderer.render(ROWS)
    assert [(f.prompt, f.message) for f in same_texts(made)] == [
        ("b", "makes the same texts as 'a'")
    ]


def test_without_rows_there_is_nothing_to_find():
    assert lint_rows(prompt("{{ absent }} ||| x"), ROWS.clear()) == []
