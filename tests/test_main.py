"""The command line: exit codes, worded errors, lazy imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import COMMANDS, STAGES, main
from pipeline.errors import PipelineError


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


def test_a_bug_is_one_line_and_its_trace_is_in_a_file(monkeypatch, tmp_path, capsys):
    def fail(arguments):
        raise ValueError("a\nb\x1b[31m")

    monkeypatch.setattr("pipeline.commands.use.main", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["use"]) == 1
    (file,) = tmp_path.iterdir()
    assert capsys.readouterr().err == (
        f"error: a bug in taskloom: ValueError: a b\\x1b[31m; the full trace is in {file}\n"
    )
    assert "Traceback (most recent call last):" in file.read_text()
    assert 'raise ValueError("a' in file.read_text()


def test_a_bug_where_no_file_can_be_written_is_printed_in_full(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("pipeline.commands.use.main", lambda arguments: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert main(["use"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert "error: a bug in taskloom: ZeroDivisionError: division by zero (no file" in err


def test_what_an_error_quotes_is_shown_and_not_obeyed(monkeypatch, capsys):
    def fail(arguments):
        raise PipelineError("no task named '\x1b[2J'")

    monkeypatch.setattr("pipeline.commands.use.main", fail)
    assert main(["use"]) == 2
    assert capsys.readouterr().err == "error: no task named '\\x1b[2J'\n"


RUN = "import sys; from pipeline import __main__ as m; {}; sys.argv = ['taskloom', 'use']; m.console()"


def run(code: str) -> subprocess.Popen:
    """Run `taskloom use` with some of its code replaced."""
    command = [sys.executable, "-c", RUN.format(code)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_reader_that_has_enough_ends_the_command_quietly():
    process = run("m.run = lambda *a: [print('x' * 1000) for _ in range(1000)]")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_sigterm_ends_with_a_word():
    process = run("m.run = lambda *a: (print('here', flush=True), __import__('time').sleep(60))")
    process.stdout.readline()
    process.terminate()
    assert process.communicate()[1] == "stopped by SIGTERM\n"
    assert process.returncode == 143


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"known: {', '.join(sorted(STAGES))}" in done.stderr
