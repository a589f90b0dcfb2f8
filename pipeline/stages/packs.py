"""The text view's part of the stage `mix`: rows packed into lines, and what a step then holds.

Reads:   data/NAME/settings/packs.json, data/NAME/tokens/train
Writes:  data/NAME/mixes/<pass>/{packs.arrow,packing.json}; nothing in the choice view. packs.arrow is
         missing where rows are not packed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.config.settings import MixSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import sha256, write_arrow, write_json
from pipeline.contract.order import PACKING, PACKS, PacksEntry
from pipeline.contract.tokens import TokenFolder, read_tokens
from pipeline.errors import MixtureError
from pipeline.layout import Layout
from pipeline.mixing.plan import Plan
from pipeline.tokens.pack import Ints, Packs, lower_bound, packed


@dataclass(frozen=True, slots=True)
class Lengths:
    """What stands at each of N positions of an order."""

    tokens_N: Ints
    supervised_N: Ints


def write_packs(layout: Layout, plan: Plan, order: pa.Table, folder: Path) -> PacksEntry | None:
    """Write the packs of an order, in a view whose rows are packed; print what they are.

    Returns:
        What the order's manifest says of them; None where rows are not packed.

    Raises:
        MixtureError: The order holds other supervised tokens than planned.
    """
    settings = read(MixSettings, layout.settings("mix"))
    if settings.text is None:
        return None
    lengths = at_positions(order, read_tokens(layout.tokens("train")), plan)
    check_supervised(lengths, plan)
    capacity, window, batch = (
        settings.text.pack_tokens,
        settings.text.pack_window,
        settings.batch or 1,
    )
    if capacity is None:
        write_json(packing(lengths, None, None, batch), folder / "packing.json")
        return None
    lines = lines_of(lengths, plan, capacity=capacity, window=window)
    write_arrow(packs_table(lines), folder / "packs.arrow")
    summary = packing(lengths, lines, capacity, batch)
    write_json(summary, folder / "packing.json")
    print(worded(summary))
    return PacksEntry(
        algorithm=PACKING,
        pack_tokens=capacity,
        window=window,
        lines=len(lines),
        sha256=sha256(folder / "packs.arrow"),
    )


def lines_of(lengths: Lengths, plan: Plan, *, capacity: int, window: int) -> Packs:
    """Pack the rows of an order; no line holds rows of two phases."""
    return packed(
        lengths.tokens_N,
        capacity=capacity,
        window=window,
        seed=plan.seed,
        names=(plan.which,),
        ends=list(accumulate(phase.positions for phase in plan.phases)),
    )


def packs_table(lines: Packs) -> pa.Table:
    """Return packs as a table of `PACKS`."""
    lists = pa.LargeListArray.from_arrays(
        pa.array(lines.offsets), pa.array(lines.positions), type=PACKS.field("positions").type
    )
    return pa.table([lists], schema=PACKS)


def at_positions(order: pa.Table, tokens: TokenFolder, plan: Plan) -> Lengths:
    """Return the tokens at every position of an order."""
    rows = sum(tokens.sizes.values())
    tokens_R, supervised_R = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for task in (task.task for task in plan.tasks if task.quota):
        start = tokens.tasks[task].start
        part = slice(start, start + tokens.tasks[task].rows)
        tokens_R[part] = tokens.row_tokens(task)
        supervised_R[part] = tokens.row_supervised(task)
    row_N = order.column("row").to_numpy()
    return Lengths(tokens_R[row_N], supervised_R[row_N])


def check_supervised(lengths: Lengths, plan: Plan) -> None:
    """Check that the order holds the supervised tokens that were planned, after all cutting.

    Raises:
        MixtureError: It holds others.
    """
    got = int(lengths.supervised_N.sum())
    if plan.supervised is not None and got != plan.supervised:
        raise MixtureError(
            f"the order holds {got} supervised tokens", expected=f"{plan.supervised}, as planned"
        )


def packing(
    lengths: Lengths, lines: Packs | None, capacity: int | None, batch: int
) -> dict[str, Any]:
    """Return the content of packing.json.

    Args:
        lengths: Of the order.
        lines: Its packs; None where rows are not packed.
        capacity: Tokens of a line.
        batch: Lines, or rows, of a global batch.

    Returns:
        `rows`, `tokens` and `supervised` of the order; where it is packed `lines`, `lower_bound` (the
        fewest lines that could hold the tokens), `waste` and `least_waste` (share of the lines' tokens
        that is empty, and what it would be at the lower bound); `steps`, and least, mean and most
        supervised tokens of a step.
    """
    units = lengths.supervised_N if lines is None else lines.sums(lengths.supervised_N)
    steps = np.add.reduceat(units, np.arange(0, len(units), batch)) if len(units) else units
    summary: dict[str, Any] = {
        "version": 1,
        "rows": len(lengths.tokens_N),
        "tokens": int(lengths.tokens_N.sum()),
        "supervised": int(lengths.supervised_N.sum()),
        "batch": batch,
        "steps": len(steps),
        "supervised_per_step": _spread(steps.tolist()),
    }
    if lines is None or capacity is None:
        return summary
    least = lower_bound(lengths.tokens_N, capacity)
    return summary | {
        "pack_tokens": capacity,
        "lines": len(lines),
        "lower_bound": least,
        "waste": round(1 - summary["tokens"] / (len(lines) * capacity), 6),
        "least_waste": round(1 - summary["tokens"] / (least * capacity), 6),
    }


def _spread(values: Sequence[int]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "least": min(values),
        "mean": round(sum(values) / len(values), 2),
        "most": max(values),
    }


def worded(summary: dict[str, Any]) -> str:
    """Return what packing did, in two lines."""
    step = summary["supervised_per_step"]
    return (
        f"packed {summary['rows']:,} rows into {summary['lines']:,} lines of "
        f"{summary['pack_tokens']:,} tokens: {summary['waste']:.3%} empty, at least "
        f"{summary['least_waste']:.3%} must be\n"
        f"{summary['steps']:,} steps of {summary['batch']} lines, {step['least']:,} to "
        f"{step['most']:,} supervised tokens in each, {step['mean']:,} in the mean"
    )
