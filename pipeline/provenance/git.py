"""Files of a Git revision, read without checking it out.

Git runs as a program, never through a shell. A project need not be the root of its repository: paths
are relative to the current folder.
"""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pipeline.errors import ConfigError

_MOST_COMMITS = 50
"""Commits that are searched for an earlier version of a file."""


def git(*arguments: str) -> bytes | None:
    """Run one Git command; return what it prints, or None where it fails.

    Raises:
        ConfigError: Git is not installed.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - which git is the user's choice
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "git is not installed", where="git", remedy="install it, or compare two mixtures"
        ) from error
    return done.stdout if done.returncode == 0 else None


def commit_of(revision: str) -> str | None:
    """Return the commit that a revision names; None where it names none, or there is no repository."""
    if not revision or revision.startswith("-"):
        return None
    found = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return None if found is None else found.decode().strip()


def extract(commit: str, paths: Sequence[str], folder: Path) -> None:
    """Write files and folders of a commit below `folder`; paths that it lacks are left out."""
    listed = git("ls-tree", "--name-only", "-z", commit, "--", *paths) or b""
    there = [path for path in listed.decode().split("\0") if path]
    content = git("archive", "--format=tar", commit, "--", *there) if there else None
    if content is not None:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")


def earlier_versions(path: str) -> Iterator[str]:
    """Yield the text of a file in the commits up to HEAD that changed it, the newest first."""
    found = git("log", "--format=%H", f"--max-count={_MOST_COMMITS}", "--", path) or b""
    for commit in found.decode().split():
        text = _show(commit, path)
        if text is not None:
            yield text


@cache
def _show(commit: str, path: str) -> str | None:
    content = git("show", f"{commit}:./{path}")
    return None if content is None else content.decode("utf-8", errors="replace")
