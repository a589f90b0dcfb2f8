"""What the compiler made of prompts, in words: tier, reason, fields, share of rows that fall back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.errors import PipelineError
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode
from pipeline.templates.render import ALARM, Plan, PromptRenderer, Report


@dataclass(frozen=True, slots=True)
class Explained:
    """One prompt.

    Attributes:
        prompt: The prompt.
        plan: How it is rendered; None where it cannot be.
        report: What rendering the sample took; None without rows.
        trouble: Why it cannot be rendered; empty as a rule.
    """

    prompt: Prompt
    plan: Plan | None
    report: Report | None
    trouble: str = ""


def explain(
    prompts: Sequence[Prompt], schema: pl.Schema, rows: pl.DataFrame | None, mode: Mode
) -> list[Explained]:
    """Plan prompts, and render a sample of rows with each.

    Args:
        prompts: The prompts.
        schema: Columns and types of their rows.
        rows: A sample; None for the plan alone.
        mode: How to render.
    """
    return [_one(prompt, schema, rows, mode) for prompt in prompts]


def _one(prompt: Prompt, schema: pl.Schema, rows: pl.DataFrame | None, mode: Mode) -> Explained:
    try:
        with PromptRenderer(prompt, schema, mode) as renderer:
            if rows is not None:
                renderer.render(rows)
            return Explained(prompt, renderer.plan, renderer.report if rows is not None else None)
    except PipelineError as error:
        return Explained(prompt, None, None, error.what)


def describe(explained: Sequence[Explained]) -> Iterator[str]:
    """Yield a line a prompt, and a last one that sums up."""
    for one in explained:
        if one.plan is None:
            yield f"{one.prompt.name}: refused: {one.trouble}"
            continue
        line = f"{one.prompt.name}: {one.plan.tier}"
        line += f" ({one.plan.why})" if one.plan.why else ""
        yield line + (_rates(one.plan, one.report) if one.report is not None else "")
        if one.report is not None:
            yield from (f"  trouble: {trouble}" for trouble in one.report.troubles)
    tiers = Counter(one.plan.tier if one.plan else "refused" for one in explained)
    counts = ", ".join(f"{count} {tier}" for tier, count in sorted(tiers.items()))
    alarms = sum(one.report is not None and one.report.alarming for one in explained)
    yield f"{len(explained)} prompts: {counts}" + (
        f"; {alarms} fall back in more than {ALARM:.0%} of the rows" if alarms else ""
    )


def _rates(plan: Plan, report: Report) -> str:
    parts = [f"; {report.rows:,} rows"]
    if plan.tier == "expressions":
        parts = [
            f"; {report.rate:.2%} of {report.rows:,} rows fell back (worst batch {report.worst:.2%})"
        ]
    if report.failed:
        parts.append(f", {report.failed:,} failed")
    if report.alarming:
        parts.append(f"  ALARM: more than {ALARM:.0%}")
    return "".join(parts)
