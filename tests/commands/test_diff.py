"""Mixtures by name, revisions of one, and what cannot be compared."""

import json
import tempfile
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.commands import diff
from pipeline.provenance.recipes import Figures
from tests.commands.conftest import commit, edit, record, run_stage


def told(capsys, *arguments: str) -> list[str]:
    capsys.readouterr()
    diff.main(arguments)
    return capsys.readouterr().out.splitlines()


def figures_of(text: str) -> Figures:
    return diff.figures_of(diff.read_state(diff.named(text), Path(tempfile.mkdtemp())))


def differences(capsys, *arguments: str) -> dict:
    return json.loads("\n".join(told(capsys, *arguments, "--json")))


def test_nothing_edited_is_no_difference(built, capsys):
    assert told(capsys) == [
        "toy@HEAD -> toy",
        "figures before: exact, from the tokens that exist",
        "figures after: exact, from the tokens that exist",
        "",
        "no difference",
    ]


def test_a_weight_since_the_last_commit_is_exact_on_both_sides(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 3}")
    lines = told(capsys)
    assert "figures after: exact, from the tokens that exist" in lines
    pears = next(line for line in lines if line.startswith("  pears: "))
    assert pears.startswith(
        "  pears: weight none -> 3; share 50.00 % -> 75.00 % (+25.00 points); rows drawn 70 -> 105; "
        "epochs 1.00 -> 1.50; tokens "
    )
    assert told(capsys, "HEAD", "toy") == told(capsys, "toy@HEAD", "toy")[:1] + lines[1:]


def test_two_mixtures_are_compared_by_name(built, capsys):
    text = Path("mixtures/toy.yaml").read_text()
    other = text.replace("name: toy", "name: other").replace("  pears: {}\n", "")
    Path("mixtures/other.yaml").write_text(other)
    value = differences(capsys, "toy", "other")
    assert value["after"] == {
        "title": "other",
        "figures": "unknown",
        "notes": ["the size of apples is unknown"],
    }
    found = [(d["section"], d["subject"]) for d in value["differences"]]
    assert found[0] == ("tasks removed", "pears")


def test_an_estimate_is_labelled_and_held_against_an_estimate(built, capsys):
    edit("params.yaml", "max_tokens: 128", "max_tokens: 64")
    lines = told(capsys)
    assert lines[1] == (
        "figures before: ESTIMATE, "
        "to compare it with the other side, of which nothing exact is known"
    )
    assert lines[2] == "figures after: ESTIMATE, its tokens do not exist or are out of date"
    assert lines[4:] == ["parameters", "  tokenize.max_tokens: 128 -> 64"]


def test_the_plan_that_a_commit_recorded_is_exact(built, capsys):
    edit("mixtures/tasks/pears.yaml", "[bad, good]", "[good, bad]")
    run_stage("resolve")
    record("resolve")
    value = differences(capsys, "HEAD", "toy")
    figures = figures_of("toy@HEAD")
    assert figures.exact
    assert figures.note == "the plan that its dvc.lock records"
    assert figures.of("pears")["rows drawn"] == 70
    card = next(d for d in value["differences"] if d["section"] == "cards that change")
    assert card["subject"] == "pears"
    assert card["changes"] == [
        {"key": "fields.classes", "before": ["bad", "good"], "after": ["good", "bad"]}
    ]


def test_a_plan_of_another_recipe_than_the_commit_s_is_not_taken(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 3}")
    edit("params.yaml", "max_tokens: 128", "max_tokens: 64")
    commit("edited, not run")
    assert not figures_of("toy@HEAD").exact


def test_a_revision_without_the_files_is_worded(built, capsys):
    Path("params.yaml").rename("p")
    Path("mixtures/tasks/pears.yaml").rename("q")
    commit("lost")
    Path("p").rename("params.yaml")
    Path("q").rename("mixtures/tasks/pears.yaml")
    lines = told(capsys, "toy@HEAD", "toy")
    assert (
        "note on toy@HEAD: compared as it is written, since this version refuses it: "
        "params.yaml: no file named 'params'"
    ) in lines
    assert "figures before: unknown" in lines


def test_a_card_that_this_version_refuses_is_compared_as_written(built, capsys):
    edit("mixtures/tasks/pears.yaml", "family: toy", "family: toy\nflavour: sweet")
    commit("of another version")
    edit("mixtures/tasks/pears.yaml", "\nflavour: sweet", "")
    lines = told(capsys)
    assert any("compared as it is written" in line and "flavour" in line for line in lines)
    assert "    flavour: sweet -> none" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toi"], "error: taskloom diff: no mixture or Git revision named 'toi'\n"
         "  to do: did you mean 'toy'?\n"),
        (["toy@HEAD~9"], "error: taskloom diff: there is no Git revision 'HEAD~9'\n"
         "  expected: a commit, branch or tag of this project's repository, for example HEAD~1\n"),
        (["tuy@HEAD", "toy"], "error: tuy@HEAD: no mixture named 'tuy'\n  to do: did you mean 'toy'?\n"),
    ],
)  # fmt: skip
def test_what_is_no_side_is_worded(built, capsys, arguments, message):
    assert main(["diff", *arguments]) == 2
    assert capsys.readouterr().err == message
