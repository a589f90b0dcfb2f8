"""What a plan was made from: recorded settings beside a project as it is written now."""

import json
from pathlib import Path

import pytest

from pipeline.planning import (
    UPSTREAM,
    guesses,
    is_built_from,
    settings_on_disk,
    tokens_are_current,
    unknown_sizes,
)
from pipeline.project import read_project
from pipeline.stages import resolve


@pytest.fixture
def resolved(project: Path) -> Path:
    resolve.main(["toy"])
    return project


def test_settings_that_were_just_written_are_those_of_the_project(resolved):
    project = read_project("toy")
    assert is_built_from(project, settings_on_disk)
    assert is_built_from(project, settings_on_disk, (*UPSTREAM, "plan/compass"))
    assert not tokens_are_current(project), "there are no tokens yet"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("params.yaml", "max_tokens: 128", "max_tokens: 64"),
        ("mixtures/tasks/pears.yaml", "classes: [bad, good]", "classes: [good, bad]"),
    ],
)
def test_an_edit_makes_them_those_of_another_project(resolved, file, old, new):
    text = (resolved / file).read_text()
    assert old in text
    (resolved / file).write_text(text.replace(old, new))
    assert not is_built_from(read_project("toy"), settings_on_disk)


def test_the_code_does_not_count(resolved):
    path = resolved / "data/toy/settings/tokenize.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": {"pipeline.old": "1"}}))
    assert is_built_from(read_project("toy"), settings_on_disk)


def test_what_is_not_recorded_is_another_project(resolved):
    assert not is_built_from(read_project("toy"), lambda path: None)
    (resolved / "data/toy/settings/curate.json").unlink()
    assert not is_built_from(read_project("toy"), settings_on_disk)


def test_sizes_are_unknown_before_a_task_is_normalized(resolved):
    project = read_project("toy")
    assert unknown_sizes(project, guesses(project)) == ["apples", "pears"]
