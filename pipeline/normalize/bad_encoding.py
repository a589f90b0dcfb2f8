"""Text that was damaged before it came here: found in one pass over the bytes of all rows.

Damaged is a text with a control character other than white space (U+0000 to U+0008, U+000E to U+001F,
U+007F), or with U+FFFD, which stands where a decoder gave up. U+0080 to U+009F are let pass: many old
public sets have them for quotation marks and dashes, and the text around them is whole. Looks at
encodings (see `content_hash`) and knows what separates their parts, and no more.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.normalize.content_hash import buffers

_BLOCK = 1 << 17
"""Bytes looked at together: few enough to stay in a processor's cache."""

_DAMAGE = "[\x00-\x08\x0e-\x1f\x7f\ufffd]"

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


def damaged_rows(encodings: pl.DataFrame) -> pl.Series | None:
    """Return which of N rows hold damaged text, as Boolean, or None where none does.

    Args:
        encodings: N rows as `content_hash.encode` gives them; null encodings are passed over.
    """
    encoded, separators = encodings["encoding"], encodings["separators"]
    is_damaged = encoded.str.contains("\ufffd", literal=True).fill_null(False)
    offsets, data = buffers(encoded)
    places, found = _controls(data)
    if len(places):
        is_damaged |= pl.Series(_rows_with(places, offsets) > 0)
    if found != separators.sum():  # a text has separators of its own
        own = _rows_with(np.flatnonzero((data & 0xFE) == 0x1E), offsets)
        is_damaged |= pl.Series(own != separators.to_numpy())
    return is_damaged if is_damaged.any() else None


def damage(text: pl.Expr) -> pl.Expr:
    """Return the first damaged place of each text, with up to 30 characters on either side."""
    return text.str.extract(f"(?s)(.{{0,30}}{_DAMAGE}.{{0,30}})")


def _controls(data: _Bytes) -> tuple[_Places, int]:
    """Find control characters other than white space and separators, and count the separators.

    Works in place on blocks that stay in a processor's cache, which makes it several times as fast as
    whole arrays, and as regular expressions.
    """
    is_odd, mask = np.empty(_BLOCK, dtype=bool), np.empty(_BLOCK, dtype=bool)
    scratch = np.empty(_BLOCK, dtype=np.uint8)
    places, count = [np.zeros(0, dtype=np.intp)], 0
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        odd, one, bytes_ = is_odd[: len(block)], mask[: len(block)], scratch[: len(block)]
        np.less(block, 0x09, out=odd)
        np.subtract(block, 0x0E, out=bytes_)
        odd |= np.less(bytes_, 0x1E - 0x0E, out=one)
        odd |= np.equal(block, 0x7F, out=one)
        if odd.any():
            places.append(start + np.flatnonzero(odd))
        np.bitwise_and(block, 0xFE, out=bytes_)
        count += int(np.count_nonzero(np.equal(bytes_, 0x1E, out=one)))
    return np.concatenate(places), count


def _rows_with(places: _Places, offsets: npt.NDArray[np.int64]) -> _Places:
    """Count how many of the places lie in each row."""
    rows = np.searchsorted(offsets, places, side="right") - 1
    return np.bincount(rows, minlength=len(offsets) - 1)
