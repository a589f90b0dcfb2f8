"""Synthetic rows of any schema, for checks of prompts: clean ones, and nasty ones.

Clean rows have words, small numbers and no nulls; constants of the template stand in a third of
the texts, so that its
branches are taken. Nasty rows add nulls at every level, empty texts and lists, pipes, quotes, braces,
unusual spaces and cases, long texts, indices out of range, and floats that print oddly.
"""

import datetime
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

WORDS = [
    "the", "a", "cat", "Dog", "runs", "over", "blue", "sky.", "What", "is", "it?", "Yes", "no",
    "left", "right", "jump", "twice", "and", "after", "_____", "XXXXX",
    "turn", "I_WALK", "positive", '"quoted"',
    "it's", "(b)", "B", "A", "C", "1", "12", "3",
]  # fmt: skip
NASTY = [
    "", "  ", " x ", "ǅ", "ß", "ΑΣ", "\u00a0nb", "\x1cfs\x1d", "|", "a|||b", "||", "{{ x }}", "{% if %}",
    "'q'", '"q"', "<b>&amp;</b>", "é" * 10, "日本語 テスト", "İstanbul", "ﬁ", "a\nb\n", "x" * 2100,
    "word " * 600, "3", "-1", "007", " 12 ", "1e5", "items", "append", "None", "none", "]", "a, b;c: d",
    "\u2028", "\u0345", "%s", "$1", "\\1", "\r\n", "\u200b",
]  # fmt: skip
FLOATS = [float("nan"), float("inf"), 1e16, 1e-5, 0.1, -0.0, 1e22, 3.0, -1.5, 2.675]
_CONSTANT = re.compile(r"'([^'{}]{1,30})'|\"([^\"{}]{1,30})\"")


def constants(*sources: str | None) -> list[str]:
    """Return the constants that stand in templates, so that rows can hold them too."""
    found = [a or b for source in sources for a, b in _CONSTANT.findall(source or "")]
    return [text for text in found if "|" not in text] or ["x"]


class Rows:
    """Draws rows.

    Args:
        seed: Of the draws.
        nasty: Whether rows are nasty.
        texts: Constants of the template.
    """

    def __init__(self, seed: int, *, nasty: bool, texts: Sequence[str]) -> None:
        self._rng, self._nasty, self._texts = random.Random(seed), nasty, list(texts)

    def frame(self, schema: Mapping[str, pl.DataType], rows: int) -> pl.DataFrame:
        """Return rows of a schema."""
        return pl.DataFrame(
            [
                pl.Series(name, [self._value(dtype) for _ in range(rows)], dtype=dtype)
                for name, dtype in schema.items()
            ]
        )

    def _text(self) -> str:
        rng = self._rng
        if self._nasty and rng.random() < 0.25:
            return rng.choice(NASTY)
        if rng.random() < 0.35:
            constant = rng.choice(self._texts)
            return constant if rng.random() < 0.6 else constant.join(rng.choices(WORDS, k=2))
        if rng.random() < 0.1:
            return str(rng.randint(0, 5))
        return rng.choice([" ", " ", " ", ", ", ". "]).join(
            rng.choices(WORDS, k=rng.randint(1, 12))
        )

    def _value(self, dtype: Any) -> Any:
        kind = dtype() if isinstance(dtype, type) else dtype
        if self._nasty and self._rng.random() < 0.03:
            return None
        if isinstance(kind, pl.String):
            return self._text()
        if isinstance(kind, pl.List):
            return [self._value(kind.inner) for _ in range(self._length())]
        if isinstance(kind, pl.Struct):
            return self._record(kind)
        return self._scalar(kind)

    def _length(self) -> int:
        return self._rng.choice([0, 1, 2, 3, 5, 8] if self._nasty else [2, 3, 4, 4, 5, 6])

    def _record(self, kind: pl.Struct) -> dict[str, Any]:
        """Lists of one record mostly have one length, as sequences of records do."""
        length = self._rng.choice([0, 1, 2, 4] if self._nasty else [2, 3, 4, 5])
        return {
            field.name: [self._value(field.dtype.inner) for _ in range(length)]
            if isinstance(field.dtype, pl.List) and self._rng.random() < 0.9
            else self._value(field.dtype)
            for field in kind.fields
        }

    def _scalar(self, kind: pl.DataType) -> Any:
        rng = self._rng
        if kind == pl.Boolean:
            return rng.random() < 0.5
        if kind.is_integer():
            return self._integer(kind)
        if kind.is_float():
            odd = self._nasty and rng.random() < 0.15
            return rng.choice(
                FLOATS if odd else [0.0, 1.0, 2.5, rng.random() * 5, round(rng.random() * 5, 1)]
            )
        if kind == pl.Binary:
            return b"x"
        return None if kind == pl.Null else datetime.datetime(2020, 1, 2, 3, 4, 5)

    def _integer(self, kind: pl.DataType) -> int:
        if not (self._nasty and self._rng.random() < 0.1):
            return self._rng.randint(0, 4)
        if kind.is_unsigned_integer():
            return 100
        return self._rng.choice([-1, -2, 100, 2**40, 2**62] if kind == pl.Int64 else [-1, -2, 100])
