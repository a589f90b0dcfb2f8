from fractions import Fraction

import pytest

from pipeline.config.strategies.base import Knobs, Member, Prompts
from pipeline.config.strategies.by_size import size_rate
from pipeline.config.strategies.registry import SPLIT_STRATEGIES
from pipeline.errors import MixtureError

SIZES = {"big": 10_000, "mid": 400, "small": 25}


def rates(strategy, *, weights=None, prompts=None, sizes=None, budget=None, **knobs):
    weights, prompts = weights or {}, prompts or {}
    members = [
        Member(name=n, size=s, weight=weights.get(n), prompts=Prompts(prompts.get(n, 1)))
        for n, s in (sizes or SIZES).items()
    ]
    return SPLIT_STRATEGIES[strategy].rates(members, Knobs(**knobs), budget=budget)


def test_proportional_rates_are_the_sizes():
    assert rates("proportional") == {"big": 10_000, "mid": 400, "small": 25}


def test_a_size_is_scaled_then_capped_then_taken_to_the_power_one_over_t():
    assert rates("proportional", cap=100) == {"big": 100, "mid": 100, "small": 25}
    assert rates("proportional", scale=0.1, cap=100) == {"big": 100, "mid": 40, "small": 2.5}
    assert rates("temperature", temperature=2.0, cap=400) == {"big": 20, "mid": 20, "small": 5}
    assert size_rate(100, scale=4.0, cap=256, temperature=4.0) == 4
    assert size_rate(100, scale=0.5, cap=256) == 50
    # cap before scale would be 4 * 50, the root before the cap 10
    assert size_rate(100, scale=4.0, cap=50, temperature=2.0) == Fraction("7.07106781187")


def test_rates_are_exact_decimals_not_binary_fractions():
    assert size_rate(3, scale=0.1) == Fraction(3, 10)
    assert rates("equal", weights={"mid": 0.1})["mid"] == Fraction(1, 10)


def test_a_weight_multiplies_the_rate_that_the_strategy_gives():
    assert rates("temperature", temperature=2.0, weights={"mid": 3.0})["mid"] == 60
    assert rates("equal", weights={"mid": 3.0}) == {"big": 1, "mid": 3, "small": 1}
    assert rates("weights", weights={"big": 0.5, "mid": 2.0, "small": 1.0}) == {
        "big": Fraction(1, 2),
        "mid": 2,
        "small": 1,
    }


def test_t0_s_rule_gives_each_prompt_the_whole_size_up_to_the_cap_and_a_part_of_it_above():
    sizes = {"below": 500_000, "above": 500_001, "huge": 3_600_000}
    prompts = {"below": 10, "above": 10, "huge": 9}
    got = rates("proportional", cap=500_000, per="prompt", sizes=sizes, prompts=prompts)
    # floor(500,000 / 9) = 55,555, nine times
    assert got == {"below": 5_000_000, "above": 500_000, "huge": 499_995}
    one = rates("proportional", cap=500_000, per="prompt", sizes=sizes)
    assert one == {"below": 500_000, "above": 500_000, "huge": 500_000}
    # prompts change nothing where the cap is per task
    plain = rates("proportional", cap=500_000, sizes=sizes, prompts=prompts)
    assert plain == one


def test_rows_that_were_made_through_prompts_count_as_those_prompts():
    # 4,000 examples seen through 5 prompts: below the cap each prompt has all, above they share it
    assert size_rate(20_000, cap=4_000, prompts=Prompts(5, 5)) == 20_000
    assert size_rate(20_000, cap=3_999, prompts=Prompts(5, 5)) == 5 * 799
    # the same examples, each seen through one of the five
    assert size_rate(4_000, cap=4_000, prompts=Prompts(5, 1)) == 20_000
    assert size_rate(4_000, cap=3_999, prompts=Prompts(5, 1)) == 5 * 799
    member = Member(name="t", size=20_000, prompts=Prompts(5, 5))
    knobs = Knobs(cap=3_999, per="prompt")
    assert SPLIT_STRATEGIES["proportional"].rates([member], knobs, budget=None) == {"t": 3_995}


def test_more_prompts_than_the_cap_are_refused_in_words():
    with pytest.raises(MixtureError) as caught:
        rates("proportional", cap=2, per="prompt", prompts={"mid": 3})
    assert str(caught.value) == (
        "tasks.mid: the rate of 'mid' is 0: its 3 prompts share a cap of 2\n  to do: raise the cap"
    )


def test_a_weight_that_overflows_is_refused_by_name():
    with pytest.raises(MixtureError, match="the rate of 'mid' is inf"):
        rates("proportional", weights={"mid": 1e308})


def test_a_temperature_that_overflows_is_refused():
    with pytest.raises(MixtureError, match=r"25 to the power 1/0.001 is too large to use"):
        rates("temperature", temperature=1e-3, sizes={"small": 25})


def test_the_smallest_weight_is_kept():
    assert rates("equal", sizes={"a": 3}, weights={"a": 5e-324}) == {"a": Fraction("5e-324")}
