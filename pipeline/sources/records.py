"""Records and rejects of one split, and the bookkeeping of their numbers.

Every record has a number, whether it could be read or not, so that an example's name stays the same
when another record of its split is mended. Knows no format and no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.errors import SourceError

ROW = "__row__"
"""Column of `Records.frame` with the 0-based number of the record in its split."""

REJECTS = pl.Schema({"row": pl.Int64, "reason": pl.String, "detail": pl.String})

_REASON, _DETAIL = "__reason__", "__detail__"
_DETAIL_LENGTH = 120


@dataclass(frozen=True)
class Records:
    """The records of one split.

    Together the two tables hold each number from 0 up exactly once.

    Attributes:
        frame: One row per readable record, in the source's order; nested data as List and Struct;
            `__row__` (Int64) is the record's 0-based number in the split.
        rejects: `row` (Int64), `reason` (String), `detail` (String) of the records that could not
            be read. Their numbers are missing from `frame`.
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def height(self) -> int:
        """Number of records, readable or not."""
        return self.frame.height + self.rejects.height


Reject = tuple[int, str, str]
"""Number, reason (a short slug) and detail (the offending value) of a record that cannot be read."""


def rejects_frame(rejects: Sequence[Reject]) -> pl.DataFrame:
    """Return rejects as a table of `REJECTS`, details shortened."""
    shortened = [(row, reason, _short(detail)) for row, reason, detail in rejects]
    return pl.DataFrame(shortened, schema=REJECTS, orient="row")


def _short(detail: str) -> str:
    return detail if len(detail) <= _DETAIL_LENGTH else detail[: _DETAIL_LENGTH - 3] + "..."


def numbered(
    frame: pl.DataFrame,
    rejects: Sequence[Reject] = (),
    *,
    where: str,
    numbers: pl.Series | Sequence[int] = (),
) -> Records:
    """Number the rows of `frame` around the rejects.

    Args:
        frame: The readable records, without numbers.
        rejects: The unreadable ones, in order, with their numbers.
        where: File, for errors.
        numbers: Numbers of `frame`'s rows; may be left out where there are no rejects.

    Raises:
        SourceError: No record could be read though there are some, or a column has a reserved name.
    """
    if rejects and frame.is_empty():
        number, reason, detail = rejects[0]
        raise SourceError(
            f"none of the {len(rejects)} records can be read; record {number}: "
            f"{reason}, {_short(detail)}",
            where=where,
            remedy="check `format`, `columns`, `separator`, `quote` and `encoding` on the card",
        )
    reserved = sorted({ROW, _REASON, _DETAIL} & set(frame.columns))
    if reserved:
        raise SourceError(
            f"column '{reserved[0]}' has a name that is reserved", where=where, remedy="rename it"
        )
    if rejects:
        row = pl.Series(ROW, numbers).cast(pl.Int64)
    else:
        row = pl.int_range(frame.height, dtype=pl.Int64, eager=True).alias(ROW)
    return Records(frame.with_columns(row), rejects_frame(rejects))


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names of columns, each once: one that occurs again gets `_2`, `_3`."""
    made: list[str] = []
    for name in names:
        count, unique = 1, name
        while unique in made:
            count += 1
            unique = f"{name}_{count}"
        made.append(unique)
    return made


def woven(records: Records) -> pl.DataFrame:
    """Return all records in order, unreadable ones as rows of nulls with their reason beside them."""
    flags = [pl.lit(None, pl.String).alias(_REASON), pl.lit(None, pl.String).alias(_DETAIL)]
    whole = records.frame.with_columns(flags)
    if records.rejects.height:
        lost = records.rejects.rename({"row": ROW, "reason": _REASON, "detail": _DETAIL})
        whole = pl.concat([whole, lost], how="diagonal").sort(ROW)
    return whole.drop(ROW)


def unwoven(whole: pl.DataFrame) -> Records:
    """Undo `woven`, with new numbers in the order of the rows."""
    whole = whole.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
    lost = pl.col(_REASON).is_not_null()
    rejects = whole.filter(lost).select(
        pl.col(ROW).alias("row"), pl.col(_REASON).alias("reason"), pl.col(_DETAIL).alias("detail")
    )
    return Records(whole.filter(~lost).drop(_REASON, _DETAIL), rejects)


def reject_where(whole: pl.DataFrame, lost: pl.Expr, reason: str, detail: pl.Expr) -> pl.DataFrame:
    """Mark rows of a woven table as rejects, unless they are so already."""
    fresh = lost & pl.col(_REASON).is_null()
    short = detail.str.slice(0, _DETAIL_LENGTH)
    return whole.with_columns(
        pl.when(fresh).then(pl.lit(reason)).otherwise(_REASON).alias(_REASON),
        pl.when(fresh).then(short).otherwise(_DETAIL).alias(_DETAIL),
    )


def beside(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Lay woven tables of one height side by side; a row is a reject where any part of it is.

    Of columns of one name the first stays.
    """
    names: list[str] = []
    parts = []
    for i, table in enumerate(tables):
        fresh = [column for column in data_columns(table) if column not in names]
        names += fresh
        flags = pl.col(_REASON).alias(f"{_REASON}{i}"), pl.col(_DETAIL).alias(f"{_DETAIL}{i}")
        parts.append(table.select(*fresh, *flags))
    count = range(len(parts))
    return pl.concat(parts, how="horizontal").select(
        *names,
        pl.coalesce(f"{_REASON}{i}" for i in count).alias(_REASON),
        pl.coalesce(f"{_DETAIL}{i}" for i in count).alias(_DETAIL),
    )


_FLAGS = (_REASON, _DETAIL)


def data_columns(whole: pl.DataFrame) -> list[str]:
    """Return the columns of a woven table that come from the source."""
    return [column for column in whole.columns if column not in _FLAGS]


def is_lost() -> pl.Expr:
    """Return the expression that is true on the rejects of a woven table."""
    return pl.col(_REASON).is_not_null()
