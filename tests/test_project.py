"""One reader: `check`, `plan` and `resolve` refuse the same projects with the same words."""

from pathlib import Path

import pytest

from pipeline.commands import check, plan
from pipeline.errors import ConfigError
from pipeline.project import read_project
from pipeline.stages import resolve

SPAN = "fields: {form: span, context: text, question: label, answers: label}"
CLASSES = "fields: {form: classification, context: text, label: label, classes: [bad, good]}"

BROKEN = {
    "an unknown task": ("mixtures/toy.yaml", "pears: {}", "peers: {}", "no task card named 'peers'"),
    "an unknown key": ("mixtures/toy.yaml", "k: 1", "kay: 1", "tailor.kay: unknown key"),
    "a form without choices": (
        "mixtures/tasks/pears.yaml", CLASSES,
        "fields: {form: text_to_text, context: text, target: label}",
        "form 'text_to_text' has no choices, which view 'choice' needs",
    ),
    "an unknown scorer": (
        "mixtures/toy.yaml", "k: 1", "k: 1, scorer: prefixx", "no scorer named 'prefixx'",
    ),
    "an unknown parameter": (
        "mixtures/toy.yaml", "name: toy", "name: toy\nparams: {train: {bach: 3}}", "train.bach",
    ),
    "a parameter out of its range": (
        "params.yaml", "max_tokens: 128", "max_tokens: 3", "tokenize.max_tokens",
    ),
    "packs that are too short": (
        "mixtures/toy.yaml", "name: toy", "name: toy\nview: text\nparams: {text: {pack_tokens: 20}}",
        "text.pack_tokens: is 20",
    ),
    "a prompt that is not there": (
        "mixtures/toy.yaml", "pears: {}", "pears: {prompts: [short]}\nview: text", "short",
    ),
    "a broken task card": ("mixtures/tasks/pears.yaml", "licence: CC0-1.0", "", "licence: is required"),
    "a training that starts nowhere": (
        "mixtures/toy.yaml", "start: compass", "start: compas", "'compas' is no training of this",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(BROKEN))
def test_check_plan_and_resolve_refuse_the_same_with_the_same_words(project: Path, fault: str):
    path, old, new, words = BROKEN[fault]
    text = (project / path).read_text()
    assert old in text
    (project / path).write_text(text.replace(old, new, 1))
    said = set()
    for call in (
        lambda: check.main([]),
        lambda: plan.main(["toy"]),
        lambda: resolve.main(["toy"]),
        lambda: read_project("toy"),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        said.add(str(caught.value))
    assert len(said) == 1
    assert words in said.pop()


def test_all_faults_are_said_at_once(project: Path):
    for name, old, new in (
        ("mixtures/tasks/pears.yaml", "licence: CC0-1.0", ""),
        ("mixtures/tasks/apples.yaml", "family: toy", "familly: toy"),
        ("params.yaml", "max_tokens: 128", "max_tokens: 3"),
    ):
        path = project / name
        path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_project("toy")
    for words in ("pears.yaml: licence: is required", "familly", "tokenize.max_tokens"):
        assert words in str(caught.value)


def test_another_folder_can_be_read(project: Path, monkeypatch):
    monkeypatch.chdir("/")
    assert read_project("toy", root=project).card.name == "toy"
