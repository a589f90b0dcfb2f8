"""A compiled prompt at run time: steps over frames, and the frames themselves.

Frame 0 is the batch. A loop over a list column makes a frame of its elements, each with the number of
its row; its results are packed back into lists. Every step is a few polars calls on whole columns.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.templates.vector.values import UnsupportedError

ROW = "__row"
"""Column of an element frame: index of the element's row in the parent frame."""
POSITION = "__position"
"""Column of an element frame: index of the element in its list."""
KEY = "__key"
"""Column of the batch: the row's key, on which draws depend."""

MOST_ELEMENTS = 20_000_000
"""Rows of an element frame beyond which a batch is split."""
MOST_BYTES = 2**28
"""Bytes of text that all steps together may make of a batch; beyond, the batch is split."""
MOST_ROW_BYTES = 4_000_000
"""Bytes of text a row, on average, beyond which Jinja decides."""

MARK = "\ufdd0\ufdd1\ufdd2"
"""Stands for `|||` in texts that are split. Unicode has no such characters; a field that holds them all
the same is left to Jinja."""

Frames = dict[int, pl.DataFrame]


class BatchTooLargeError(Exception):
    """A batch that would need more memory than any batch should."""


@dataclass(frozen=True, slots=True)
class Let:
    """Compute a column in a frame; `sources` are the columns that it copies, and how often."""

    frame: int
    name: str
    expr: pl.Expr
    sources: tuple[tuple[str, int], ...]

    def run(self, frames: Frames) -> None:
        """Add the column."""
        frame = frames[self.frame]
        frames[self.frame] = frame.lazy().with_columns(self.expr.alias(self.name)).collect()


@dataclass(frozen=True, slots=True)
class Unfold:
    """Make the frame of the elements of list columns, which have equal lengths row by row."""

    parent: int
    child: int
    lists: tuple[str, ...]

    def run(self, frames: Frames) -> None:
        """Make it; the elements of the i-th list are column `__item{i}`."""
        parent = frames[self.parent]
        lengths_R = parent[self.lists[0]].list.len().fill_null(0).cast(pl.Int64).to_numpy()
        starts_R = np.cumsum(lengths_R) - lengths_R
        total = int(lengths_R.sum())
        if total > MOST_ELEMENTS:
            raise BatchTooLargeError
        rows = np.repeat(np.arange(len(lengths_R), dtype=np.uint32), lengths_R)
        positions = np.arange(total, dtype=np.int64) - np.repeat(starts_R, lengths_R)
        columns = [pl.Series(ROW, rows), pl.Series(POSITION, positions)]
        for i, name in enumerate(self.lists):
            column = parent[name].explode(empty_as_null=False, keep_nulls=False)
            columns.append(column.alias(item(i)))
        frames[self.child] = pl.DataFrame(columns)


def item(index: int) -> str:
    """Name of the column of elements of an unfolded list."""
    return f"__item{index}"


@dataclass(frozen=True, slots=True)
class Lift:
    """Repeat a column of the parent frame for each element."""

    parent: int
    child: int
    source: str
    name: str

    def run(self, frames: Frames) -> None:
        """Add the column."""
        child, source = frames[self.child], frames[self.parent][self.source]
        if source.dtype == pl.String:
            repeats_R = np.bincount(child[ROW].to_numpy(), minlength=len(source))
            if int(repeats_R @ source.str.len_bytes().fill_null(0).to_numpy()) > MOST_BYTES:
                raise BatchTooLargeError
        column = source.gather(child[ROW])
        frames[self.child] = child.with_columns(column.alias(self.name))


@dataclass(frozen=True, slots=True)
class Take:
    """Take the element at a computed index out of each element's parent list; null where out of range."""

    parent: int
    child: int
    source: str
    index: str
    name: str

    def run(self, frames: Frames) -> None:
        """Add the column."""
        child, lists = frames[self.child], frames[self.parent][self.source]
        lengths_R = lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()
        starts_R = np.cumsum(lengths_R) - lengths_R
        rows = child[ROW].to_numpy()
        at = child[self.index].fill_null(2**40).to_numpy()
        at = np.where(at < 0, at + lengths_R[rows], at)
        inside = (at >= 0) & (at < lengths_R[rows])
        flat = lists.explode(empty_as_null=False, keep_nulls=False)
        places = pl.Series(np.where(inside, starts_R[rows] + at, 0))
        places = places.zip_with(pl.Series(inside), pl.Series([None], dtype=pl.Int64))
        column = (
            flat.gather(places)
            if len(flat)
            else pl.Series([None], dtype=flat.dtype).new_from_index(0, len(rows))
        )
        frames[self.child] = child.with_columns(column.alias(self.name))


