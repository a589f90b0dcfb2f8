from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.augmentation.budget import Budget, budget, water_fill
from pipeline.config.mixture_card import Tailor

SIZES = {"t": 100, "a": 1000, "b": 1000, "c": 1000}


def tailor(**keys):
    values = {"epochs": 2.0, "ratio": 1.0, "max_epochs": 2.0, "max_share": 1.0}
    return Tailor(target="t", **(values | keys))


def test_rows_are_split_by_score():
    got = budget({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES, tailor())
    assert got == Budget(target=200, asked=200, complements={"a": 120, "b": 60, "c": 20})
    assert got.placed == 200


def test_the_budget_is_the_ratio_times_the_target_s_rows_times_its_epochs():
    got = budget({"a": 1.0}, SIZES, tailor(epochs=1.5, ratio=0.5))
    assert (got.target, got.asked, got.complements) == (150, 75, {"a": 75})
    assert budget({"a": 1.0}, SIZES, tailor(ratio=0.0)).complements == {"a": 0}
    assert budget({}, SIZES, tailor()) == Budget(target=200, asked=200, complements={})


def test_remainders_are_exact_and_ties_go_by_name():
    # 200 rows by thirds: 66.67 each; the first two by name get the two rows left over
    got = budget({"c": 0.3, "b": 0.3, "a": 0.3}, SIZES, tailor())
    assert got.complements == {"a": 67, "b": 67, "c": 66}


def test_who_would_exceed_its_epochs_gets_the_cap_and_others_the_rest():
    # by score 120, 60, 20; a has 20 rows, so 40; 160 over b and c as 3 : 1
    got = budget({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES | {"a": 20}, tailor())
    assert got.complements == {"a": 40, "b": 120, "c": 40}


def test_a_cap_that_binds_only_after_others_were_capped_is_kept():
    # 120, 60, 20 -> a capped at 40; b would get 120 but has 45 rows, so 90; c gets the rest
    got = budget({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES | {"a": 20, "b": 45}, tailor())
    assert got.complements == {"a": 40, "b": 90, "c": 70}


def test_no_complement_of_several_exceeds_its_share_of_the_rows_asked_for():
    got = budget({"a": 0.9, "b": 0.1}, SIZES, tailor(max_share=0.5))
    assert got.complements == {"a": 100, "b": 100}
    assert budget({"a": 0.9}, SIZES, tailor(max_share=0.5)).complements == {"a": 200}


def test_less_is_placed_than_asked_where_all_caps_bind():
    got = budget({"a": 0.9, "b": 0.1}, SIZES | {"a": 5, "b": 7}, tailor())
    assert (got.asked, got.placed, got.complements) == (200, 24, {"a": 10, "b": 14})


def test_a_negative_score_gets_nothing_beside_a_positive_one():
    assert budget({"a": 0.2, "b": -0.1}, SIZES, tailor()).complements == {"a": 200, "b": 0}


def test_without_a_positive_score_the_split_is_equal():
    assert budget({"a": -0.2, "b": 0.0}, SIZES, tailor()).complements == {"a": 100, "b": 100}


NAMES = st.text("abcdef", min_size=1, max_size=3)


@given(
    st.dictionaries(NAMES, st.tuples(st.integers(0, 10_000), st.integers(0, 500)), max_size=10),
    st.integers(0, 3000),
    st.randoms(),
)
def test_water_is_filled_exactly_below_the_caps_whatever_the_order(parts, total, random):
    weights = {name: Fraction(weight, 10_000) for name, (weight, _) in parts.items()}
    caps = {name: cap for name, (_, cap) in parts.items()}
    got = water_fill(weights, caps, total=total)
    room = sum(caps[name] for name in parts if weights[name])
    assert sum(got.values()) == min(total, room)
    assert all(0 <= got[name] <= caps[name] for name in parts)
    names = list(parts)
    random.shuffle(names)
    assert water_fill({n: weights[n] for n in names}, caps, total=total) == got
    for one in parts:  # below its cap, no one has less per weight than another, but for rounding
        for other in parts:
            if weights[one] and weights[other] and got[one] < caps[one]:
                assert got[other] * weights[one] < (got[one] + 1) * weights[other] + weights[one]


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_renaming_tasks_renames_the_rows(shift):
    names = ["a", "b", "c"]
    renamed = names[shift:] + names[:shift]
    scores = dict(zip(renamed, (0.6, 0.3, 0.1), strict=True))
    got = budget(scores, SIZES, tailor()).complements
    assert [got[name] for name in renamed] == [120, 60, 20]
