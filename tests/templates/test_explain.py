import polars as pl

from pipeline.templates.explain import describe, explain
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode

ROWS = pl.DataFrame({"x": ["a", "b|||c", None, "d"]})


def lines(*jinja: str, rows: pl.DataFrame | None = ROWS) -> list[str]:
    prompts = [Prompt(str(i), f"p{i}", source) for i, source in enumerate(jinja)]
    return list(describe(explain(prompts, ROWS.schema, rows, Mode())))


def test_tier_reason_rates_and_alarm():
    carried = "{% set n = namespace(t='') %}{% for c in [x, x].__len__ %}{% endfor %} ||| t"
    made = lines("{{ x[0] }} ||| t", "{{ [x] }} ||| t", carried)
    assert made == [
        "p0: expressions; 25.00% of 4 rows fell back (worst batch 25.00%)  ALARM: more than 1%",
        "p1: jinja (a value that would have to be constant); 4 rows",
        "p2: refused: the template asks for the attribute '__len__'",
        "3 prompts: 1 expressions, 1 jinja, 1 refused; 1 fall back in more than 1% of the rows",
    ]


def test_without_rows_the_plan_alone():
    assert lines("{{ x }} ||| t", rows=None) == ["p0: expressions", "1 prompts: 1 expressions"]


def test_failing_rows_are_counted():
    assert (
        "p0: jinja (something asked of an undefined value); 4 rows, 4 failed"
        in lines("{{ y.z }} ||| t")[0]
    )
