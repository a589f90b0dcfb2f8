"""Differences of two recipes: each kind of edit, in the order of what matters; and their words."""

import dataclasses

import pytest

from pipeline.mixing.plan import Plan, TaskPlan
from pipeline.provenance.changes import ABSENT, Change
from pipeline.provenance.recipe_lines import json_value, lines
from pipeline.provenance.recipes import Figures, Side, differences
from tests.trainings import TRAININGS


def plan(total, **tasks):
    """A plan of tasks with a quota, and with rows and tokens that may be left out."""
    entries = []
    for name, (quota, *more) in tasks.items():
        rows, tokens = [*more, *(100, None)[len(more) :]]
        share = quota / total
        entries.append(
            TaskPlan(
                task=name, rows=rows, weight=None, rate=1.0, share=share, quota=quota,
                epochs=quota / rows, unseen_rows=0, tokens=tokens,
            )
        )  # fmt: skip
    return Plan(
        name="toy", which="compass", seed=1, strategy="equal", order="o", positions=total,
        phases=(), tasks=tuple(entries),
    )  # fmt: skip


def side(**changes):
    value = Side(
        title="toy",
        mixture={
            "name": "toy",
            "tasks": {"a": {}, "b": {}},
            "sampling": {"strategy": "equal", "rows": 200},
            "limits": {"train": None},
            "trainings": TRAININGS,
            "tailor": {"target": "a", "k": 2},
        },
        cards={"a": {"fields": {"label": "y"}, "note": ""}, "b": {"fields": {"label": "y"}}},
        params={"seed": 1, "train": {"batch": 32}},
        figures=Figures(
            exact=True,
            note="from tokens",
            plan=plan(200, a=(100, 100, 900), b=(100, 100, 100)),
        ),
    )
    return dataclasses.replace(value, **changes)


def edited(path, value):
    """A side with one key of its mixture card changed."""
    mixture = {k: dict(v) if isinstance(v, dict) else v for k, v in side().mixture.items()}
    inner = mixture
    *above, last = path.split(".")
    for key in above:
        inner[key] = dict(inner[key])
        inner = inner[key]
    inner[last] = value
    return mixture


def test_the_same_recipe_has_no_difference():
    assert differences(side(), side()) == []
    assert list(lines(side(), side(), [])) == [
        "toy -> toy",
        "figures before: exact, from tokens",
        "figures after: exact, from tokens",
        "",
        "no difference",
    ]


def test_a_weight_is_told_with_what_comes_of_it():
    figures = Figures(
        exact=True,
        note="from tokens",
        plan=plan(200, a=(150, 100, 1350), b=(50, 100, 50)),
    )
    after = side(mixture=edited("tasks.a.weight", 3.0), figures=figures)
    found = differences(side(), after)
    assert [(d.section, d.subject, round(d.moved, 6)) for d in found] == [
        ("the mixture", "", 1.0),
        ("tasks that change", "a", 0.25),
        ("tasks that change", "b", 0.25),
    ]
    assert list(lines(side(), after, found))[3:] == [
        "",
        "the mixture",
        "  tokens: 1,000 -> 1,400 (+40.0 %)",
        "",
        "tasks that change (2)",
        "  a: weight none -> 3; share 50.00 % -> 75.00 % (+25.00 points); rows drawn 100 -> 150; "
        "epochs 1.00 -> 1.50; tokens 900 -> 1,350",
        "  b: share 50.00 % -> 25.00 % (-25.00 points); rows drawn 100 -> 50; "
        "epochs 1.00 -> 0.50; tokens 100 -> 50",
    ]


def test_added_and_removed_tasks_come_first_the_largest_before():
    mixture = edited("tasks", {"b": {"weight": 2.0}, "c": {}, "d": {}})
    figures = Figures(
        exact=True,
        note="",
        plan=plan(200, b=(50,), c=(50,), d=(100, 50)),
    )
    after = side(mixture=mixture, figures=figures, cards={"b": side().cards["b"]})
    found = differences(side(), after)
    assert [(d.section, d.subject) for d in found[:3]] == [
        ("tasks added", "d"), ("tasks added", "c"), ("tasks removed", "a"),
    ]  # fmt: skip
    shown = list(lines(side(), after, found))
    assert "  d: share 50.00 %; rows drawn 100; of rows 50; epochs 2.00" in shown
    assert "  a: share 50.00 %; rows drawn 100; of rows 100; epochs 1.00; tokens 900" in shown


@pytest.mark.parametrize(
    ("path", "value", "section", "change"),
    [
        ("sampling.rows", 400, "the mixture", Change("sampling.rows", 200, 400)),
        ("limits.train", 50, "the mixture", Change("limits.train", None, 50)),
        ("view", "text", "the mixture", None),
        ("tailor.k", 5, "tailor", Change("k", 2, 5)),
        ("tasks.b.epochs", 2.0, "tasks that change", None),
    ],
)
def test_a_key_of_the_mixture_card_is_told_in_its_section(path, value, section, change):
    (found,) = differences(side(), side(mixture=edited(path, value)))
    assert found.section == section
    if change is not None:
        assert found.changes == (change,)


def test_what_a_mixture_asks_in_epochs_is_not_what_it_gets():
    (found,) = differences(side(), side(mixture=edited("tasks.b.epochs", 2.0)))
    assert [change.key for change in found.changes] == ["epochs asked"]


def test_parameters_and_cards_are_told_key_by_key():
    cards = dict(side().cards) | {"a": {"fields": {"label": "z"}, "note": ""}}
    cards["b"] = {"fields": {"label": "y"}, "licence": "MIT"}
    after = side(params={"seed": 2, "train": {"batch": 32}}, cards=cards)
    found = differences(side(), after)
    # the card of b changed in words alone, so it matters less
    assert [(d.section, d.subject, d.moved) for d in found] == [
        ("cards that change", "a", 0.5),
        ("cards that change", "b", 0.0),
        ("parameters", "", 0.0),
    ]
    assert list(lines(side(), after, found))[4:] == [
        "cards that change (2)",
        "  a",
        "    fields.label: y -> z",
        "  b",
        "    licence: none -> MIT",
        "",
        "parameters",
        "  seed: 1 -> 2",
    ]


def test_an_estimate_is_never_held_against_an_exact_figure():
    guessed = Figures(exact=False, note="no tokens", plan=plan(200, a=(90,), b=(110,)))
    assert differences(side(), side(figures=guessed)) == []
    shown = list(lines(side(), side(figures=guessed, notes=("no size",)), []))
    assert shown[1:4] == [
        "figures before: exact, from tokens",
        "figures after: ESTIMATE, no tokens",
        "note on toy: no size",
    ]


def test_without_figures_only_what_is_written_is_compared():
    before, after = side(figures=None), side(figures=None, mixture=edited("tasks.a.weight", 2.0))
    (found,) = differences(before, after)
    assert found.changes == (Change("weight", ABSENT, 2.0),)
    assert list(lines(before, after, [found]))[-1] == "  a: weight none -> 2"
    assert "figures before: unknown" in list(lines(before, after, [found]))


def test_tools_get_plain_values():
    after = side(mixture=edited("tailor.k", 5), title="later")
    value = json_value(side(), after, differences(side(), after))
    assert value == {
        "before": {"title": "toy", "figures": "exact", "notes": []},
        "after": {"title": "later", "figures": "exact", "notes": []},
        "differences": [
            {
                "section": "tailor",
                "subject": "",
                "moved": 0.0,
                "changes": [{"key": "k", "before": 2, "after": 5}],
            }
        ],
    }
