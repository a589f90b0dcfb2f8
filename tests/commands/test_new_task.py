"""A card from files: guessed, valid, and usable at once."""

from pathlib import Path

import pytest

from pipeline.commands import check, new_task
from pipeline.config.catalog import load_task
from pipeline.errors import ConfigError, SourceError
from pipeline.layout import CARDS


def test_a_folder_becomes_a_card_that_passes_check(project: Path, capsys):
    folder = project / "data/external/plums"
    (project / "data/external/apples").rename(folder)
    (folder / "validation.jsonl").rename(folder / "dev.jsonl")
    (project / "mixtures/tasks/apples.yaml").unlink()
    mixture = project / "mixtures/toy.yaml"
    mixture.write_text(mixture.read_text().replace("apples", "plums"))
    new_task.main(["plums", "data/external/plums", "--licence", "CC0-1.0"])
    card = load_task(CARDS / "plums.yaml")
    assert card.fields.form == "classification"
    assert card.fields.classes == ("bad", "good")
    assert card.splits == {"train": "train.jsonl", "validation": "dev.jsonl"}
    assert card.verified is False
    check.main([])
    out = capsys.readouterr().out
    assert "wrote mixtures/tasks/plums.yaml: form 'classification'" in out
    assert "add `plums: {}` to a mixture's tasks" in out


def test_a_path_may_be_given_below_data_dir(project: Path):
    new_task.main(["plums", "apples/train.jsonl"])
    assert load_task(CARDS / "plums.yaml").splits == {"train": "train.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["apples", "apples"], ConfigError, "apples.yaml: exists already\n  to do: give --force"),
        (["Plums", "apples"], ConfigError, "task: string should match pattern"),
        (["plums", "nowhere"], SourceError, "nowhere: there is no such file or folder"),
        (["plums", "mixtures"], SourceError, "mixtures: lies outside data_dir 'data/external'"),
        (["plums", "empty"], SourceError, "no train file among nothing"),
    ],
)
def test_what_cannot_become_a_card_is_worded(project: Path, arguments, error, message):
    (project / "data/external/empty").mkdir()
    with pytest.raises(error) as caught:
        new_task.main(arguments)
    assert message in str(caught.value)
    assert not (CARDS / "plums.yaml").exists()
