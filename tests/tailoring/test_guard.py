import math

import pytest

from pipeline.tailoring.guard import LEAK_SHARE, NEGATIVE_ROWS, Signs, refusals


@pytest.mark.parametrize(
    ("signs", "why"),
    [
        (Signs(leaked=0.25), "refused: 25% of the target's held-out texts are nearly in it"),
        (Signs(value=-0.2), "refused: its score -0.200 is below 0 by more than a standard error"),
        (Signs(value=-0.2, se=0.1), "refused: its score -0.200 is below 0 by more than"),
        (Signs(negative_rows=0.7), "refused: a step on it would make 70% of the target's rows"),
    ],
)
def test_each_reason_alone(signs, why):
    found = refusals({"foe": signs})
    assert list(found) == ["foe"]
    assert found["foe"].startswith(why)


@pytest.mark.parametrize(
    "signs",
    [
        Signs(),
        Signs(leaked=LEAK_SHARE),
        Signs(negative_rows=NEGATIVE_ROWS),
        Signs(value=0.0),
        Signs(value=-0.2, se=0.2),  # as far from 0 as its doubt
        Signs(value=0.5, se=9.0),
    ],
)
def test_a_doubt_and_a_border_are_no_reason(signs):
    assert refusals({"friend": signs}) == {}


def test_reasons_are_all_told_and_names_are_in_order():
    found = refusals(
        {"z": Signs(value=-1.0, negative_rows=0.9, leaked=0.5), "a": Signs(value=-1.0)}
    )
    assert list(found) == ["a", "z"]
    assert found["z"] == (
        "refused: 50% of the target's held-out texts are nearly in it; its score -1.000 is below 0 "
        "by more than a standard error; a step on it would make 90% of the target's rows worse"
    )


def test_what_was_not_measured_says_nothing_and_hides_nothing():
    nan = math.nan
    assert refusals({"a": Signs(value=nan, se=0.1, negative_rows=nan, leaked=nan)}) == {}
    assert "a" in refusals({"a": Signs(value=-0.2, se=nan)})
