"""What makes two examples the same: normalised text, its key, and stable hashes of both.

Two texts are the same if they differ only in case, punctuation, spacing and tokenisation: `do n't` and
`don't`. Symbols of arithmetic count, since `3 + 4` is not `3 - 4`.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

_JOINT = "\x1f"
_CARRIER_ROWS = 20
"""A task needs this many rows before a repeated part can be called its carrier."""
_ROWS_PER_PHRASE = 100
"""A part with fewer distinct texts than one in so many rows asks the same of different items."""

STEMS = pl.Schema(
    {
        "example_id": pl.String,
        "first": pl.String,
        "second": pl.String,
        "words": pl.UInt32,
        "key": pl.String,
    }
)
"""Columns of `stems`."""


def normalized(text: pl.Expr) -> pl.Expr:
    r"""Return `text` as lower-case words, separated by single spaces.

    Markup, entities and escapes (`<br>`, `&amp;`, `\/`, `\u00e9`) are undone and invisible characters
    left out. Unicode is composed (NFKC) and lowered; all but letters, marks, digits and mathematical
    symbols becomes a space; `-`, `*`, `/` and `^` in front of a number stay, as symbols.
    """
    text = text.map_batches(_without_markup, return_dtype=pl.String)
    text = text.str.normalize("NFKC").str.to_lowercase().str.replace_all("ß", "ss", literal=True)
    for sign, symbol in (("-", "\u2212"), (r"\*", "\u00d7"), ("/", "\u00f7"), (r"\^", "\u2191")):
        text = text.str.replace_all(rf"{sign}\s*(\p{{N}})", f"{symbol} $1")
    # a variation selector (of emoji) counts as a mark, but says nothing
    text = text.str.replace_all(r"([^\p{L}\p{M}\p{N}\p{Sm}]|[\x{FE00}-\x{FE0F}])+", " ")
    return text.str.strip_chars(" ")


_TAG = re.compile(
    r"</?(?:a|b|body|br|code|div|em|font|h[1-6]|html|i|li|ol|p|pre|s|span|strong|sub|sup|table|td|tr|u|ul)"
    r"\b[^<>]*>",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ODD = r"[\\\p{Cf}]|&[#\w]+;|<[/A-Za-z]"
"""What a text holds if anything is to be undone in it."""


def _without_markup(texts: pl.Series) -> pl.Series:
    odd = texts.str.contains(_ODD).fill_null(value=False)
    if not odd.any():
        return texts
    plain = pl.Series([_undone(text) for text in texts.filter(odd)], dtype=pl.String)
    return texts.scatter(odd.arg_true(), plain)


def _undone(text: str) -> str:
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\([/\"'\\])", r"\1", text).replace("\\n", " ").replace("\\t", " ")
    text = _TAG.sub(" ", html.unescape(text))
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def squeezed(text: pl.Expr) -> pl.Expr:
    """Return normalised `text` without the spaces beside letters, where tokenisers differ."""
    return text.str.replace_all(r"([\p{L}\p{M}]) ", "$1").str.replace_all(r" (\p{L})", "$1")


def recognised(examples: pl.DataFrame, identity: pl.DataFrame | None) -> pl.DataFrame:
    """Return examples with the context and question that they are recognised by."""
    if identity is None:
        return examples
    own = ["context", "question"]
    return examples.drop(own).join(identity, on="example_id", how="left", maintain_order="left")


def stems(examples: pl.DataFrame) -> pl.DataFrame:
    """Return the text by which each example of one task is recognised.

    Context and question, in either order; in multiple choice also the choices, in any order, since
    `Which of these is right?` and `It rained all day.` stand over many different ones. A part that all
    rows share, such as `What is the sentiment?` or the choices `yes` and `no`, identifies nothing and
    is left out, and so are a few phrases that many multiple-choice rows share.

    Args:
        examples: All examples of one task, whatever their split.

    Returns:
        One row an example, in the given order: `example_id`; `first` and `second`, its identifying
        texts, normalised, either may be empty: context and question, or in multiple choice both of
        them and the choices; `words`, their number in all; `key`, equal for equal examples.
    """
    if not examples.height:
        return STEMS.to_frame()
    offered = examples["form"].cast(pl.String)[0] == "multiple_choice"
    parts = _identifying(examples, offered=offered)
    stem = pl.concat_str("context", "question", separator=" ").str.strip_chars(" ")
    pair = _unordered(squeezed(pl.col("context")), squeezed(pl.col("question")))
    texts = parts.select(
        "example_id",
        first=stem if offered else pl.col("context"),
        second=pl.col("choices") if offered else pl.col("question"),
        key=pl.when(pl.col("choices") == "")
        .then(pair)
        .otherwise(pl.concat_str(pair, squeezed(pl.col("choices")), separator=_JOINT)),
    )
    words = _words(pl.col("first")) + _words(pl.col("second"))
    return texts.with_columns(words=words).select(STEMS.names()).cast(STEMS)


def _identifying(examples: pl.DataFrame, *, offered: bool) -> pl.DataFrame:
    """Return normalised context, question and choices, each empty where it is a carrier."""
    choices = (
        pl.col("choices").list.eval(pl.element().str.to_lowercase()).list.sort().list.join(" ")
    )
    parts = examples.select(
        "example_id",
        context=normalized(pl.col("context")),
        question=normalized(pl.col("question")),
        choices=normalized(choices) if offered else pl.lit(""),
    )
    for part in ("context", "question", "choices"):
        if _is_carrier(parts[part], phrases=offered and part != "choices"):
            parts = parts.with_columns(pl.lit("").alias(part))
    return parts


def text_hashes(texts: pl.Series) -> NDArray[np.uint64]:
    """Return the XXH3-64 of each text's UTF-8 bytes; equal on every machine and version."""
    encoded = texts.to_arrow().cast(pa.large_string()).dictionary_encode()
    codes: NDArray[np.int32] = encoded.indices.to_numpy(zero_copy_only=False)
    return _hashed(encoded.dictionary.to_pylist())[codes]


