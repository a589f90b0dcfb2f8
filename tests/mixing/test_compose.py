from fractions import Fraction
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.mixture_card import Mixture
from pipeline.config.strategies.base import Prompts
from pipeline.errors import MixtureError
from pipeline.mixing.compose import compose
from pipeline.mixing.lengths import MeanLengths

SIZES = {"big": 10_000, "mid": 400, "small": 25}
MEANS = {"big": 10.0, "mid": 20.0, "small": 40.0}


def mixture(tasks=SIZES, *, groups=None, phases=(), view="choice", **sampling):
    entries = tasks if isinstance(tasks, dict) and tasks is not SIZES else {t: {} for t in tasks}
    return Mixture.model_validate(
        {"tasks": entries, "sampling": sampling, "groups": groups or {}, "phases": list(phases),
         "view": view}
    )  # fmt: skip


def composed(made, sizes=SIZES):
    return compose(made, MeanLengths(MappingProxyType(sizes), MEANS, {"mid": 2.0, "big": 1.0}))


def quotas(made, sizes=SIZES):
    return {task: drawn.quota for task, drawn in composed(made, sizes).tasks.items()}


def test_each_strategy_gives_its_rows():
    assert quotas(mixture(strategy="proportional", rows=1000)) == {
        "big": 959, "mid": 38, "small": 3,  # 959.23, 38.37, 2.398: the last row by remainder
    }  # fmt: skip
    assert quotas(mixture(strategy="proportional", cap=400, rows=825)) == {
        "big": 400, "mid": 400, "small": 25,
    }  # fmt: skip
    assert quotas(mixture(strategy="proportional", cap=400, passes=2)) == {
        "big": 800, "mid": 800, "small": 50,
    }  # fmt: skip
    assert quotas(mixture(strategy="temperature", temperature=2, cap=400, rows=90)) == {
        "big": 40, "mid": 40, "small": 10,
    }  # fmt: skip
    assert quotas(mixture(strategy="equal", rows=10)) == {"big": 4, "mid": 3, "small": 3}
    assert quotas(mixture(strategy="unimax", max_epochs=2, rows=1000)) == {
        "big": 475, "mid": 475, "small": 50,
    }  # fmt: skip


def test_epochs_are_exact_fractions_of_each_task():
    tasks = {"big": {"epochs": 0.0001}, "mid": {}, "small": {"epochs": 1.5}}
    got = composed(mixture(tasks, strategy="epochs", epochs=0.5))
    assert {t: d.quota for t, d in got.tasks.items()} == {"big": 1, "mid": 200, "small": 38}
    assert got.positions == 239
    assert quotas(mixture({"ten": {"epochs": 1.5}}, strategy="epochs"), {"ten": 10}) == {"ten": 15}


def test_counts_are_counts_and_one_of_0_needs_no_rows():
    tasks = {"big": {"count": 7}, "small": {"count": 0}}
    got = composed(mixture(tasks, strategy="counts"), SIZES | {"small": 0})
    assert {t: (d.quota, d.share) for t, d in got.tasks.items()} == {"big": (7, 1), "small": (0, 0)}


def test_a_token_budget_is_split_in_tokens():
    # thirds of 6,000 tokens, at 10, 20 and 40 tokens a row
    assert quotas(mixture(strategy="tokens", tokens=6000)) == {"big": 200, "mid": 100, "small": 50}
    tasks = {"big": {"weight": 2.0}, "mid": {}}
    assert quotas(mixture(tasks, strategy="tokens", tokens=6000)) == {"big": 400, "mid": 100}
    # proportional to the tasks' tokens, 100,000 to 8,000: the rows keep their proportions
    by = mixture(["big", "mid"], strategy="tokens", by="proportional", tokens=10_800)
    assert quotas(by) == {"big": 1000, "mid": 40}


def test_prompts_are_those_that_the_rows_were_made_through():
    made = mixture(preset="t0", cap=400, rows=1000)
    lengths = MeanLengths({"big": 1000, "mid": 1000, "small": 250}, {}, {}, {"mid": Prompts(5, 5)})
    # big: capped at 400; mid: 5 prompts of 200 examples; small: 250
    got = compose(made, lengths).tasks
    assert {task: drawn.rate for task, drawn in got.items()} == {
        "big": 400, "mid": 1000, "small": 250,
    }  # fmt: skip


def test_unimax_takes_a_budget_of_tokens_too():
    # small has 1,000 tokens twice over; the rest is shared
    got = quotas(mixture(strategy="unimax", max_epochs=2, tokens=12_000))
    assert got == {"big": 500, "mid": 250, "small": 50}


def test_supervised_tokens_are_counted_in_the_text_view():
    made = mixture(["big", "mid"], strategy="supervised_tokens", tokens=100, view="text")
    assert quotas(made) == {"big": 50, "mid": 25}


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("first_exhausted", {"mid": 25, "small": 25}),
        ("all_seen", {"mid": 400, "small": 400}),
    ],
)
def test_stop_rules_decide_the_size(stop, expected):
    assert quotas(mixture(["mid", "small"], strategy="equal", stop=stop)) == expected


