"""The one door: right exit codes, worded errors, lazy imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import COMMANDS, STAGES, main


def test_without_a_command_the_usage_is_printed(capsys):
    assert main([]) == 2
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {command}" in out for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek"], "error: taskloom: no command named 'chek'\n  to do: did you mean 'check'?\n"),
        (
            ["stage", "normalise"],
            "error: taskloom stage: no stage named 'normalise'\n"
            "  to do: did you mean 'normalize'?\n",
        ),
    ],
)
def test_unknown_names_end_in_code_2_with_the_nearest(capsys, arguments, message):
    assert main(arguments) == 2
    assert capsys.readouterr().err == message


def test_a_pipeline_error_is_worded_without_a_traceback(project: Path, capsys):
    (project / "params.yaml").write_text("seed: many\ndata_dir: x\n")
    assert main(["stage", "resolve", "toy"]) == 2
    err = capsys.readouterr().err
    assert err == (
        "error: params.yaml: seed: input should be a valid integer, unable to parse string as an "
        "integer, not 'many'\n"
    )


def test_several_errors_are_each_marked(project: Path, capsys):
    for task in ("apples", "pears"):
        card = project / f"mixtures/tasks/{task}.yaml"
        card.write_text(card.read_text().replace("licence", "license"))
    assert main(["check"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [
        "mixtures/tasks/apples.yaml",
        "mixtures/tasks/pears.yaml",
    ]
    assert all(line.startswith("error: ") for line in lines)


def test_a_bug_stays_loud(monkeypatch):
    monkeypatch.setattr("pipeline.commands.use.main", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["use"])


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"known: {', '.join(sorted(STAGES))}" in done.stderr
