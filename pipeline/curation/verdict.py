"""Curation as a whole: examples of all tasks in; kept rows by role, drops and overlap out.

Each rule has a module of its own; this one fixes their order. Rows without a label and duplicates are
dropped first, so that `select` is cut from real rows. Overlap is searched among all evaluation rows
before limits apply, so that a larger limit never turns a train row into a leak. Limits come last.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from pipeline.config.mixture_card import Limits
from pipeline.config.params import CurateParams
from pipeline.config.task_card import ValidationUse
from pipeline.curation import duplicates, keys, overlap, roles
from pipeline.curation.limits import limited
from pipeline.errors import DataError
from pipeline.schema import ROLES, SPLITS, Split

_DROPS = pl.Schema(
    {
        "example_id": pl.String,
        "task": pl.String,
        "role": pl.String,
        "reason": pl.String,
        "detail": pl.String,
    }
)


class TaskCounts(NamedTuple):
    """What happened to one task, as far as its kept rows do not show it."""

    rows: dict[str, int]
    """Examples per split."""
    report: Split | None
    """Split that `report` was taken from."""
    validation: str | None
    """What the validation split serves as: select, train, report or unused; None without one."""
    unused: int
    """Examples of the held-out split that serves no role."""
    conflicts: int
    """Train examples whose input also has another gold answer; they are kept."""
    limited: dict[str, int]
    """Rows over the limit, by role; they are counted here and are no drops."""


class Verdict(NamedTuple):
    """Result of curation.

    Attributes:
        kept: By task, then by role, frames with the columns of the input.
        drops: Columns of `schema.DROP`, by task, in the order of the rules.
        overlaps: The overlap table, see `overlap.TABLE`.
        counts: By task.
    """

    kept: dict[str, dict[str, pl.DataFrame]]
    drops: pl.DataFrame
    overlaps: pl.DataFrame
    counts: dict[str, TaskCounts]


class _Judged(NamedTuple):
    """One task after all rules that look at it alone."""

    examples: pl.DataFrame
    drops: pl.DataFrame
    stems: pl.DataFrame
    counts: TaskCounts


def verdict(
    examples: Mapping[str, Mapping[str, pl.DataFrame]],
    params: CurateParams,
    limits: Limits,
    validation: Mapping[str, ValidationUse] = MappingProxyType({}),
    *,
    identity: Mapping[str, pl.DataFrame | None] = MappingProxyType({}),
) -> Verdict:
    """Decide for every example of every task whether it stays, and as what.

    Args:
        examples: By task, then by split, frames of `schema.EXAMPLE`; rows in any order.
        params: Bounds of `select` and rules of overlap.
        limits: Most rows of each role.
        validation: Use of a validation split that is not reported on; left out, `select`.
        identity: `example_id`, `context`, `question` by which a task's examples are recognised instead
            of by their own texts: without the words of the card's templates.

    Raises:
        DataError: The numbers of a task do not add up.
    """
    judged = {
        task: _judge(task, of, params, validation.get(task, "select"), identity.get(task))
        for task, of in sorted(examples.items())
    }
    index = pl.concat([overlap.INDEX.to_frame(), *(part.stems for part in judged.values())])
    found = overlap.find(index, params)
    kept, counts, drops = {}, {}, [_DROPS.to_frame()]
    for task, part in judged.items():
        clean = part.examples.join(
            found.removed, on="example_id", how="anti", maintain_order="left"
        )
        gone = part.examples.join(found.removed, on="example_id", maintain_order="left")
        kept[task], over = _by_role(clean, limits)
        counts[task] = part.counts._replace(limited=over)
        names = gone.select("example_id", "role", "reason", "detail", task=pl.lit(task))
        drops += [part.drops, names.select(_DROPS.names())]
        check_account(task, counts[task], kept[task], part.drops.height + gone.height)
    return Verdict(kept, pl.concat(drops), found.table, counts)


def check_account(
    task: str, counts: TaskCounts, kept: Mapping[str, pl.DataFrame], dropped: int
) -> None:
    """Check that each example of a task went to one place.

    Raises:
        DataError: Examples are more or fewer than train + select + report + unused + drops + what is
            over the limits.
    """
    rows = sum(counts.rows.values())
    parts = {role: frame.height for role, frame in kept.items()}
    parts |= {"unused": counts.unused, "drops": dropped, "limits": sum(counts.limited.values())}
    if sum(parts.values()) != rows:
        shown = " + ".join(f"{count} {name}" for name, count in parts.items())
        raise DataError(f"{rows} examples are not {shown}", where=f"task '{task}'")


def _judge(
    task: str,
    splits: Mapping[str, pl.DataFrame],
    params: CurateParams,
    validation: ValidationUse,
    identity: pl.DataFrame | None,
) -> _Judged:
    """Drop unlabelled rows and duplicates of one task and give every other row its role."""
    frame = _joined(splits)
    report = roles.report_split(frame)
    use = roles.validation_use(frame, params, report, validation)
    in_use = ["train", report or "train"] + (["validation"] if use in ("select", "train") else [])
    used = pl.col("split").is_in(in_use)
    blank = frame.filter(used & ~roles.is_labelled())
    rest = frame.join(blank, on="example_id", how="anti", maintain_order="left")
    # held-out rows stay as they were published, repetitions included, so that figures compare
    repeated = duplicates.duplicate_of(rest.filter(split="train"))
    twice = rest.join(repeated, on="example_id", maintain_order="left")
    rest = rest.join(repeated, on="example_id", how="anti", maintain_order="left")
    assigned = roles.assigned(rest, params, report=report, validation=validation)
    counts = TaskCounts(
        rows={split: splits[split].height for split in sorted(splits)},
        report=report,
        validation=use,
        unused=assigned.filter(role=roles.UNUSED).height,
        conflicts=duplicates.conflicts(rest.filter(split="train")),
        limited={},
    )
    drops = [
        _dropped(task, blank, reason=pl.lit("unlabelled"), detail=pl.lit("")),
        _dropped(task, twice, reason=pl.lit("duplicate"), detail=pl.col("first_id")),
    ]
    index = keys.stems(keys.recognised(rest, identity)).join(
        assigned.select("example_id", "role", "row"), on="example_id"
    )
    index = index.filter(pl.col("role") != roles.UNUSED).with_columns(task=pl.lit(task))
    kept = assigned.filter(pl.col("role") != roles.UNUSED)
    return _Judged(kept, pl.concat(drops), index.select(overlap.INDEX.names()), counts)


def _joined(splits: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one task's examples of all splits in canonical order, with `split` and `row`."""
    frames = [
        splits[split].with_columns(split=pl.lit(split)) for split in SPLITS if split in splits
    ]
    row = pl.col("example_id").str.split("/").list.last().cast(pl.Int64)
    order = pl.col("split").replace_strict(list(SPLITS), range(len(SPLITS)), return_dtype=pl.Int8)
    return pl.concat(frames).with_columns(row=row).sort(order, "row")


def _dropped(task: str, rows: pl.DataFrame, *, reason: pl.Expr, detail: pl.Expr) -> pl.DataFrame:
    """Word rows that go before they have a role: that of their split."""
    role = pl.when(split="train").then(pl.lit("train")).otherwise(pl.lit("report"))
    return rows.select(
        "example_id", task=pl.lit(task), role=role, reason=reason, detail=detail
    ).cast(_DROPS)


def _by_role(
    examples: pl.DataFrame, limits: Limits
) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    """Cut one task's rows into roles under their limits; count what the limits took."""
    kept: dict[str, pl.DataFrame] = {}
    over: dict[str, int] = {}
    for role in ROLES:
        rows = examples.filter(role=role).drop("role", "split", "row")
        kept[role] = limited(rows, getattr(limits, role))
        over[role] = rows.height - kept[role].height
    return kept, over
