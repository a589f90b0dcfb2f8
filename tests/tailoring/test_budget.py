import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.mixture_card import Tailor
from pipeline.tailoring.budget import RowBudget, plan_rows, saturate, scales, water_fill

SIZES = {"t": 100, "a": 1000, "b": 1000, "c": 1000}


def tailor(**keys):
    values = {"epochs": 2.0, "ratio": 1.0, "max_epochs": 2.0, "max_share": 1.0}
    values["budget"] = "proportional"
    return Tailor(target="t", **(values | keys))


def test_rows_are_split_in_proportion():
    got = plan_rows({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES, tailor())
    assert got == RowBudget(target=200, asked=200, complements={"a": 120, "b": 60, "c": 20})
    assert got.placed == 200


def test_the_budget_is_the_ratio_times_the_target_s_rows_times_its_epochs():
    got = plan_rows({"a": 1.0}, SIZES, tailor(epochs=1.5, ratio=0.5))
    assert (got.target, got.asked, got.complements) == (150, 75, {"a": 75})
    assert plan_rows({"a": 1.0}, SIZES, tailor(ratio=0.0)).complements == {"a": 0}
    assert plan_rows({}, SIZES, tailor()) == RowBudget(target=200, asked=200, complements={})


def test_remainders_are_exact_and_ties_go_by_name():
    # 200 rows by thirds: 66.67 each; the first two by name get the two rows left over
    got = plan_rows({"c": 0.3, "b": 0.3, "a": 0.3}, SIZES, tailor())
    assert got.complements == {"a": 67, "b": 67, "c": 66}


def test_who_would_exceed_its_epochs_gets_the_cap_and_others_the_rest():
    # by score 120, 60, 20; a has 20 rows, so 40; 160 over b and c as 3 : 1
    got = plan_rows({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES | {"a": 20}, tailor())
    assert got.complements == {"a": 40, "b": 120, "c": 40}


def test_a_cap_that_binds_only_after_others_were_capped_is_kept():
    # 120, 60, 20 -> a capped at 40; b would get 120 but has 45 rows, so 90; c gets the rest
    got = plan_rows({"a": 0.6, "b": 0.3, "c": 0.1}, SIZES | {"a": 20, "b": 45}, tailor())
    assert got.complements == {"a": 40, "b": 90, "c": 70}


def test_no_complement_of_several_exceeds_its_share_of_the_rows_asked_for():
    got = plan_rows({"a": 0.9, "b": 0.1}, SIZES, tailor(max_share=0.5))
    assert got.complements == {"a": 100, "b": 100}
    assert plan_rows({"a": 0.9}, SIZES, tailor(max_share=0.5)).complements == {"a": 200}


def test_less_is_placed_than_asked_where_all_caps_bind():
    got = plan_rows({"a": 0.9, "b": 0.1}, SIZES | {"a": 5, "b": 7}, tailor())
    assert (got.asked, got.placed, got.complements) == (200, 24, {"a": 10, "b": 14})


def test_a_negative_score_gets_nothing_beside_a_positive_one():
    assert plan_rows({"a": 0.2, "b": -0.1}, SIZES, tailor()).complements == {"a": 200, "b": 0}


def test_without_a_positive_score_the_split_is_equal():
    assert plan_rows({"a": -0.2, "b": 0.0}, SIZES, tailor()).complements == {"a": 100, "b": 100}


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
    got = plan_rows(scores, SIZES, tailor()).complements
    assert [got[name] for name in renamed] == [120, 60, 20]


def test_saturating_rows_by_hand():
    # tau is an even part, 100; the marginals 0.6 / 100 exp(-n / 100) and 0.3 / 100 exp(-m / 100) are
    # equal where n - m = 100 ln 2 = 69.31, and n + m = 200: 134.66 and 65.34
    got = plan_rows({"a": 0.6, "b": 0.3}, SIZES, tailor(budget="saturating"))
    assert got == RowBudget(target=200, asked=200, complements={"a": 135, "b": 65})


def test_a_source_of_few_rows_saturates_at_its_own_size():
    sizes = SIZES | {"a": 50}
    assert scales(sizes, ["a", "b"], asked=200) == {"a": 50, "b": 100}
    # equal gains: 50 (ln(1 / 50) - u) + 100 (ln(1 / 100) - u) = 200, u = -5.7074: 89.77 and 110.23
    got = plan_rows({"a": 0.5, "b": 0.5}, sizes, tailor(budget="saturating"))
    assert got.complements == {"a": 90, "b": 110}
    # below two epochs: at most 60 of the 89.77
    capped = plan_rows(
        {"a": 0.5, "b": 0.5}, SIZES | {"a": 50}, tailor(budget="saturating", max_epochs=1.2)
    )
    assert capped.complements == {"a": 60, "b": 140}


def test_saturating_rows_keep_the_share_cap_and_know_who_gives_nothing():
    told = {"budget": "saturating", "max_share": 0.5}
    assert plan_rows({"a": 0.9, "b": 0.1}, SIZES, tailor(**told)).complements == {
        "a": 100,
        "b": 100,
    }
    assert plan_rows({"a": 0.9, "b": 0.0}, SIZES, tailor(**told)).complements == {"a": 100, "b": 0}
    # a gain so small that its first row is worth less than the last row of the other
    assert plan_rows({"a": 1.0, "b": 0.01}, SIZES, tailor(budget="saturating")).complements == {
        "a": 200, "b": 0,
    }  # fmt: skip
    for empty in ({}, {"a": -1.0}):
        rows = plan_rows(empty, SIZES, tailor(budget="saturating")).complements
        assert rows == dict.fromkeys(empty, 200)
    assert plan_rows({"a": 1.0}, SIZES, tailor(budget="saturating", ratio=0.0)).complements == {
        "a": 0
    }


def test_gains_count_alike_whatever_the_size_of_the_budget():
    for ratio in (1.0, 0.25, 4.0):
        rows = plan_rows({"a": 0.6, "b": 0.3}, SIZES, tailor(budget="saturating", ratio=ratio))
        assert rows.complements["a"] / rows.asked == pytest.approx(0.6733, abs=0.02)


SIDES = st.tuples(st.integers(0, 1000), st.integers(1, 400), st.integers(0, 500))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, SIDES, max_size=8), st.integers(0, 2000), st.randoms())
def test_the_next_row_is_worth_the_same_everywhere(parts, total, random):
    gains = {name: Fraction(gain, 1000) for name, (gain, _, _) in parts.items()}
    scale = {name: Fraction(tau) for name, (_, tau, _) in parts.items()}
    caps = {name: cap for name, (_, _, cap) in parts.items()}
    got = saturate(gains, scale, caps, total=total)
    room = sum(caps[name] for name in parts if gains[name])
    assert sum(got.values()) == min(total, room)
    assert all(0 <= got[name] <= caps[name] for name in parts)
    assert not any(got[name] for name in parts if not gains[name])

    def marginal(name, rows):
        return float(gains[name] / scale[name]) * math.exp(-rows / float(scale[name]))

    for one in parts:
        for other in parts:  # moving a row from one to the other gains nothing, but for rounding
            if got[one] > 0 and gains[other] and got[other] < caps[other]:
                assert marginal(other, got[other] + 1) <= marginal(one, got[one] - 1) * (1 + 1e-9)
    names = list(parts)
    random.shuffle(names)
    assert saturate({n: gains[n] for n in names}, scale, caps, total=total) == got
    # names that sort as these do, so that ties go the same way
    renamed = {name: f"x{name}" for name in parts}
    other = saturate(
        *({renamed[n]: v[n] for n in names} for v in (gains, scale, caps)), total=total
    )
    assert other == {renamed[name]: rows for name, rows in got.items()}


def test_no_other_split_is_worth_more():
    gains, taus = {"a": 0.6, "b": 0.3, "c": 0.2}, {"a": 5.0, "b": 9.0, "c": 2.0}
    caps = {"a": 6, "b": 9, "c": 9}

    def worth(rows):
        return sum(gains[n] * (1 - math.exp(-rows[n] / taus[n])) for n in gains)

    exact = [{n: Fraction(v) for n, v in side.items()} for side in (gains, taus)]
    got = saturate(*exact, caps, total=12)
    splits = ({"a": a, "b": b, "c": 12 - a - b} for a in range(7) for b in range(10) if a + b <= 12)
    assert got == max((s for s in splits if s["c"] <= 9), key=worth)
