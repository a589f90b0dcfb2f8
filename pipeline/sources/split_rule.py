"""Which records of the same files belong to which split."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import xxhash

from pipeline.config.source import SplitBy
from pipeline.errors import SourceError
from pipeline.fields.texts import text_expression
from pipeline.schema import SPLITS, Split
from pipeline.sources.records import ROW, Records, is_lost, unwoven, woven

_UNUSED = "unused"
_SPLIT = "__split__"


def of_split(
    records: Records,
    rule: SplitBy,
    split: Split,
    locate: Callable[[str], list[Path]] | None,
    *,
    where: str,
) -> Records:
    """Return the records of one split, with new numbers.

    Records that cannot be read have no value to go by: they count for the first split of the rule.

    Args:
        records: Of all splits.
        rule: What the card says.
        split: The wanted split.
        locate: Finds the files of ids; None where there are none.
        where: Task and split, for errors.

    Raises:
        SourceError: A record belongs to no split, or an id to two.
    """
    whole = woven(records)
    if rule.shares is not None:
        place = _by_shares(records.frame, rule, where)
    else:
        places = _by_values(rule) if rule.values is not None else _by_ids(rule, locate, where)
        value = text_expression(rule.column or "", records.frame.schema, where=f"{where}: split_by")
        values = records.frame.select(value.str.strip_chars().alias("value"))["value"]
        place = values.replace_strict(places, default=rule.rest, return_dtype=pl.String)
        _refuse_unplaced(values.filter(place.is_null()), rule, where)
    placed = pl.DataFrame({ROW: records.frame[ROW], _SPLIT: place})
    numbered = whole.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    joined = numbered.join(placed, on=ROW, how="left", maintain_order="left").drop(ROW)
    first = next(name for name in SPLITS if name in (rule.values or rule.ids or rule.shares or {}))
    mine = pl.when(is_lost()).then(pl.lit(first == split)).otherwise(pl.col(_SPLIT) == split)
    kept = unwoven(joined.filter(mine).drop(_SPLIT))
    if kept.frame.is_empty():
        raise SourceError("no record belongs to this split", where=f"{where}: split_by")
    return kept


def _by_values(rule: SplitBy) -> dict[str, str]:
    return {
        value: split
        for split, values in (rule.values or {}).items()
        for value in ((values,) if isinstance(values, str) else values)
    }


def _by_ids(
    rule: SplitBy, locate: Callable[[str], list[Path]] | None, where: str
) -> dict[str, str]:
    places: dict[str, str] = {}
    for split, name in (rule.ids or {}).items():
        for path in locate(name) if locate is not None else []:
            for line in path.read_text(encoding="utf-8-sig").splitlines():
                other = places.setdefault(line.strip(), split)
                if other != split:
                    raise SourceError(
                        f"the id '{line.strip()}' is listed for both {other} and {split}",
                        where=where,
                    )
    places.pop("", None)
    return places


def _by_shares(frame: pl.DataFrame, rule: SplitBy, where: str) -> pl.Series:
    """Return the split of each record: that into whose part of [0, 1) its hash falls."""
    if rule.group is None:
        content = pl.struct(pl.exclude(ROW)).struct.json_encode()
    else:
        content = text_expression(rule.group, frame.schema, where=f"{where}: split_by.group")
    texts = frame.select(content.fill_null("").alias("text"))["text"]
    unit = [xxhash.xxh3_64_intdigest(text.encode()) / 2**64 for text in texts]
    shares = rule.shares or {}
    names = [name for name in SPLITS if name in shares]
    ends = np.cumsum([shares[name] for name in names])[:-1]
    return pl.Series(names, dtype=pl.String).gather(np.searchsorted(ends, unit, side="right"))


def _refuse_unplaced(values: pl.Series, rule: SplitBy, where: str) -> None:
    if values.is_empty():
        return
    shown = values.fill_null("null").value_counts(sort=True).head(5).rows()
    raise SourceError(
        f"{len(values)} records belong to no split: "
        + ", ".join(f"'{value}' ({count} rows)" for value, count in shown),
        where=f"{where}: split_by.{rule.column}",
        remedy=f"name these values under a split, or set `rest: {_UNUSED}`",
    )
