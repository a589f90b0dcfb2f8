"""Plans as plain text tables for the terminal, and numbers in words."""

from collections.abc import Sequence

from pipeline.config.sampling import Sampling
from pipeline.mixing.plan import Plan, TaskPlan, totals

UNKNOWN = "?"
_SIZE_KEYS = ("rows", "epochs", "passes", "tokens")
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


def plan_tables(plan: Plan) -> str:
    """Return a plan as tables: its tasks; its groups and its phases, where it has any."""
    tables = [plan_table(plan)]
    if any(task.group for task in plan.tasks):
        tables.append(groups_table(plan))
    if len(plan.phases) > 1:
        tables.append(phases_table(plan))
    return "\n\n".join(tables)


def plan_table(plan: Plan) -> str:
    """Return a plan's tasks as a table, one line a task, with a line of totals."""
    total = totals(plan)
    supervised = plan.supervised is not None
    foot = (
        f"{len(plan.tasks)} tasks",
        count(total["rows"]),
        "100.00 %",
        count(plan.positions),
        f"{total['epochs']:.2f}",
        count(total["unseen_rows"]),
        count(plan.tokens),
        _mean(total["tokens_per_row"]),
        *([count(plan.supervised)] if supervised else []),
    )
    head = (*_HEAD, "supervised") if supervised else _HEAD
    body = [_cells(task, supervised=supervised) for task in plan.tasks]
    return text_table(head, body, foot=foot)


def _cells(task: TaskPlan, *, supervised: bool) -> tuple[str, ...]:
    return (
        task.task,
        count(task.rows),
        _percent(task.share),
        count(task.quota),
        f"{task.epochs:.2f}",
        count(task.unseen_rows),
        count(task.tokens),
        _mean(task.tokens_per_row),
        *([count(task.supervised)] if supervised else []),
    )


def groups_table(plan: Plan) -> str:
    """Return what each group gets, with that of the groups in it, as a table."""
    inside: dict[str, list[TaskPlan]] = {}
    for task in plan.tasks:
        parts = task.group.split("/") if task.group else []
        for depth in range(len(parts)):
            inside.setdefault("/".join(parts[: depth + 1]), []).append(task)
    body = [
        (
            path,
            count(len(tasks)),
            count(sum(task.rows for task in tasks)),
            _percent(sum(task.share for task in tasks)),
            count(sum(task.quota for task in tasks)),
        )
        for path, tasks in sorted(inside.items())
    ]
    return text_table(("group", "tasks", "rows", "share", "drawn"), body)


def phases_table(plan: Plan) -> str:
    """Return what each phase draws of each task as a table, with a line of totals."""
    body = [
        (task.task, *(count(phase.quotas.get(task.task, 0)) for phase in plan.phases))
        for task in plan.tasks
    ]
    foot = ("rows", *(count(phase.positions) for phase in plan.phases))
    return text_table(("task", *(phase.name for phase in plan.phases)), body, foot=foot)


def sampling_line(sampling: Sampling) -> str:
    """Word how a mixture is sampled, with all that a preset stands for."""
    size = [f"{key} {_number(getattr(sampling, key))}" for key in _SIZE_KEYS
            if getattr(sampling, key) is not None]  # fmt: skip
    knobs = [f"{key} {_number(value)}" for key, value in sampling.given().items()]
    by = [f"by {sampling.split_strategy.name}"] if sampling.by else []
    preset = f" (preset '{sampling.preset}')" if sampling.preset else ""
    parts = ", ".join([f"strategy {sampling.strategy}", *by, *knobs, *size])
    return f"{parts}{preset}; stop {sampling.stop}; order {sampling.order}"


def _number(value: float | str) -> str:
    return (
        value
        if isinstance(value, str)
        else f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


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
