"""Files of a Git revision, read without checking it out. Knows no card and no stage.

Git is called as a program, never through a shell; a project need not be the root of its repository.
"""

import subprocess
from collections.abc import Iterable, Sequence

from pipeline.errors import ConfigError


def git(*arguments: str, stdin: bytes = b"") -> bytes | None:
    """Run one Git command; return what it prints, or null where it fails.

    Raises:
        ConfigError: Git is not installed.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - which git is the user's choice
            input=stdin,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "git is not installed", where="git", remedy="install it, or compare two mixtures"
        ) from error
    return done.stdout if done.returncode == 0 else None


def commit_of(revision: str) -> str | None:
    """Return the commit that a revision names; null where it names none, or there is no repository."""
    if not revision or revision.startswith("-"):
        return None
    found = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return None if found is None else found.decode().strip()


def read_files(commit: str, paths: Iterable[str]) -> dict[str, bytes]:
    """Return the files of a commit, those of `paths` that exist in it.

    Args:
        commit: Its hash.
        paths: Relative to the current folder.
    """
    wanted = list(paths)
    objects = _batch([f"{commit}:./{path}" for path in wanted])
    return {
        path: content for path, content in zip(wanted, objects, strict=True) if content is not None
    }


def _batch(names: Sequence[str]) -> list[bytes | None]:
    """Read many objects with one call."""
    answer = git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
    if answer is None:
        return [None] * len(names)
    contents: list[bytes | None] = []
    at = 0
    for name in names:
        end = answer.index(b"\n", at)
        head, at = answer[at:end].rsplit(b" ", 2), end + 1
        if answer[:end].endswith(f"{name} missing".encode()) or not head[-1].isdigit():
            contents.append(None)
            continue
        size = int(head[-1])
        contents.append(answer[at : at + size] if head[-2] == b"blob" else None)
        at += size + 1
    return contents


def files_below(commit: str, path: str) -> dict[str, str]:
    """Return the blobs of a file or folder in a commit: path, relative to the current folder, -> id."""
    listed = git("ls-tree", "-r", "-z", commit, "--", path)
    entries = (listed or b"").decode().split("\0")
    pairs = [entry.split("\t", 1) for entry in entries if entry]
    return {name: head.split()[2] for head, name in pairs if head.split()[1] == "blob"}


def blobs(ids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of blobs, by id."""
    wanted = sorted(set(ids))
    return {
        i: content for i, content in zip(wanted, _batch(wanted), strict=True) if content is not None
    }


def history(paths: Sequence[str], *, most: int) -> list[str]:
    """Return the commits up to HEAD that changed any of `paths`, newest first; none without Git."""
    found = git("log", "--format=%H", f"--max-count={most}", "--", *paths)
    return (found or b"").decode().split()
