"""Differences of two recipes: each kind of edit, in the order of what matters; and their words."""

import dataclasses

import pytest

from pipeline.comparison.changes import ABSENT, Change
from pipeline.comparison.diff_words import json_value, told
from pipeline.comparison.recipes import Figures, Side, TaskFigures, differences
from tests.trainings import TRAININGS


def task(quota, total, rows=100, tokens=None):
    return TaskFigures(
        rows=rows, share=quota / total, quota=quota, epochs=quota / rows, tokens=tokens
    )


def side(**changes):
    value = Side(
        title="toy",
        mixture={
            "name": "toy",
            "tasks": {"a": {"weight": None, "prompts": 1}, "b": {"weight": None, "prompts": 1}},
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
            tasks={"a": task(100, 200, tokens=900), "b": task(100, 200, tokens=100)},
        ),
        task_defaults={"weight": None, "prompts": 1},
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
    assert list(told(side(), side(), [])) == [
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
        tasks={"a": task(150, 200, tokens=1350), "b": task(50, 200, tokens=50)},
    )
    after = side(mixture=edited("tasks.a.weight", 3.0), figures=figures)
    found = differences(side(), after)
    assert [(d.section, d.subject, round(d.moved, 6)) for d in found] == [
        ("the mixture", "", 1.0),
        ("tasks that change", "a", 0.25),
        ("tasks that change", "b", 0.25),
    ]
    assert list(told(side(), after, found))[3:] == [
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
    mixture = edited("tasks", {"b": {"weight": 2.0, "prompts": 1}, "c": {}, "d": {}})
    figures = Figures(
        exact=True,
        note="",
        tasks={"b": task(50, 200), "c": task(50, 200), "d": task(100, 200, rows=50)},
    )
    after = side(mixture=mixture, figures=figures, cards={"b": side().cards["b"]})
    found = differences(side(), after)
    assert [(d.section, d.subject) for d in found[:3]] == [
        ("tasks added", "d"), ("tasks added", "c"), ("tasks removed", "a"),
    ]  # fmt: skip
    lines = list(told(side(), after, found))
    assert "  d: share 50.00 %; rows drawn 100; of rows 50; epochs 2.00" in lines
    assert "  a: share 50.00 %; rows drawn 100; of rows 100; epochs 1.00; tokens 900" in lines


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
    assert list(told(side(), after, found))[4:] == [
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
    guessed = Figures(
        exact=False, note="no tokens", tasks={"a": task(90, 200), "b": task(110, 200)}
    )
    assert differences(side(), side(figures=guessed)) == []
    lines = list(told(side(), side(figures=guessed, notes=("no size",)), []))
    assert lines[1:4] == [
        "figures before: exact, from tokens",
        "figures after: ESTIMATE, no tokens",
        "note on toy: no size",
    ]


def test_without_figures_only_what_is_written_is_compared():
    before, after = side(figures=None), side(figures=None, mixture=edited("tasks.a.weight", 2.0))
    (found,) = differences(before, after)
    assert found.changes == (Change("weight", ABSENT, 2.0),)
    assert list(told(before, after, [found]))[-1] == "  a: weight none -> 2"
    assert "figures before: unknown" in list(told(before, after, [found]))


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