def group_hashes(examples: pl.DataFrame) -> NDArray[np.uint64]:
    """Return one hash an example, equal for all that share a context.

    Only letters and digits of the context are compared, so that markers (`<< drug >>`) part no rows;
    where it has none the question stands in for it, and where that is empty too, the row's own
    content.
    """
    context, question = _letters(pl.col("context")), _letters(pl.col("question"))
    own = pl.col("content_hash").bin.encode("hex")
    text = (
        pl.when(context != "")
        .then(context)
        .otherwise(pl.when(question != "").then(question).otherwise(own))
    )
    return text_hashes(examples.select(text.alias("text"))["text"])


def row_hashes(examples: pl.DataFrame) -> NDArray[np.uint64]:
    """Return one hash an example, a function of its content alone."""
    return text_hashes(examples["content_hash"].bin.encode("hex"))


def _letters(text: pl.Expr) -> pl.Expr:
    lowered = text.str.normalize("NFKC").str.to_lowercase()
    return lowered.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", "")


def _hashed(values: Iterable[str]) -> NDArray[np.uint64]:
    digests = (xxhash.xxh3_64_intdigest(value.encode()) for value in values)
    return np.fromiter(digests, dtype=np.uint64)


def _is_carrier(part: pl.Series, *, phrases: bool) -> bool:
    """Whether a part is one text in all rows or, for `phrases`, one of few."""
    if part.len() < _CARRIER_ROWS:
        return False
    most = max(1, part.len() // _ROWS_PER_PHRASE) if phrases else 1
    return part.n_unique() <= most


def _words(text: pl.Expr) -> pl.Expr:
    return pl.when(text == "").then(0).otherwise(text.str.count_matches(" ", literal=True) + 1)


def _unordered(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    pair = (pl.min_horizontal(first, second), pl.max_horizontal(first, second))
    return pl.concat_str(*pair, separator=_JOINT)
