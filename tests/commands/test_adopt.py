"""Adopting what Tailor chose."""

from pathlib import Path

import pytest

from pipeline.commands import adopt
from pipeline.errors import ArtefactError, ConfigError


def tailored(project: Path) -> None:
    folder = project / "data/toy/recipes/tailored"
    folder.mkdir(parents=True)
    text = (project / "mixtures/toy.yaml").read_text()
    (folder / "tailored.yaml").write_text(text.replace("name: toy", "name: toy_tailored"))


def test_the_tailored_card_is_copied_under_its_name(project: Path, capsys):
    tailored(project)
    adopt.main([])
    assert "name: toy_tailored" in (project / "mixtures/toy_tailored.yaml").read_text()
    assert capsys.readouterr().out == (
        "wrote mixtures/toy_tailored.yaml. Next: taskloom use toy_tailored\n"
    )


def test_an_existing_mixture_is_kept_unless_forced(project: Path):
    tailored(project)
    (project / "mixtures/toy_tailored.yaml").write_text("mine\n")
    with pytest.raises(
        ConfigError, match="toy_tailored.yaml: exists already\n  to do: give --force"
    ):
        adopt.main([])
    assert (project / "mixtures/toy_tailored.yaml").read_text() == "mine\n"
    adopt.main(["--force"])
    assert "name: toy_tailored" in (project / "mixtures/toy_tailored.yaml").read_text()


def test_without_a_tailored_mixture_it_says_what_makes_one(project: Path):
    with pytest.raises(
        ArtefactError, match="tailored.yaml: does not exist\n  to do: run `dvc repro`"
    ):
        adopt.main([])
