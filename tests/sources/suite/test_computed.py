"""Computed answers are right, and their wrong choices give nothing away."""

import re

import numpy as np
import polars as pl
import pytest

from pipeline.config.source import SuiteSource
from pipeline.sources.suite import facts, read_suite

MONTHS = facts.table("months")["month"].to_list()
UNITS = {
    name: float(factor) for name, factor in facts.table("units").select("unit", "factor").rows()
}


def read(recipe: str, **options: object) -> pl.DataFrame:
    source = SuiteSource(kind="suite", recipe=recipe, rows=2000, options=options)
    return read_suite(source, task="apples", split="train", seed=13)


def picked(frame: pl.DataFrame) -> list[str]:
    return frame.select(pl.col("choices").list.get(pl.col("label")))["choices"].to_list()


@pytest.mark.parametrize(
    ("operation", "result"),
    [("add", lambda a, b: a + b), ("multiply", lambda a, b: a * b)],
)
def test_arithmetic_is_right(operation, result):
    frame = read("arithmetic", operation=operation, high=99, wording="sum")
    numbers = [list(map(int, re.findall(r"\d+", text))) for text in frame["context"]]
    assert all(
        result(*given) == int(answer)
        for given, answer in zip(numbers, frame["answer"], strict=True)
    )
    assert picked(frame) == frame["answer"].to_list()
    assert (frame["choices"].list.n_unique() == 4).all()


def test_a_difference_is_never_negative():
    frame = read("arithmetic", operation="subtract", low=0, high=9, wording="sum")
    assert frame["choices"].explode().cast(pl.Int64).min() == 0


def test_the_size_of_a_number_does_not_tell_whether_it_is_right():
    frame = read("arithmetic", low=50, high=99, wording="sum")
    shown = zip(frame["choices"].to_list(), frame["answer"], strict=True)
    rank = [sorted(map(int, choices)).index(int(answer)) for choices, answer in shown]
    assert np.bincount(rank, minlength=4).min() > 430


def test_a_cycle_is_counted_right():
    frame = read("cycle", table="months", column="month", steps=6, wording="month")
    for text, answer in zip(
        (frame["context"] + frame["question"]).to_list(), frame["answer"], strict=True
    ):
        month = next(month for month in MONTHS if month in text)
        step = int(re.search(r"\d+", text)[0])
        assert MONTHS[(MONTHS.index(month) + step) % 12] == answer
    assert picked(frame) == frame["answer"].to_list()


def test_the_larger_measure_is_gold_by_a_clear_margin():
    frame = read(
        "compare", table="units", unit="unit", dimension="dimension", factor="factor",
        asked={"length": "longer", "mass": "heavier"}, wording="units",
    )  # fmt: skip
    for choices, gold in zip(frame["choices"].to_list(), picked(frame), strict=True):
        sizes = {text: int(text.split()[0]) * UNITS[text.split()[1]] for text in choices}
        assert len(sizes) == 2
        assert sizes[gold] == max(sizes.values())
        assert max(sizes.values()) >= 1.1 * min(sizes.values())
