"""All errors of all cards and mixtures at once."""

from pathlib import Path

import pytest

from pipeline.commands import check
from pipeline.errors import ConfigError


def test_a_sound_project_is_counted(project: Path, capsys):
    check.main([])
    assert capsys.readouterr().out == "2 task cards, 1 mixtures and params.yaml: all good\n"


def test_every_fault_is_named_once(project: Path):
    card = project / "mixtures/tasks/apples.yaml"
    card.write_text(card.read_text().replace("family: toy", "famly: toy"))
    mixture = project / "mixtures/toy.yaml"
    mixture.write_text(mixture.read_text().replace("pears: {}", "paers: {}"))
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("batch: 32", "batch: 0"))
    with pytest.raises(ConfigError) as caught:
        check.main([])
    assert str(caught.value).splitlines() == [
        "mixtures/tasks/apples.yaml: family: is required; famly: unknown key, did you mean 'family'?",
        "params.yaml: train.batch: input should be greater than 0, not 0",
        "mixtures/toy.yaml: tasks.paers: no task card named 'paers'; did you mean 'pears'?",
    ]


def test_a_task_without_choices_is_refused_by_name_in_a_choice_mixture(project: Path):
    card = project / "mixtures/tasks/pears.yaml"
    text = card.read_text().split("fields:")[0]
    card.write_text(
        text + "fields: {form: text_to_text, question: text, target: label}\nlicence: x\n"
    )
    with pytest.raises(ConfigError, match="tasks.pears: form 'text_to_text' has no choices"):
        check.main([])


def test_an_override_of_an_unknown_parameter_is_refused(project: Path):
    mixture = project / "mixtures/toy.yaml"
    mixture.write_text(mixture.read_text() + "params: {train: {learning_rat: 1}}\n")
    with pytest.raises(ConfigError) as caught:
        check.main([])
    assert str(caught.value) == (
        "mixtures/toy.yaml: params: train.learning_rat: unknown key, did you mean 'learning_rate'?"
    )


@pytest.mark.parametrize(
    ("tailor", "words"),
    [
        ("scorer: prefx", r"tailor.scorer: no scorer named 'prefx'"),
        ("scorer: stack", r"tailor.scorer: is 'stack', and relate.stack names nothing"),
    ],
)
def test_what_resolve_would_refuse_is_refused(project: Path, tailor: str, words: str):
    mixture = project / "mixtures/toy.yaml"
    text = mixture.read_text()
    assert text.count("tailor: {") == 1
    mixture.write_text(text.replace("tailor: {", f"tailor: {{{tailor}, "))
    with pytest.raises(ConfigError, match=words):
        check.main([])
