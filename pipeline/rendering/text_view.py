"""The text view: each example as an input and the target that a language model is to write.

A *format* turns curated rows into inputs, targets and options. `plain` is the built-in one; `prompted`
makes formats from templates.
"""

from collections.abc import Callable

import polars as pl
import pyarrow as pa

from pipeline.config.strict import PLAIN
from pipeline.errors import MixtureError

_SEPARATOR = " | "

Format = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows of `schema.EXAMPLE` of one task -> rows of `PROMPTED`. An example may give several rows, one for
each prompt that it is seen through, or none."""

PROMPTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "input": pl.String,
    "target": pl.String,
    "options": pl.List(pl.String),
    "label": pl.Int32,
    "prompt": pl.String,
}
"""What a format returns: `row`, the example's index in the frame that it was given; `input`; `target`
(null = hidden); `options`, the texts among which the target is found by rank classification (empty
where it is free text); `label`, the index of the gold one (null = hidden, or there are no options);
`prompt`, an id of what made the row."""

RENDERED = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("role", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),  # of `tokens/<role>/<task>.arrow`
        pa.field("context", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string()), nullable=False),  # the options
        pa.field("label", pa.int32()),  # index into choices; null = hidden, or there are none
        pa.field("target", pa.string()),  # null = hidden
        pa.field("prefix", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("prompt", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field(
            "text", pa.list_(pa.string()), nullable=False
        ),  # one: prefix (if any), input, target
    ],
    metadata={"schema": "taskloom.rendered.text", "version": "1"},
)
"""A task's rows as text, all roles, before anything is cut. `row` counts the rows of the token shard,
which differ from the curated ones where an example gives several rows or none."""


def plain(examples: pl.DataFrame) -> pl.DataFrame:
    """Return rows in the built-in format; one row an example.

    The input has a line each for the context, the question and `Options: a | b`, those that there are,
    and ends in a line `Answer:` and a line break, so that input and target tokenise apart as they would
    together. The target is the gold choice's text, or the `target` of rows without choices. Multi-label
    rows list their options and have all gold texts as target, joined by commas; they are free text.
    """
    listed = pl.when(pl.col("choices").list.len() > 0).then(
        pl.lit("Options: ") + pl.col("choices").list.join(_SEPARATOR)
    )
    ranked = pl.col("labels").is_null()
    lines = [_unless_empty("context"), _unless_empty("question"), listed, pl.lit("Answer:\n")]
    return examples.select(
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        input=pl.concat_str(lines, separator="\n", ignore_nulls=True),
        target=pl.col("target"),
        options=pl.when(ranked).then("choices").otherwise(pl.lit([], pl.List(pl.String))),
        label=pl.when(ranked).then("label"),
        prompt=pl.lit(PLAIN),
    )


def _unless_empty(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(column)


def text_view(examples: pl.DataFrame, form: Format = plain, *, where: str) -> pl.DataFrame:
    """Return the rows of one task in the text view.

    Args:
        examples: Rows of `schema.EXAMPLE`.
        form: Makes inputs and targets.
        where: What an error names: the file that the rows come from.

    Returns:
        Rows of `PROMPTED` with the examples' `example_id`, `context`, `question` and `prefix`; `row` is
        the example's.

    Raises:
        MixtureError: A label lies outside its row's options.
    """
    rows = form(examples)
    outside = (pl.col("label") >= pl.col("options").list.len()) | (pl.col("label") < 0)
    wrong = rows.filter(outside)
    if wrong.height:
        raise MixtureError(
            f"prompt '{wrong['prompt'][0]}' gives row {wrong['row'][0]} a label outside its options",
            where=where,
            expected="an index into the options",
        )
    stems = examples.select("example_id", "context", "question", "prefix")
    return pl.concat([stems[rows["row"].to_numpy()], rows], how="horizontal")


def rendered(view: pl.DataFrame, *, role: str, prefix: bool = True) -> pl.DataFrame:
    """Return the rows of a text view as a frame of `RENDERED`.

    Args:
        view: The rows.
        role: What they are for.
        prefix: Whether the task's prefix stands in front of every input.
    """
    head = [pl.col("prefix").cast(pl.String), pl.lit(" ")] if prefix else []
    text = pl.concat_str(*head, "input", pl.col("target").fill_null(""))
    return view.drop("row").with_row_index("row").select(
        "example_id", pl.lit(role).alias("role"), "row", "context", "question",
        pl.col("options").alias("choices"), "label", "target", "prefix", "prompt", "input",
        pl.concat_list(text).alias("text"),
    )  # fmt: skip