@dataclass(frozen=True, slots=True)
class Pack:
    """Collect columns of an element frame into one list column of the parent.

    Each of `values` is a column and the column that says which elements are kept, empty for all; several
    values of one element follow each other.
    """

    child: int
    parent: int
    values: tuple[tuple[str, str], ...]
    name: str

    def run(self, frames: Frames) -> None:
        """Add the column."""
        child, parent = frames[self.child], frames[self.parent]
        rows, column = self._interleaved(child)
        lengths_R = np.bincount(rows, minlength=parent.height)
        offsets = np.zeros(parent.height + 1, dtype=np.int64)
        np.cumsum(lengths_R, out=offsets[1:])
        flat = column.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        packed = pa.LargeListArray.from_arrays(pa.array(offsets), flat)
        series = pl.Series(self.name, packed, dtype=pl.List(column.dtype))
        frames[self.parent] = parent.with_columns(series)

    def _interleaved(self, child: pl.DataFrame) -> tuple[np.ndarray, pl.Series]:
        parts = []
        for j, (name, keep) in enumerate(self.values):
            part = child.select(
                row=ROW, value=name, order=pl.int_range(pl.len()) * len(self.values) + j
            )
            parts.append(part.filter(child[keep]) if keep else part)
        whole = parts[0] if len(parts) == 1 else pl.concat(parts).sort("order")
        return whole["row"].to_numpy(), whole["value"]


@dataclass(frozen=True, slots=True)
class Blame:
    """Mark the rows of the parent frame that have a bad element."""

    child: int
    parent: int
    bad: pl.Expr
    name: str

    def run(self, frames: Frames) -> None:
        """Add the column."""
        child, parent = frames[self.child], frames[self.parent]
        rows = child.lazy().filter(self.bad.fill_null(True)).select(ROW).collect()[ROW].to_numpy()
        marked_R = np.zeros(parent.height, dtype=bool)
        marked_R[rows] = True
        frames[self.parent] = parent.with_columns(pl.Series(self.name, marked_R))


Step = Let | Unfold | Lift | Take | Pack | Blame


@dataclass(frozen=True, slots=True)
class Program:
    """A prompt, compiled for batches of one shape.

    Attributes:
        fields: Columns of the batch that it reads.
        steps: In order.
        outputs: Of the batch, in the last step: `input`, `target`, `parts` (1 or 2), perhaps
            `options`, and `bad`, true where Jinja must render the row.
        marked: Whether it splits texts at `MARK`.
        literals: Characters of the template's own words that a row is put together from.
        growth: How many times as long replacements may make a text.
    """

    fields: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: Mapping[str, pl.Expr]
    marked: bool
    literals: int
    growth: int

    def run(self, batch: pl.DataFrame, first_key: int) -> pl.DataFrame:
        """Render a batch.

        Args:
            batch: Holds `fields`.
            first_key: Key of its first row.

        Returns:
            The outputs, as many rows as the batch; what stands in a `bad` row means nothing.

        Raises:
            BatchTooLargeError: It would take more than `MOST_BYTES` or `MOST_ELEMENTS`.
            UnsupportedError: A field holds the mark that texts would be split at.
        """
        if self.marked and _holds_mark(batch.select(self.fields)):
            raise UnsupportedError("a field with a mark of our own")
        keys = pl.int_range(first_key, first_key + pl.len(), dtype=pl.UInt64)
        frames: Frames = {0: batch.select(*self.fields, keys.alias(KEY))}
        left = min(MOST_BYTES, batch.height * MOST_ROW_BYTES)
        for step in self.steps:
            if isinstance(step, Let):
                left -= self._cost(frames[step.frame], step.sources, left)
            step.run(frames)
        for expr in self.outputs.values():
            left -= self._cost(frames[0], Counter(expr.meta.root_names()).items(), left)
        outputs = [expr.alias(name) for name, expr in self.outputs.items()]
        return frames[0].lazy().select(outputs).collect()

    def _cost(self, frame: pl.DataFrame, sources: Iterable[tuple[str, int]], left: int) -> int:
        """Return the bytes of a column before it is made: at most, and not more than are left."""
        copied = sum(text_bytes(frame[name]) * times for name, times in sources)
        cost = copied * self.growth + frame.height * self.literals
        if cost > left:
            raise BatchTooLargeError
        return cost


def texts_of(series: pl.Series) -> list[pl.Series]:
    """Return all texts of a column, those of lists and records in it included."""
    if series.dtype == pl.String:
        return [series]
    if isinstance(series.dtype, pl.List):
        return texts_of(series.explode(empty_as_null=False, keep_nulls=False))
    if isinstance(series.dtype, pl.Struct):
        inner = series.struct.unnest().get_columns()
        return [text for field in inner for text in texts_of(field)]
    return []


def text_bytes(series: pl.Series) -> int:
    """Return the bytes of all texts of a column."""
    return sum(int(text.str.len_bytes().sum()) for text in texts_of(series))


def _holds_mark(frame: pl.DataFrame) -> bool:
    texts = (text for series in frame.get_columns() for text in texts_of(series))
    return any(text.str.contains(MARK, literal=True).any() for text in texts)
