"""Switching mixtures."""

import json
from pathlib import Path

import pytest

from pipeline.commands import use
from pipeline.errors import ConfigError
from pipeline.project import active
from tests.conftest import ROOT


def test_dvc_yaml_names_the_mixture_and_is_else_unchanged(project: Path, capsys):
    text = (project / "mixtures/toy.yaml").read_text().replace("name: toy", "name: other")
    (project / "mixtures/other.yaml").write_text(text)
    use.main(["other"])
    assert active() == "other"
    before, after = (ROOT / "dvc.yaml").read_text(), (project / "dvc.yaml").read_text()
    changed = set(after.splitlines()) - set(before.splitlines())
    assert changed == {"  - name: other", "  - mixtures/other.yaml:tasks,trainings"}
    assert capsys.readouterr().out == "active mixture: other (2 tasks). Next: dvc repro\n"


def test_without_a_name_the_mixtures_are_listed(project: Path, capsys):
    use.main([])
    assert capsys.readouterr().out == "* toy\n"


def test_an_unknown_mixture_is_refused_and_nothing_is_switched(project: Path):
    with pytest.raises(
        ConfigError, match="mixtures: no mixture named 'tuy'\n  to do: did you mean 'toy'"
    ):
        use.main(["tuy"])
    assert active() == "toy"


def test_a_mixture_of_another_name_than_its_file_is_refused(project: Path):
    (project / "mixtures/other.yaml").write_text((project / "mixtures/toy.yaml").read_text())
    with pytest.raises(
        ConfigError, match="mixtures/other.yaml: name: is 'toy'\n  expected: 'other'"
    ):
        use.main(["other"])


def test_a_walk_that_names_no_mixture_is_worded(project: Path):
    (project / "dvc.yaml").write_text("vars: [params.yaml]\n")
    with pytest.raises(
        ConfigError, match="vars: does not give the name of a mixture first\n  expected: `- name: N"
    ):
        active()
    with pytest.raises(ConfigError, match="vars: do not begin as `taskloom use` writes them"):
        use.main(["toy"])


@pytest.mark.parametrize("name", [";touch X;#", "../toy", "$(touch X)", "toy\n", "Toy", "a" * 65])
def test_a_name_that_could_be_a_command_or_a_path_is_refused(project: Path, name: str):
    """DVC makes paths of the active name before any stage runs."""
    text = (project / "dvc.yaml").read_text().replace("name: toy", f"name: {json.dumps(name)}", 1)
    (project / "dvc.yaml").write_text(text)
    with pytest.raises(ConfigError, match="is no name of a mixture"):
        active()
    with pytest.raises(ConfigError, match="is no name of a mixture"):
        use.main([name])
    assert not (project / "X").exists()
