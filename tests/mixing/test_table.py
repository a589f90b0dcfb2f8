import pytest

from pipeline.config.sampling import Sampling
from pipeline.contract.order import PhasePlan
from pipeline.mixing.plan import Plan, TaskPlan
from pipeline.mixing.table import (
    count,
    duration,
    groups_table,
    phases_table,
    plan_table,
    plan_tables,
    sampling_line,
    size,
    text_table,
)


def task(name, quota, **keys):
    values = {"rows": 10, "weight": None, "rate": 1.0, "share": quota / 100, "epochs": quota / 10,
              "unseen_rows": 0}  # fmt: skip
    return TaskPlan(task=name, quota=quota, **(values | keys))


def plan(*tasks, phases=()):
    positions = sum(part.quota for part in tasks)
    whole = PhasePlan(name="all", positions=positions, quotas={t.task: t.quota for t in tasks})
    return Plan(name="t", which="compass", seed=1, strategy="equal", order="shuffled-2",
                positions=positions, tasks=tasks, phases=phases or (whole,))  # fmt: skip


def test_a_table_puts_names_left_and_numbers_right():
    assert text_table(("task", "n"), [("a", "5"), ("longer", "1,000")], foot=("2", "1,005")) == (
        "task        n\n------  -----\na           5\nlonger  1,000\n------  -----\n2       1,005"
    )


def test_a_plan_s_table_has_a_line_a_task_and_one_of_totals():
    tasks = (
        TaskPlan(task="a", rows=1990, weight=None, rate=1.0, share=0.75, quota=1500, epochs=0.75,
                 unseen_rows=490, tokens=3000),
        TaskPlan(task="b", rows=10, weight=2.0, rate=1.0, share=0.25, quota=500, epochs=50.0,
                 unseen_rows=0),
    )  # fmt: skip
    assert plan_table(plan(*tasks)).splitlines() == [
        "task      rows     share  drawn  epochs  unseen  tokens  a row",
        "-------  -----  --------  -----  ------  ------  ------  -----",
        "a        1,990   75.00 %  1,500    0.75     490   3,000    2.0",
        "b           10   25.00 %    500   50.00       0       ?      ?",
        "-------  -----  --------  -----  ------  ------  ------  -----",
        "2 tasks  2,000  100.00 %  2,000    1.00     490       ?      ?",
    ]


def test_the_text_view_says_supervised_tokens_too():
    lines = plan_table(plan(task("a", 60, tokens=600, supervised=90))).splitlines()
    assert lines[0].split()[-1] == "supervised"
    assert lines[2].split()[-1] == lines[4].split()[-1] == "90"


def test_groups_have_a_table_of_what_they_get_with_the_groups_inside():
    made = plan(task("a", 30, group="nli"), task("b", 50, group="nli/hard"), task("c", 20))
    assert groups_table(made).splitlines() == [
        "group     tasks  rows    share  drawn",
        "--------  -----  ----  -------  -----",
        "nli           2    20  80.00 %     80",
        "nli/hard      1    10  50.00 %     50",
    ]
    assert plan_tables(made) == f"{plan_table(made)}\n\n{groups_table(made)}"


def test_phases_have_a_table_of_what_each_draws():
    phases = (
        PhasePlan(name="first", positions=40, quotas={"a": 40}),
        PhasePlan(name="then", positions=60, quotas={"a": 20, "b": 40}),
    )
    made = plan(task("a", 60), task("b", 40), phases=phases)
    assert phases_table(made).splitlines() == [
        "task  first  then",
        "----  -----  ----",
        "a        40    20",
        "b         0    40",
        "----  -----  ----",
        "rows     40    60",
    ]
    assert plan_tables(made) == f"{plan_table(made)}\n\n{phases_table(made)}"


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        (
            Sampling(preset="t0", epochs=1),
            "strategy proportional, cap 500,000, per prompt, epochs 1 (preset 't0'); stop fixed; "
            "order shuffled",
        ),
        (
            Sampling(preset="compassmtl", order="smooth"),
            "strategy proportional, cap 10,000, passes 6 (preset 'compassmtl'); stop fixed; "
            "order smooth",
        ),
        (
            Sampling(strategy="tokens", by="temperature", temperature=2.5, tokens=1_000_000),
            "strategy tokens, by temperature, temperature 2.5, tokens 1,000,000; stop fixed; "
            "order shuffled",
        ),
    ],
)
def test_a_preset_is_printed_with_all_that_it_stands_for(sampling, words):
    assert sampling_line(sampling) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (2e9, "2.0 GB"),
        (3e15, "3000.0 TB"),
    ],
)
def test_sizes_have_units(value, words):
    assert size(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "?"), (0.1, "a second"), (59, "59 seconds"), (119, "119 seconds"), (600, "10 minutes"),
     (3 * 3600, "3 hours"), (5 * 86400, "5 days")],
)  # fmt: skip
def test_times_are_rough(seconds, words):
    assert duration(seconds) == words


def test_counts_have_their_thousands_set_apart():
    assert count(1234567) == "1,234,567"
