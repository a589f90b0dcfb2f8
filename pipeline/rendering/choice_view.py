"""The choice view: each example as a stem and one *option* for each choice, as a model sees them.

A model reads `[CLS] prefix context [SEP] option [SEP]` once for each choice. A question that holds a
blank (`BLANK`) is a cloze: its options are the question with the choice in the blank. Any other
question stands in front of each choice.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import MixtureError

BLANK = r"\b_+\b|_{3,}"
"""A blank: a run of `_` that touches no letter or digit, or any run of three and more. `x_1` and
`__init__` hold none. (CompassMTL takes every single `_` for a blank, also those in names.)"""

RENDERED = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("role", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),  # of `tokens/<role>/<task>.arrow`
        pa.field("context", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.int32()),  # index into choices; null = hidden or multi-label
        pa.field("labels", pa.list_(pa.int32())),  # gold set of multi-label rows, else null
        pa.field("target", pa.string()),  # the gold choice's text; null = hidden
        pa.field("prefix", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("text", pa.list_(pa.string()), nullable=False),  # per choice, what a model reads
    ],
    metadata={"schema": "taskloom.rendered", "version": "1"},
)
"""A task's rows as text, all roles, before anything is cut to `max_tokens`."""

_TEXT_BYTES = 64_000_000


def choice_view(examples: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """Add the two columns that the choice view needs to rows of `schema.EXAMPLE`.

    Args:
        examples: Rows of one task; every one has at least one choice.
        where: What the error names: the file that the rows come from.

    Returns:
        The same rows with `joined` (bool: the question is put in front of each choice, with `[SEP]`
        between) and `options` (list<string>, one per choice: the filled cloze where the question has
        a blank, else the choice alone).

    Raises:
        MixtureError: Some rows have no choices, as text to text and span rows have none.
    """
    _refuse_without_choices(examples, where=where)
    question = pl.col("question")
    cloze = question.str.contains(BLANK)
    frame = examples.with_columns(joined=(question != "") & ~cloze, options=pl.col("choices"))
    filled = examples.filter(cloze)
    if filled.is_empty():
        return frame
    options = _filled(filled["question"], filled["choices"])
    if filled.height == examples.height:
        return frame.with_columns(options=options)
    blanks = frame.with_row_index("_row").filter(cloze).with_columns(options=options)
    rest = frame.with_row_index("_row").filter(~cloze)
    return pl.concat([blanks, rest]).sort("_row").drop("_row")


def rendered(view: pl.DataFrame, *, role: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a `choice_view` as frames of `RENDERED`, a bounded amount of text in each.

    Text grows with choices times context, so a task of a hundred classes is not held at once. Where
    the cuts fall depends on the rows alone. A view without rows gives one empty frame.
    """
    rows = view.with_row_index("row").with_columns(pl.lit(role).alias("role"))
    size = pl.col("context").str.len_bytes() + pl.col("question").str.len_bytes() + 32
    bytes_before = view.select((size * pl.col("choices").list.len()).cum_sum()).to_series()
    part = (bytes_before // _TEXT_BYTES).to_numpy()
    starts = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), view.height]
    for start, end in pairwise(starts):
        piece = rows[start:end]
        yield piece.with_columns(text=_texts(piece)).select(RENDERED.names)


def _refuse_without_choices(examples: pl.DataFrame, *, where: str) -> None:
    bare = examples.filter(pl.col("choices").list.len() == 0)
    if bare.is_empty():
        return
    row = bare.row(0, named=True)
    raise MixtureError(
        f"task '{row['task']}' ({row['form']}) has {bare.height} rows without choices, "
        f"the first is {row['example_id']}",
        where=where,
        expected="choices in every row: the choice view scores one sequence per choice",
        remedy=f"take '{row['task']}' out of the mixture's tasks, or give its card a form with choices",
    )


def _filled(questions: pl.Series, choices: pl.Series) -> pl.Series:
    """Return per row the question with each choice in all of its blanks."""
    parts = questions.to_frame("question").select(
        pl.col("question").str.split(BLANK, literal=False)
    )
    frame = pl.DataFrame(
        {
            "parts": parts.to_series().gather(_parents(choices)),
            "choice": choices.explode(empty_as_null=False),
        }
    )
    joined = frame.select(pl.col("parts").list.join(pl.col("choice"))).to_series()
    return _relist(joined, choices)


def _texts(view: pl.DataFrame) -> pl.Series:
    """Return per row one text per choice: `[task: X] context [SEP] question [SEP] choice`."""
    context, question = pl.col("context"), pl.col("question")
    head = pl.concat_str(
        pl.col("prefix").cast(pl.String),
        pl.when(context != "").then(pl.lit(" ") + context).otherwise(pl.lit("")),
        pl.lit(" [SEP] "),
        pl.when(pl.col("joined")).then(question + pl.lit(" [SEP] ")).otherwise(pl.lit("")),
    )
    heads = view.select(head).to_series().gather(_parents(view["options"]))
    return _relist(heads + view["options"].explode(empty_as_null=False), view["options"])


def _parents(lists: pl.Series) -> NDArray[np.uint32]:
    """Return the row of each element of non-empty lists, in order."""
    return np.repeat(np.arange(len(lists), dtype=np.uint32), lists.list.len().to_numpy())


def _relist(values: pl.Series, like: pl.Series) -> pl.Series:
    """Cut flat `values` into lists as long as those of `like`."""
    offsets = np.concatenate([[0], np.cumsum(like.list.len().to_numpy(), dtype=np.int64)])
    lists = pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), values.to_arrow().cast(pa.large_string())
    )
    return pl.Series(like.name, lists, dtype=pl.List(pl.String))
