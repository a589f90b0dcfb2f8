"""Files of a commit, from the root of a repository and from a project inside one."""

import subprocess

import pytest

from pipeline.errors import ConfigError
from pipeline.provenance import git


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


def test_files_of_a_commit_are_laid_out_by_their_path_in_the_project(repository, tmp_path):
    for revision, texts in (
        ("HEAD~1", {"a.yaml": b"one\n"}),
        ("main", {"a.yaml": b"two\nlines\n", "b.yaml": b"\xff\n"}),
    ):
        folder = tmp_path / revision
        git.extract(git.commit_of(revision), ["cards", "none.yaml"], folder)
        found = {path.name: path.read_bytes() for path in (folder / "cards").glob("*.yaml")}
        assert found == texts
        assert (folder / "cards/deep/c.yaml").read_text() == "deep\n"
    git.extract(git.commit_of("main"), ["none"], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_earlier_versions_are_those_of_the_commits_that_touched_a_file(repository):
    assert list(git.earlier_versions("cards/a.yaml")) == ["two\nlines\n", "one\n"]
    assert list(git.earlier_versions("cards/deep/c.yaml")) == ["deep\n"]
    assert list(git.earlier_versions("cards/b.yaml")) == ["\ufffd\n"]
    assert list(git.earlier_versions("none")) == []


@pytest.mark.parametrize("revision", ["nope", "", "--help", "HEAD~7"])
def test_what_is_no_revision_names_no_commit(repository, revision):
    assert git.commit_of(revision) is None


def test_outside_of_a_repository_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.commit_of("HEAD") is None
    assert list(git.earlier_versions("x")) == []


def test_without_git_it_is_said_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="git is not installed"):
        git.commit_of("HEAD")
