"""`diff` and `why` beside what DVC itself records and would run, on a project that DVC built."""

import re
from pathlib import Path

import pytest

from tests.end_to_end.walk import Walk, make_walk, tiny_mixture

pytestmark = pytest.mark.slow

TASK = sorted(tiny_mixture()["tasks"])[0]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """A project that `dvc repro mix@compass` built and Git holds."""
    walk = make_walk(tmp_path_factory.mktemp("mixed"))
    walk.repro("mix@compass")
    walk.commit("mixed")
    return walk


@pytest.fixture
def walk(mixed: Walk):
    """The same project; what a test edits is taken back."""
    yield mixed
    mixed.run("git", "checkout", "-q", ".")
    mixed.run("git", "clean", "-qfd")
    mixed.run("dvc", "checkout", "-q", check=False)


def why(walk: Walk, artefact: str) -> str:
    return walk.taskloom("why", artefact).stdout


def test_what_dvc_built_is_up_to_date(walk: Walk):
    for artefact in ("mix@compass", "data/tiny/tokens", "settings", f"examples/{TASK}"):
        assert "): up to date\n" in why(walk, artefact)
    assert walk.taskloom("diff").stdout.endswith("\nno difference\n")


def test_an_edit_of_a_card_is_named(walk: Walk):
    walk.edit(f"mixtures/tasks/{TASK}.yaml", lambda card: card["source"].update(rows=333))
    told = why(walk, "mix@compass")
    assert f"  task card: data/tiny/sources/{TASK}.json\n    card.source.rows: " in told
    assert f"reaches it through normalize@{TASK} -> curate -> " in told


@pytest.mark.parametrize("module", ["mixing.audit", "errors"])
def test_an_edit_of_code_is_named(walk: Walk, module: str):
    file = walk.root / f"pipeline/{module.replace('.', '/')}.py"
    file.write_text(file.read_text() + "# a comment\n")
    assert "): up to date\n" in why(walk, "mix@compass")
    file.write_text(file.read_text() + "ANOTHER = 1\n")
    assert f"  code: data/tiny/settings/mix.json\n    pipeline.{module} was edited\n" in why(
        walk, "mix@compass"
    )


def test_a_comment_in_a_card_reaches_no_artefact(walk: Walk):
    card = walk.root / f"mixtures/tasks/{TASK}.yaml"
    card.write_text("# a comment\n" + card.read_text())
    assert "): up to date\n" in why(walk, "mix@compass")


def test_a_run_that_went_half_way_is_traced_to_the_edit(walk: Walk):
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"][TASK].update(weight=3))
    assert walk.repro("plan@compass") == ["resolve", "plan@compass"]
    assert "): up to date\n" in why(walk, "plan@compass")
    assert f"tasks.{TASK}.weight: none -> 3" in why(walk, "mix@compass")
    told = walk.taskloom("diff", "HEAD", "tiny").stdout
    assert "figures before: exact" in told
    assert "figures after: exact" in told
    assert re.search(rf"  {TASK}: weight none -> 3; share 25.00 % -> 50.00 %", told)


def test_the_export_of_what_dvc_built_is_read_back(walk: Walk, tmp_path: Path):
    walk.taskloom("export", "tiny", "--to", str(tmp_path / "out"), "--format", "jsonl")
    lines = (tmp_path / "out/data/train-00000-of-00001.jsonl").read_text().splitlines()
    assert len(lines) == 96
