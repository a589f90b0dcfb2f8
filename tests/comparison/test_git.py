"""Files of a commit, from the root of a repository and from a project inside one."""

import subprocess

import pytest

from pipeline.comparison import git
from pipeline.comparison.files import Commit, WorkingTree
from pipeline.errors import ConfigError


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A project in a folder of its repository, with two commits."""
    project = tmp_path / "project"
    (project / "cards/deep").mkdir(parents=True)
    monkeypatch.chdir(project)
    run("git", "init", "-q", "-b", "main", str(tmp_path))
    (project / "cards/a.yaml").write_text("one\n")
    (project / "cards/deep/c.yaml").write_text("deep\n")
    commit("first")
    (project / "cards/a.yaml").write_text("two\nlines\n")
    (project / "cards/b.yaml").write_bytes(b"\xff\n")
    commit("second")
    (project / "cards/a.yaml").write_text("three\n")
    return project


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def commit(message):
    run("git", "add", "-A", ".")
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)


def test_files_of_a_commit_are_read_by_their_path_in_the_project(repository):
    first, second = git.commit_of("HEAD~1"), git.commit_of("main")
    paths = ["cards/a.yaml", "cards/b.yaml", "cards", "none.yaml"]
    assert git.read_files(first, paths) == {"cards/a.yaml": b"one\n"}
    assert git.read_files(second, paths) == {
        "cards/a.yaml": b"two\nlines\n",
        "cards/b.yaml": b"\xff\n",
    }
    assert Commit(second).read(paths)["cards/b.yaml"] == "\ufffd\n"
    assert Commit(first).names("cards", ".yaml") == ["a"]
    assert Commit(second).names("cards", ".yaml") == ["a", "b"]


def test_the_working_tree_is_read_as_it_stands(repository):
    assert WorkingTree().read(["cards/a.yaml", "none"]) == {"cards/a.yaml": "three\n"}
    assert WorkingTree().names("cards", ".yaml") == ["a", "b"]


def test_blobs_below_a_folder_have_their_content(repository):
    found = git.files_below(git.commit_of("HEAD"), "cards")
    assert sorted(found) == ["cards/a.yaml", "cards/b.yaml", "cards/deep/c.yaml"]
    assert git.blobs(found.values())[found["cards/a.yaml"]] == b"two\nlines\n"


def test_history_is_the_commits_that_touched_a_path(repository):
    assert git.history(["cards/deep"], most=9) == [git.commit_of("HEAD~1")]
    assert len(git.history(["cards"], most=9)) == 2
    assert len(git.history(["cards"], most=1)) == 1


@pytest.mark.parametrize("revision", ["nope", "", "--help", "HEAD~7"])
def test_what_is_no_revision_names_no_commit(repository, revision):
    assert git.commit_of(revision) is None


def test_outside_of_a_repository_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.commit_of("HEAD") is None
    assert git.history(["x"], most=3) == []


def test_without_git_it_is_said_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="git is not installed"):
        git.commit_of("HEAD")
