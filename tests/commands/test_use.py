"""Switching mixtures."""

from pathlib import Path

import pytest

from pipeline.commands import use
from pipeline.errors import ConfigError


def test_the_link_moves_to_the_named_mixture(project: Path, capsys):
    text = (project / "mixtures/toy.yaml").read_text().replace("name: toy", "name: other")
    (project / "mixtures/other.yaml").write_text(text)
    use.main(["other"])
    assert (project / "mixtures/active.yaml").readlink() == Path("other.yaml")
    assert use.active() == "other"
    assert capsys.readouterr().out == "active mixture: other (2 tasks). Next: dvc repro\n"


def test_without_a_name_the_mixtures_are_listed(project: Path, capsys):
    use.main([])
    assert capsys.readouterr().out == "* toy\n"


def test_an_unknown_mixture_is_refused_and_the_link_stays(project: Path):
    with pytest.raises(
        ConfigError, match="mixtures: no mixture named 'tuy'\n  to do: did you mean 'toy'"
    ):
        use.main(["tuy"])
    assert use.active() == "toy"


def test_a_mixture_of_another_name_than_its_file_is_refused(project: Path):
    (project / "mixtures/other.yaml").write_text((project / "mixtures/toy.yaml").read_text())
    with pytest.raises(
        ConfigError, match="mixtures/other.yaml: name: is 'toy'\n  expected: 'other'"
    ):
        use.main(["other"])