def test_exactly_once_draws_every_row_once():
    assert quotas(mixture(strategy="proportional", stop="exactly_once")) == SIZES


def test_endless_builds_the_rows_it_is_told():
    assert quotas(mixture(["mid"], strategy="equal", stop="endless", rows=3)) == {"mid": 3}


def test_phases_are_exact_each_and_sum_to_the_quotas():
    phases = [
        {"name": "high", "share": 0.7, "tasks": ["big"]},
        {"name": "mix", "weights": {"small": 2.0}},
    ]
    got = composed(mixture(strategy="equal", rows=101, phases=phases))
    first, second = got.phases
    assert (first.name, first.positions, dict(first.quotas)) == ("high", 71, {"big": 71})
    assert (second.name, second.positions) == ("mix", 30)
    assert dict(second.quotas) == {"big": 8, "mid": 7, "small": 15}
    assert {t: d.quota for t, d in got.tasks.items()} == {"big": 79, "mid": 7, "small": 15}
    assert got.tasks["small"].share == Fraction(30, 2) / 101


def test_counts_are_put_into_phases_by_naming_tasks():
    tasks = {"big": {"count": 7}, "mid": {"count": 5}, "small": {"count": 9}}
    phases = [{"name": "others", "tasks": ["mid", "big"]}, {"name": "target", "tasks": ["small"]}]
    got = composed(mixture(tasks, strategy="counts", phases=phases))
    assert [(p.name, p.positions, dict(p.quotas)) for p in got.phases] == [
        ("others", 12, {"big": 7, "mid": 5}), ("target", 9, {"small": 9}),
    ]  # fmt: skip


def test_a_token_budget_goes_on_from_phase_to_phase():
    phases = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]
    got = composed(mixture(["big", "mid"], strategy="tokens", tokens=3000, phases=phases))
    # 750 tokens each and again: 37.5 rows of mid, then 75 in all
    assert [dict(phase.quotas) for phase in got.phases] == [
        {"big": 75, "mid": 38}, {"big": 75, "mid": 37},
    ]  # fmt: skip


def test_no_phases_are_one_of_all():
    (only,) = composed(mixture(strategy="equal", rows=10)).phases
    assert (only.name, only.positions) == ("all", 10)


@pytest.mark.parametrize(
    ("made", "sizes", "message"),
    [
        (
            mixture(["bigg"], strategy="equal", rows=1), SIZES,
            "no task named 'bigg' among the tokenised ones\n  to do: did you mean 'big'?",
        ),
        (
            mixture(["small"], strategy="equal", rows=1), {"small": 0},
            "tasks.small: task 'small' is in the mixture but has no train rows\n"
            "  to do: see curation/drops.parquet for where its rows went, or take the task out",
        ),
        (
            mixture(["small"], strategy="equal", rows=6401), SIZES,
            "tasks.small: task 'small' would be repeated 256 times: 6401 rows drawn of 25\n"
            "  expected: at most 256 epochs of a task\n"
            "  to do: lower its weight, or the mixture's rows",
        ),
        (
            mixture(["big"], strategy="epochs", epochs=0.00001), SIZES,
            "the mixture has no rows\n  to do: raise its rows, epochs, tokens or a count",
        ),
        (
            mixture(["small"], strategy="supervised_tokens", tokens=9, view="text"), SIZES,
            "tasks.small: the tokens of a row of task 'small' are not known yet\n"
            "  to do: run `taskloom data`, which normalizes it",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_words(made, sizes, message):
    with pytest.raises(MixtureError) as caught:
        composed(made, sizes)
    assert str(caught.value) == message


def test_one_row_and_a_weight_of_a_billionth():
    made = mixture({"one": {"weight": 1e-9}, "big": {}}, strategy="equal", rows=1000)
    assert quotas(made, SIZES | {"one": 1}) == {"big": 1000, "one": 0}


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 10**6), min_size=1),
    st.integers(1, 10**5), st.sampled_from([1.0, 2.5, 50.0]),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_unimax_breaks_its_limit_only_where_no_other_plan_could_keep_it(sizes, rows, limit):
    made = mixture(list(sizes), strategy="unimax", max_epochs=limit, rows=rows)
    most = {task: int(limit * size) for task, size in sizes.items()}
    possible = sum(most.values())
    if any(rows * size > 256 * possible for size in sizes.values()) or rows > 200 * possible:
        return
    got = quotas(made, sizes)
    assert sum(got.values()) == rows
    if rows <= possible:
        assert all(got[task] <= most[task] for task in sizes)


@given(st.permutations(sorted(SIZES)))
@settings(deadline=None, max_examples=6)
def test_the_order_of_tasks_on_the_card_changes_nothing(names):
    groups = {"g": {"tasks": [n for n in names if n != "big"], "strategy": "equal"}}
    made = mixture(names, groups=groups, strategy="proportional", rows=999)
    first = mixture(sorted(SIZES), strategy="proportional", rows=999,
                    groups={"g": {"tasks": ["mid", "small"], "strategy": "equal"}})  # fmt: skip
    assert composed(made) == composed(first)
    assert list(composed(made).tasks) == sorted(SIZES)
