"""MD5 of files and folders as DVC records them, so that its lock can be held against what is there.

A folder's hash is that of a JSON list of its files' hashes and paths, sorted by path, with `.dir` behind.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

FOLDER = ".dir"

Listing = Mapping[str, str]
"""MD5 of every file of a folder, by path relative to it."""


def md5(content: bytes) -> str:
    """Return the MD5 of some bytes, in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def file_md5(path: Path) -> str:
    """Return the MD5 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return digest.hexdigest()


def listing_md5(listing: Listing) -> str:
    """Return the hash of a folder that holds these files."""
    entries = [{"md5": listing[path], "relpath": path} for path in sorted(listing)]
    return md5(json.dumps(entries, sort_keys=True).encode()) + FOLDER


def listing_of(folder: Path, *, ignore: Iterable[str]) -> dict[str, str]:
    """Hash the files of a folder.

    Args:
        folder: The folder.
        ignore: Lines of `.dvcignore`.
    """
    patterns = tuple(ignore)
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {
        name: file_md5(path) for name, path in sorted(paths.items()) if not ignored(name, patterns)
    }


def ignored(path: str, patterns: Iterable[str]) -> bool:
    """Whether a part of a path is a name that `.dvcignore` leaves out (patterns without slashes)."""
    parts = PurePosixPath(path).parts
    return any(fnmatch(part, pattern.strip("/")) for pattern in patterns for part in parts)


def ignore_lines(text: str) -> tuple[str, ...]:
    """Return the patterns of a `.dvcignore`."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def listing_from_json(content: bytes) -> dict[str, str]:
    """Return the listing that DVC keeps of a folder in its cache."""
    return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}


def path_md5(path: Path, *, ignore: Iterable[str]) -> str | None:
    """Return the hash of a file or folder; null where there is none."""
    if path.is_dir():
        return listing_md5(listing_of(path, ignore=ignore))
    return file_md5(path) if path.exists() else None
