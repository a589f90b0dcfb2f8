"""Medians and quartiles over prompts, held against figures computed by hand."""

import pytest

from pipeline.metrics.prompts import over_prompts, spread


def test_quantiles_are_linear_between_sorted_values():
    found = spread([0.5, 0.2, 0.9, 0.4])  # sorted 0.2 0.4 0.5 0.9; indices 0.75, 1.5, 2.25
    assert found.median == pytest.approx(0.45)
    assert found.q25 == pytest.approx(0.2 + 0.75 * 0.2)  # 0.35
    assert found.q75 == pytest.approx(0.5 + 0.25 * 0.4)  # 0.6
    assert found.iqr == pytest.approx(0.25)


def test_of_an_odd_number_the_median_is_one_of_them():
    found = spread([0.7, 0.1, 0.4])
    assert (found.median, found.q25, found.q75) == pytest.approx((0.4, 0.25, 0.55))
    one = spread([0.7])
    assert (one.median, one.iqr) == (0.7, 0.0)


def test_a_task_has_medians_their_spread_and_the_number_of_prompts():
    figures = [
        {"rows": 10, "accuracy": 0.2, "accuracy_sum": 0.2, "accuracy_mean": 0.5, "ece": 0.1},
        {"rows": 8, "accuracy": 0.4, "accuracy_sum": 0.4, "accuracy_mean": 0.5, "ece": 0.3},
        {"rows": 10, "accuracy": 0.5, "accuracy_sum": 0.5, "accuracy_mean": 0.5, "ece": 0.2},
        {"rows": 10, "accuracy": 0.9, "exact_match": 0.9},
    ]
    assert over_prompts(figures, rows=10) == {
        "rows": 10,
        "prompts": 4,
        "accuracy": 0.45, "accuracy_q25": 0.35, "accuracy_q75": 0.6, "accuracy_iqr": 0.25,
        # over the three prompts that have options: 0.2 0.4 0.5
        "accuracy_sum": 0.4, "accuracy_sum_q25": 0.3, "accuracy_sum_q75": 0.45,
        "accuracy_sum_iqr": 0.15,
        "accuracy_mean": 0.5, "accuracy_mean_q25": 0.5, "accuracy_mean_q75": 0.5,
        "accuracy_mean_iqr": 0.0,
        "ece": 0.2, "exact_match": 0.9,
    }  # fmt: skip


def test_one_prompt_has_no_spread():
    found = over_prompts([{"rows": 3, "accuracy": 0.333333}], rows=3)
    assert found == {"rows": 3, "prompts": 1, "accuracy": 0.333333}
    assert over_prompts([{"rows": 0}], rows=0) == {"rows": 0, "prompts": 1}
