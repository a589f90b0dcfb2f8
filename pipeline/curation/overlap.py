"""Evaluation rows of any task that also occur in what is trained or tuned on.

Train rows are looked up among the select and report rows of all tasks, select rows among all report
rows.
"""

from typing import NamedTuple

import polars as pl

from pipeline.config.params import CurateParams
from pipeline.curation.near import near_pairs

INDEX = pl.Schema(
    {
        "task": pl.String,
        "role": pl.String,
        "row": pl.Int64,
        "example_id": pl.String,
        "first": pl.String,
        "second": pl.String,
        "words": pl.UInt32,
        "key": pl.String,
    }
)
"""What `find` reads: `keys.stems` with each example's place."""

REMOVED = pl.Schema({"example_id": pl.String, "reason": pl.String, "detail": pl.String})

_SIDES = ("source_task", "source_role", "target_task", "target_role")

TABLE = pl.Schema(
    {
        "source_task": pl.String,
        "source_role": pl.String,
        "target_task": pl.String,
        "target_role": pl.String,
        "kind": pl.String,
        "rows": pl.UInt32,
        "target_rows": pl.UInt32,
        "share_of_source": pl.Float64,
        "share_of_target": pl.Float64,
        "source_example": pl.String,
        "target_example": pl.String,
        "removed": pl.Boolean,
    }
)
"""Columns of the overlap table: source and target, `kind` (exact, near), the source's rows that occur
in the target and the target's that occur in the source, both as shares, one pair to look at, and
whether those source rows were dropped."""


class Overlap(NamedTuple):
    """What was found: `table` for people (`TABLE`), `removed` rows to drop (`REMOVED`)."""

    table: pl.DataFrame
    removed: pl.DataFrame


class _Found(NamedTuple):
    """Matches of one kind.

    Attributes:
        matches: One row per source row, target task and target role; `source` and `target` are places
            in the index, `target` the first that fits.
        covered: Per pair of sides, `target_rows` that have a match.
    """

    matches: pl.DataFrame
    covered: pl.DataFrame


def find(index: pl.DataFrame, params: CurateParams) -> Overlap:
    """Find what train and select share with the evaluation rows of all tasks.

    Args:
        index: `INDEX`, one row an example of the roles train, select and report of all tasks, in any
            order.
        params: Words that a text needs to count, similarity from which it is near, what to remove.

    Returns:
        The table, sorted by source, target and kind; and the rows to drop, one each, with the reason
        `overlap` or `near_overlap` and the evaluation row that it repeats.
    """
    places = index.sort("task", "role", "row", "example_id").with_row_index("at")
    counted = places.filter(pl.col("words") >= params.overlap_min_words)
    exact = _exact(counted)
    near = _near(counted, exact, least=params.near_similarity)
    sizes = places.group_by("task", "role").len()
    kinds = (
        ("exact", exact, params.remove_overlap),
        ("near", near, params.remove_overlap and params.remove_near),
    )
    tables = [
        _table(found, places, sizes, kind=kind, removed=remove) for kind, found, remove in kinds
    ]
    removed = [
        _removed(found, places, reason="overlap" if kind == "exact" else "near_overlap")
        for kind, found, remove in kinds
        if remove
    ]
    return Overlap(
        pl.concat(tables).sort(*_SIDES, "kind"),
        pl.concat([REMOVED.to_frame(), *removed])
        .unique("example_id", keep="first")
        .sort("example_id"),
    )


def _exact(counted: pl.DataFrame) -> _Found:
    sources = counted.filter(pl.col("role") != "report").select(
        "key", source="at", source_task="task", source_role="role"
    )
    targets = counted.filter(pl.col("role") != "train").select(
        "key", target="at", target_task="task", target_role="role"
    )
    heads = targets.group_by("key", "target_task", "target_role").agg(pl.col("target").min())
    groups = sources.select("key", "source_task", "source_role").unique()
    matches = _allowed(sources.join(heads, on="key"))
    covered = _allowed(targets.join(groups, on="key"))
    return _Found(matches.drop("key"), covered.group_by(_SIDES).agg(target_rows=pl.len()))


def _near(counted: pl.DataFrame, exact: _Found, *, least: float) -> _Found:
    """Find near matches of source rows that have no exact match in the same target."""
    texts = counted.select(
        "at",
        "first",
        "second",
        is_source=pl.col("role") != "report",
        is_target=pl.col("role") != "train",
        group=pl.concat_str("task", "role", separator="/").rank("dense").cast(pl.UInt32),
    )
    places = counted.select("at", "task", "role")
    pairs = (
        near_pairs(texts, least=least)
        .join(places.select(source="at", source_task="task", source_role="role"), on="source")
        .join(places.select(target="at", target_task="task", target_role="role"), on="target")
    )
    keys = ["source", "target_task", "target_role"]
    pairs = _allowed(pairs).join(exact.matches, on=keys, how="anti")
    best = pairs.sort("similarity", "target", descending=[True, False])
    matches = best.unique(keys, keep="first", maintain_order=True)
    covered = pairs.group_by(_SIDES).agg(target_rows=pl.col("target").n_unique())
    return _Found(matches.select(exact.matches.columns), covered)


def _allowed(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep pairs that matter: select rows may occur in select rows of others, not in report rows."""
    return pairs.filter((pl.col("source_role") == "train") | (pl.col("target_role") == "report"))


def _table(
    found: _Found, places: pl.DataFrame, sizes: pl.DataFrame, *, kind: str, removed: bool
) -> pl.DataFrame:
    ids = places.select("at", "example_id")
    counts = (
        found.matches.group_by(_SIDES)
        .agg(rows=pl.len(), pair=pl.struct("source", "target").sort_by("source", "target").first())
        .unnest("pair")
    )
    return (
        counts.join(found.covered, on=_SIDES)
        .join(ids.rename({"at": "source", "example_id": "source_example"}), on="source")
        .join(ids.rename({"at": "target", "example_id": "target_example"}), on="target")
        .join(sizes.select(source_task="task", source_role="role", of_source="len"), on=_SIDES[:2])
        .join(sizes.select(target_task="task", target_role="role", of_target="len"), on=_SIDES[2:])
        .with_columns(
            kind=pl.lit(kind),
            removed=pl.lit(removed),
            share_of_source=pl.col("rows") / pl.col("of_source"),
            share_of_target=pl.col("target_rows") / pl.col("of_target"),
        )
        .select(TABLE.names())
        .cast(TABLE)
    )


def _removed(found: _Found, places: pl.DataFrame, *, reason: str) -> pl.DataFrame:
    """Name each matched source row once, with the report row that it repeats where there is one."""
    ids = places.select("at", "example_id")
    ranked = found.matches.sort(pl.col("target_role") != "report", "target")
    once = ranked.unique("source", keep="first", maintain_order=True)
    return (
        once.join(ids, left_on="source", right_on="at")
        .join(ids.rename({"example_id": "detail"}), left_on="target", right_on="at")
        .select("example_id", pl.lit(reason).alias("reason"), "detail")
    )
