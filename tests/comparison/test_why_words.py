"""Causes in words and as plain values."""

from pipeline.comparison.causes import Cause
from pipeline.comparison.changes import ABSENT, Change
from pipeline.comparison.why_words import json_value, told


def test_an_artefact_without_causes_is_up_to_date():
    assert list(told("mix", "mix", [])) == [
        "mix (stage mix): up to date",
        "  nothing that it depends on has changed since it was built",
    ]
    assert json_value("mix", "mix", [])["up_to_date"] is True


def test_each_cause_has_its_keys_or_files_and_its_way():
    causes = [
        Cause("parameter", "settings/plan.json", (Change("seed", 1, 2),), chain=("plan", "mix")),
        Cause(
            "code",
            "pipeline/mixing",
            (Change("a.py", "1", "2"), Change("b.py", ABSENT, "3"), Change("c.py", "4", ABSENT)),
            note="since commit abc",
            chain=("mix",),
        ),
        Cause(
            "code", "pipeline/seeds.py", (Change("pipeline/seeds.py", "1", "2"),), chain=("mix",)
        ),
        Cause("raw bytes", "sources/a.json", (Change("files.a/x.csv", "1", "2"),), chain=("mix",)),
        Cause("unknown", "out", note="who knows"),
    ]
    assert list(told("mix", "mix", causes)) == [
        "mix (stage mix): out of date, 5 things have changed since it was built",
        "  parameter: settings/plan.json",
        "    seed: 1 -> 2",
        "    reaches it through plan -> mix",
        "  code: pipeline/mixing (since commit abc)",
        "    a.py was edited",
        "    b.py is new",
        "    c.py is gone",
        "  code: pipeline/seeds.py was edited",
        "  raw bytes: sources/a.json",
        "    a/x.csv was edited",
        "  unknown: out (who knows)",
    ]


def test_a_long_list_is_cut_for_people_and_whole_for_tools():
    cause = Cause("code", "x", tuple(Change(f"{i:02d}.py", "1", "2") for i in range(20)))
    lines = list(told("mix", "mix", [cause]))
    assert lines[-2:] == ["    11.py was edited", "    and 8 more"]
    (value,) = json_value("mix", "mix", [cause])["causes"]
    assert len(value["changes"]) == 20
