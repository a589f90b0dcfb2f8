"""The steps that a card may ask for to clean a text: a closed list, see `CleanStep`."""

import html
from collections.abc import Sequence

import polars as pl

from pipeline.config.forms.base import CleanStep, Prefix

_TAG = r"</?[A-Za-z][^<>]*>"
_LETTER = r"^\s*\(?(?:[A-Za-z]|\d{1,2})[.):]\s*"


def cleaned(text: pl.Expr, steps: Sequence[CleanStep]) -> pl.Expr:
    """Return a text after some steps, in order; null stays null."""
    for step in steps:
        text = _cleaned(text, step)
    return text


def _cleaned(text: pl.Expr, step: CleanStep) -> pl.Expr:
    match step:
        case Prefix():
            return text.str.strip_chars_start().str.strip_prefix(step.prefix)
        case "tags":
            return text.str.replace_all(_TAG, " ")
        case "entities":
            return text.map_batches(_unescaped, return_dtype=pl.String)
        case "spaces":
            return text.str.replace_all(r"\s+", " ")
        case "slashes":
            return text.str.replace_all(r"\\([/\"'\\])", "$1")
        case "letter":
            return text.str.replace(_LETTER, "")


def _unescaped(texts: pl.Series) -> pl.Series:
    return pl.Series(
        texts.name,
        [text if text is None or "&" not in text else html.unescape(text) for text in texts],
        dtype=pl.String,
    )
