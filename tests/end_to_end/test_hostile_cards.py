"""Cards of other people under plain `dvc repro`: nothing in them becomes a command or leads out."""

import json

import pytest

from tests.end_to_end.walk import Walk, make_walk

pytestmark = pytest.mark.long

MARK = "marked"
"""A file that a command in a card would make."""
OUT = "mine"
"""A folder of the person's, which no stage may touch."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walk = make_walk(tmp_path_factory.mktemp("hostile"))
    (walk.root / OUT).mkdir()
    (walk.root / OUT / "kept.txt").write_text("kept")
    return walk


def refused(walk: Walk, *arguments: str) -> str:
    done = walk.run("dvc", "repro", *arguments, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said
    assert not list(walk.root.rglob(MARK))
    assert (walk.root / OUT / "kept.txt").read_text() == "kept"
    return said


COMMANDS = (f";touch {MARK};#", f"$(touch {MARK})", f"`touch {MARK}`", f"x && touch {MARK}")


def with_card(walk: Walk, change) -> None:
    """Write a mixture `bad` that is `tiny` with a change, and make dvc.yaml name it."""
    walk.edit("mixtures/tiny.yaml", lambda card: None)
    text = (walk.root / "mixtures/tiny.yaml").read_text()
    (walk.root / "mixtures/bad.yaml").write_text(text.replace("name: tiny", "name: bad", 1))
    walk.edit("mixtures/bad.yaml", change)
    walk.run("git", "checkout", "-q", "dvc.yaml")
    walk_yaml = walk.root / "dvc.yaml"
    walk_yaml.write_text(walk_yaml.read_text().replace("tiny", "bad"))


@pytest.mark.parametrize("name", [*COMMANDS, f";touch {MARK};#/../toy"])
def test_the_name_of_a_mixture_is_no_command(fresh: Walk, name: str):
    with_card(fresh, lambda card: card.update(name=name))
    assert "name:" in refused(fresh)
    with_card(fresh, lambda card: None)
    path = fresh.root / "dvc.yaml"
    path.write_text(path.read_text().replace("- name: bad", f"- name: {json.dumps(name)}"))
    refused(fresh)


@pytest.mark.parametrize("name", [*COMMANDS, f"../../../{OUT}", "a/b", ".."])
@pytest.mark.parametrize("part", ["tasks", "trainings"])
def test_the_name_of_a_task_or_training_is_no_command_and_no_way_out(
    fresh: Walk, part: str, name: str
):
    def change(card):
        card[part][name] = {} if part == "tasks" else {"recipe": "all", "start": "base"}

    with_card(fresh, change)
    refused(fresh)
    refused(fresh, "--keep-going")


@pytest.mark.parametrize("key", ["recipe", "start"])
@pytest.mark.parametrize("value", [COMMANDS[0], f"../../{OUT}"])
def test_what_a_training_names_is_no_command_and_no_way_out(fresh: Walk, key: str, value: str):
    with_card(fresh, lambda card: card["trainings"]["compass"].update({key: value}))
    refused(fresh)


def test_a_stage_alone_runs_no_command_of_a_card_either(fresh: Walk):
    with_card(fresh, lambda card: card["tasks"].update({f"x;touch {MARK}": {}}))
    fresh.run("dvc", "repro", "-s", f"normalize@x;touch {MARK}", check=False)
    assert not list(fresh.root.rglob(MARK))


def test_a_data_dir_with_a_command_is_a_path(fresh: Walk):
    with_card(fresh, lambda card: None)
    path = fresh.root / "params.yaml"
    text = path.read_text()
    path.write_text(text.replace("data_dir: data/external", f"data_dir: 'data/x;touch {MARK}'"))
    refused(fresh)
    path.write_text(text)
