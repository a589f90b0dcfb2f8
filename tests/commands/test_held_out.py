"""A held-out task on the terminal: named, planned nowhere, shown and compared like any other."""

from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.commands import diff, plan, show
from pipeline.stages import curate, mix, normalize, resolve, tokenize, tokenizer
from pipeline.stages import plan as plan_stage


@pytest.fixture
def held(project: Path) -> Path:
    """The toy project, whose pears are held out."""
    path = project / "mixtures/toy.yaml"
    path.write_text(path.read_text().replace("pears: {}", "pears: {held_out: true}"))
    return project


def printed(capsys, command, *arguments: str) -> str:
    capsys.readouterr()
    command.main(arguments)
    return capsys.readouterr().out


def tokenized() -> None:
    resolve.main(["toy"])
    for task in ("apples", "pears"):
        normalize.main(["toy", task])
    for stage in (curate, tokenizer, tokenize):
        stage.main(["toy"])


def test_the_plan_names_it_and_counts_nothing_of_it(held, capsys):
    resolve.main(["toy"])
    normalize.main(["toy", "apples"])
    estimate = printed(capsys, plan)  # the size of what is not drawn need not be known
    for stage in (lambda: normalize.main(["toy", "pears"]), tokenized):
        stage()
    exact = printed(capsys, plan)
    assert "ESTIMATE" in estimate
    assert exact.startswith("mixture 'toy', exact")
    for output in (estimate, exact):
        assert "held out, and never drawn: pears" in output
        assert "1 tasks" in output
        assert not any(line.startswith("pears") for line in output.splitlines())


def test_its_rows_can_be_shown(held, capsys):
    tokenized()
    plan_stage.main(["toy", "compass"])
    mix.main(["toy", "compass"])
    assert "pears/validation/" in printed(capsys, show, "pears", "--role", "report")
    output = printed(capsys, show, "toy")
    assert "apples/train/" in output
    assert "pears/" not in output


def test_holding_a_task_out_is_a_difference(project, capsys):
    tokenized()
    text = (project / "mixtures/toy.yaml").read_text()
    other = text.replace("name: toy", "name: zero").replace("pears: {}", "pears: {held_out: true}")
    (project / "mixtures/zero.yaml").write_text(other)
    output = printed(capsys, diff, "toy", "zero")
    assert "\n  pears: held_out none -> true\n" in output


def test_a_target_that_is_held_out_is_refused(held, capsys):
    path = held / "mixtures/toy.yaml"
    path.write_text(path.read_text().replace("target: apples", "target: pears"))
    assert main(["check"]) == 2
    assert "tailor.target: 'pears' is held out" in capsys.readouterr().err


def test_settings_say_who_is_held_out(held):
    from pipeline.contract.files import read_json

    resolve.main(["toy"])
    said = {
        stage: read_json(held / f"data/toy/settings/{stage}.json")
        for stage in ("curate", "tokenize", "train/compass", "relate", "evaluate")
    }
    assert said["curate"]["tasks"] == said["tokenize"]["tasks"] == ["apples", "pears"]
    for stage in ("tokenize", "train/compass", "evaluate"):
        assert said[stage]["held_out"] == ["pears"]
    assert said["relate"]["tasks"] == ["apples"]
    assert list(read_json(held / "data/toy/recipes/all/all.yaml")["tasks"]) == ["apples"]
