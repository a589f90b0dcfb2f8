import sys

import numpy as np
import polars as pl
import pytest

from pipeline.templates.draws import draw, draw_column, site_seed
from pipeline.templates.vector import kernels, strings

EVERY = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


@pytest.mark.parametrize("name", ["lower", "upper", "capitalize"])
def test_every_character_changes_case_as_in_python(name):
    native, function = strings._CASES[name]
    texts = pl.DataFrame({"t": [f"a{c}B{c}" for c in EVERY]})
    made = texts.select(kernels.patched(pl.col("t"), native, function)).to_series()
    assert made.to_list() == [function(f"a{c}B{c}") for c in EVERY]


def test_what_is_stripped_is_what_python_strips():
    assert sorted(kernels.SPACES) == [c for c in EVERY if c.isspace()]


@pytest.mark.parametrize(
    "value", [0.1, -0.0, 0.0, 1e16, 1e22, 1e-5, 5e-324, 2.675, float("nan"), float("inf"), 3.0]
)
def test_floats_print_as_in_python(value):
    frame = pl.DataFrame({"f": [value, None, 0.0, value]})
    made = frame.select(kernels.float_text(pl.col("f"))).to_series().to_list()
    assert made == [str(value), None, "0.0", str(value)]


def test_quotients_are_rounded_once():
    values = [float(i) for i in range(1, 500)]
    frame = pl.DataFrame({"x": values})
    for divisor in (3.0, 5.0, 7.0):
        made = frame.select(kernels.divided(pl.col("x"), pl.lit(divisor))).to_series().to_list()
        assert made == [x / divisor for x in values]


def test_a_column_of_draws_is_row_by_row_the_same_draw():
    keys_R = np.arange(1000, dtype=np.uint64)
    counts_R = (keys_R % np.uint64(9)) + np.uint64(1)
    seed = site_seed(2**63 + 5, 3, 1)
    made = draw_column(seed, keys_R, counts_R).tolist()
    assert made == [draw(seed, int(k), int(c)) for k, c in zip(keys_R, counts_R, strict=True)]
    assert set(np.bincount(draw_column(seed, keys_R, np.full(1000, 4, np.uint64))) // 100) <= {2, 3}
