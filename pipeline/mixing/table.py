"""Plain text tables for the terminal. Knows plans and numbers, draws no conclusions."""

from collections.abc import Sequence

from pipeline.mixing.plan import Plan, TaskPlan, totals

UNKNOWN = "?"
_HEAD = ("task", "rows", "share", "drawn", "epochs", "unseen", "tokens", "a row")


def text_table(
    head: Sequence[str], body: Sequence[Sequence[str]], *, foot: Sequence[str] = ()
) -> str:
    """Return a table with the first column to the left and all others to the right.

    Args:
        head: Names of the columns.
        body: Rows of as many cells.
        foot: A last row, set off by a rule; may be empty.
    """
    lines = [head, *body, *([foot] if foot else [])]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    shown = [_line(head, widths), rule, *(_line(row, widths) for row in body)]
    return "\n".join([*shown, rule, _line(foot, widths)] if foot else shown)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    return "  ".join(
        [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
    ).rstrip()


def plan_table(plan: Plan) -> str:
    """Return a plan as a table, one line a task, with a line of totals."""
    total = totals(plan)
    foot = (
        f"{len(plan.tasks)} tasks",
        count(total["rows"]),
        "100.00 %",
        count(plan.positions),
        f"{total['epochs']:.2f}",
        count(total["unseen_rows"]),
        count(plan.tokens),
        _mean(total["tokens_per_row"]),
    )
    return text_table(_HEAD, [_cells(task) for task in plan.tasks], foot=foot)


def _cells(task: TaskPlan) -> tuple[str, ...]:
    return (
        task.task,
        count(task.rows),
        f"{100 * task.share:.2f} %",
        count(task.quota),
        f"{task.epochs:.2f}",
        count(task.unseen_rows),
        count(task.tokens),
        _mean(task.tokens_per_row),
    )


def count(value: int | None) -> str:
    """Return a number with its thousands set apart; a question mark for null."""
    return UNKNOWN if value is None else f"{value:,}"


def size(num_bytes: int | None) -> str:
    """Return a number of bytes in the unit that suits it."""
    if num_bytes is None:
        return UNKNOWN
    amount = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a rough time in words."""
    if seconds is None:
        return UNKNOWN
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 1):.0f} seconds" if seconds >= 2 else "a second"


def _mean(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"
