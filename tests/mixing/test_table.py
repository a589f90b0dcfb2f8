import pytest

from pipeline.mixing.plan import Plan, TaskPlan
from pipeline.mixing.table import count, duration, plan_table, size, text_table


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
    plan = Plan(name="t", which="compass", seed=1, strategy="equal", positions=2000, tasks=tasks)
    assert plan_table(plan).splitlines() == [
        "task      rows     share  drawn  epochs  unseen  tokens  a row",
        "-------  -----  --------  -----  ------  ------  ------  -----",
        "a        1,990   75.00 %  1,500    0.75     490   3,000    2.0",
        "b           10   25.00 %    500   50.00       0       ?      ?",
        "-------  -----  --------  -----  ------  ------  ------  -----",
        "2 tasks  2,000  100.00 %  2,000    1.00     490       ?      ?",
    ]


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
